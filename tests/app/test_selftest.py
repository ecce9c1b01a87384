from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from routerd.app import selftest
from routerd.app.composition import read_settings
from routerd.app.documents import DocumentReader
from routerd.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def company() -> list[Any]:
    return [DocumentReader("", "").tables((ROOT / "conf" / "demo.yaml").read_bytes(), "demo.yaml", 1)]


def test_free_extensions_are_chosen() -> None:
    def pair(*taken: str) -> tuple[str, str]:
        found = selftest.pair_of(company(), {"acme": set(taken)}, "routerd")
        assert found.domain == "acme.test"
        return found.caller.id, found.callee.id

    assert pair() == ("2002", "2001")
    assert pair("2001") == ("2003", "2002")
    assert pair("2002") == ("2003", "2001")


def test_no_phone_of_anybody_is_rung() -> None:
    for taken in ({"2001", "2002"}, {"2001", "2003"}, {"2001", "2002", "2003"}):
        with pytest.raises(ConfigError, match="no two extensions are free"):
            selftest.pair_of(company(), {"acme": taken}, "routerd")


def test_a_call_through_the_running_daemon(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.start()
    monkeypatch.chdir(site.folder)
    result = selftest.run(read_settings(site.folder / "routerd.toml"))
    assert (result.caller, result.callee, result.failure) == ("2002", "2001", "")
    assert result.setup_s is not None
    assert 0 < result.setup_s < 5
    assert min(result.caller_heard, result.callee_heard) > 20
    assert site.get("/v1/accounts/acme/registrations") == (200, '{"registrations":[]}')


def test_without_a_daemon(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.folder)
    (site.folder / "admin.token").write_text("token")
    with pytest.raises(OSError, match="refused"):
        selftest.run(read_settings(site.folder / "routerd.toml"))


def test_who_is_not_to_be_disturbed_is_not_called() -> None:
    text = (ROOT / "conf" / "demo.yaml").read_text()
    quiet = text.replace("ring_timeout_s: 20\n", "ring_timeout_s: 20\n    do_not_disturb: true\n", 1)
    assert quiet != text
    tables = [DocumentReader("", "").tables(quiet.encode(), "demo.yaml", 1)]
    found = selftest.pair_of(tables, {}, "routerd")
    assert (found.caller.id, found.callee.id) == ("2001", "2002")
