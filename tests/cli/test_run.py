from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from routerd.app import start
from routerd.app.documents import DocumentReader
from routerd.cli import run as module
from routerd.cli.main import program
from routerd.config.settings import load_settings

DOCUMENT = b"""
schema: 1
account: {id: acme, name: Acme, domains: [acme.test], country: IN}
agents: [{id: asha, name: Asha Rao, extension: "2001", intercom: "1001"}]
extensions: [{id: "2001", username: phone1, password: "geheim"}, {id: "2002", username: phone2, password: "auch"}]
numbers: [{number: "+918069651170"}]
"""


def test_the_settings_file_and_the_status_are_passed_on(monkeypatch: Any) -> None:
    taken: list[Any] = []
    monkeypatch.setattr(start, "run", lambda file, greet: taken.append((file, greet)) or 2)
    done = CliRunner().invoke(program("run"), ["run", "--settings", "other.toml"])
    assert done.exit_code == 2
    assert taken == [(Path("other.toml"), module.greet)]


def test_phones_are_told_all_that_they_ask_for(capsys: Any) -> None:
    settings = load_settings('[sip]\nlisten = ["udp:0.0.0.0:5060=203.0.113.5", "tls:127.0.0.1:5061"]\n'
                             '[tls]\ncertificate = "c"\nkey = "k"\n', "s.toml")  # fmt: skip
    module.greet(settings, [DocumentReader("", "").tables(DOCUMENT, "a.yaml", 1)])
    said = capsys.readouterr().out
    for word in (
        "phone1",
        "geheim",
        "acme.test",
        "Asha Rao",
        "1001 or 2001",
        "phone2",
        "routerd demo",
        "+918069651170",
    ):
        assert word in said
    assert module.servers_of(settings) == ["203.0.113.5:5060 (udp)", "127.0.0.1:5061 (tls)"]


def test_a_wildcard_is_no_address_to_dial() -> None:
    settings = load_settings('[sip]\nlisten = ["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060"]\n', "s.toml")
    assert module.servers_of(settings) == ["this machine's address:5060 (udp, tcp)"]
