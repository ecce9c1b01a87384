from __future__ import annotations

import re
import socket
import subprocess
from threading import Event
from typing import Any

import psutil

from routerd.app.composition import engine_answers
from routerd.config.settings import parse_address


def refused(site: Any) -> str:
    done = subprocess.run(
        site.command(), cwd=site.folder, env=site.environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "nothing was started" in done.stderr
    assert not (site.folder / "run").exists()
    return done.stderr


def test_every_wrong_setting_is_said_with_its_line(site: Any) -> None:
    path = site.folder / "routerd.toml"
    lines = path.read_text().replace("[media]", '[media]\ntimeout_s = "long"\nnonsense = 1')
    path.write_text(lines.replace("udp:127.0.0.1", "pigeon:127.0.0.1"))
    said = refused(site)
    for pointer, line in (("/sip/listen/0", 2), ("/media/timeout_s", 4), ("/media/nonsense", 5)):
        assert f"routerd.toml:{line}: {pointer}: " in said


def test_every_error_of_a_document_is_said(site: Any) -> None:
    text = site.document.read_text()
    site.document.write_text(
        text.replace('extension: "2001"', 'extension: "2009"').replace("country: IN", "country: XX")
    )
    said = refused(site)
    assert "acme.yaml:3: " in said
    assert "acme.yaml:5: /agents/0/extension: " in said


def test_missing_files_are_said(site: Any) -> None:
    site.document.unlink()
    assert "acme.yaml: the document cannot be read" in refused(site)
    (site.folder / "routerd.toml").unlink()
    assert "routerd.toml: the settings cannot be read" in refused(site)


def test_a_sound_that_cannot_be_played_stops_everything(site: Any) -> None:
    with site.document.open("a") as document:
        document.write("sounds:\n  - {id: a, file: none.wav}\n  - {id: b, text: Hello., voice: klingonese}\n")
    said = refused(site)
    assert re.search(r"acme.yaml:\d+: /sounds/0/file: no sounds_dir is set", said)
    assert re.search(r"acme.yaml:\d+: /sounds/1/text: espeak-ng: .*voice", said)


def test_folders_of_recordings_and_messages_are_for_the_owner_only(site: Any) -> None:
    path = site.folder / "routerd.toml"
    text = path.read_text()
    path.write_text(text.replace("[media]", '[media]\nvoicemail_dir = "acme.yaml/v"\nrecordings_dir = "deep/r"'))
    assert "/media/voicemail_dir: the folder" in refused(site)
    for folder in ("deep", "deep/r"):
        assert (site.folder / folder).is_dir()
    assert (site.folder / "deep" / "r").stat().st_mode & 0o777 == 0o700


def test_a_port_in_use_is_said_with_who_has_it(site: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", site.sip))
        said = refused(site)
    assert f"udp:127.0.0.1:{site.sip} is in use by pid {psutil.Process().pid} (" in said


def test_phones_settings_are_printed_when_it_is_up(site: Any) -> None:
    site.start()
    assert site.ready(), site.log()
    assert site.stop() == 0
    said = site.log()
    for word in ("2001", "secret-2001", "acme.test", f"127.0.0.1:{site.sip} (udp, tcp)", "routerd demo"):
        assert word in said


def test_a_media_relay_that_runs_already_is_used(site: Any) -> None:
    relay = subprocess.Popen(
        [*site.command()[:-3], "media", "--settings", "routerd.toml"], cwd=site.folder, env=site.environment()
    )
    try:
        address = parse_address(re.findall('control = "(.*)"', (site.folder / "routerd.toml").read_text())[0])
        assert any(engine_answers(address) or Event().wait(0.1) for _ in range(200))
        site.start()
        roles = {role for child in site.children for role in ("sip", "control", "media") if role in child.cmdline()}
        assert roles == {"sip", "control"}
        assert site.stop() == 0
        assert engine_answers(address)
    finally:
        relay.terminate()
        assert relay.wait(10) == 0
