from __future__ import annotations

import signal
from threading import Event
from typing import Any

import pytest
import structlog

from routerd.app.control import Control
from routerd.app.setup import ControlSetup, Setup, SipSetup
from routerd.b2bua.settings import SwitchSettings
from routerd.errors import StoreError
from routerd.store import tokens
from routerd.store.tokens import Token


@pytest.fixture
async def control(site: Any) -> Any:
    folder = site.folder
    setup = ControlSetup(
        str(folder / "s.db"), (str(site.document),), "", "", ("127.0.0.1", site.admin), str(folder / "token")
    )
    made = Control(Setup(setup, SipSetup(SwitchSettings(())), None), folder / "control")
    await made.start()
    yield made
    await made.stop()


async def test_a_reload_takes_a_good_document_and_refuses_a_wrong_one(control: Any, site: Any) -> None:
    site.document.write_text(site.document.read_text().replace("Asha Rao", "Asha R"))
    await control.reload()
    assert control.documents.versions == {"acme": 2}
    site.document.write_text("schema: 1\nnonsense: 2\n")
    with structlog.testing.capture_logs() as lines:
        await control.reload()
    assert control.documents.versions == {"acme": 2}
    said = [line["error"] for line in lines if line["event"] == "document refused"]
    assert any("acme.yaml:2: /nonsense" in line for line in said)
    assert len(said) >= 2


async def test_metrics_tell_of_documents_and_store(control: Any) -> None:
    samples = {(name, *labels.values()): value for name, labels, value in await control.samples()}
    assert samples["document_version", "acme"] == 1
    assert samples["records_queued",] == 0
    assert samples["document_apply_seconds",] > 0


@pytest.mark.usefixtures("control")
async def test_an_admin_address_that_is_taken_ends_the_start(site: Any, tmp_path: Any) -> None:
    setup = ControlSetup(str(tmp_path / "t.db"), (), "", "", ("127.0.0.1", site.admin), str(tmp_path / "t"))
    second = Control(Setup(setup, SipSetup(SwitchSettings(())), None), tmp_path / "second")
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()


async def test_a_store_that_cannot_be_opened_ends_the_start(site: Any) -> None:
    setup = ControlSetup("/nowhere/at/all.db", (), "", "", ("127.0.0.1", site.admin), "token")
    with pytest.raises(StoreError):
        await Control(Setup(setup, SipSetup(SwitchSettings(())), None), site.folder / "x").start()


def test_metrics_tell_of_trunks_and_agents(site: Any) -> None:
    site.start()
    _, text = site.get("/metrics")
    assert "routerd_calls_active 0" in text
    assert 'routerd_agents{account="acme",state="' in text
    assert 'routerd_sip_requests_total{direction="in",method="OPTIONS",transport="udp"} ' in text
    assert 'routerd_document_version{account="acme"} 1' in text


def test_a_document_that_was_changed_is_in_force_after_sighup(site: Any) -> None:
    site.start()
    site.document.write_text(site.document.read_text().replace("Asha Rao", "Asha R"))
    site.process.send_signal(signal.SIGHUP)
    for _ in range(200):
        if 'Asha R"' in site.get("/v1/accounts/acme/agents")[1]:
            break
        Event().wait(0.05)
    else:
        pytest.fail(site.log())
    assert site.stop() == 0


def test_a_document_that_was_changed_comes_into_force_by_itself(site: Any) -> None:
    settings = site.folder / "routerd.toml"
    settings.write_text(settings.read_text().replace("[document]", "[document]\nwatch_s = 0.2"))
    site.start()
    site.document.write_text(site.document.read_text().replace("Asha Rao", "Asha R"))
    for _ in range(200):
        if 'Asha R"' in site.get("/v1/accounts/acme/document")[1]:
            break
        Event().wait(0.05)
    else:
        pytest.fail(site.log())
    assert site.stop() == 0


async def test_tokens_are_known_after_a_restart_and_their_use_is_noted(control: Any, site: Any) -> None:
    token = Token("t1", "desk", b"\1" * 32, ("read",), ("*",), 1.0)
    await control.writer.run(tokens.add, token)
    await control._know_tokens("first")
    assert control.gate.find(b"\1" * 32).name == "desk"
    control.gate.count("t1")
    await control._note_tokens()
    (kept,) = await control.writer.run(tokens.every)
    assert kept.used_at is not None
    assert control.gate.take_used() == {}
    assert site.document.exists()


async def test_who_waits_for_a_version_does_not_wait_for_a_process_that_is_away(control: Any) -> None:
    assert not await control.serving()
    assert control.versions == {"acme": 1}
    assert not control.ready
    assert control.now() > 1.7e9
    assert "routerd_document_version" in await control.metrics()
