"""A small company that every test of the documents starts from, and the ways to read, compile and analyse it."""

from __future__ import annotations

import copy
import importlib.resources
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from routerd.config.checks import analyse
from routerd.config.compile import compile_account
from routerd.config.load import load, numbering
from routerd.config.secret import SecretSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.config.document import Document
    from routerd.config.findings import Finding
    from routerd.rules.tables import AccountTables

    Edit = Callable[[dict[str, Any]], None]

MONDAY = 1_795_392_000.0  # 2026-11-23 00:00 UTC

COMPANY: dict[str, Any] = {
    "schema": 1,
    "account": {"id": "acme", "name": "Acme", "country": "IN", "timezone": "UTC", "emergency_numbers": ["112"]},
    "trunks": [{"id": "pstn", "target": "sip:127.0.0.1:5080", "addresses": ["127.0.0.1/32"]}],
    "outbound_routes": [{"prefix": "", "trunks": ["pstn"]}],
    "numbers": [{"number": "+918069651170", "destination": {"type": "department", "id": "support"}}],
    "agents": [
        {"id": "asha", "name": "Asha", "extension": "2001", "intercom": "1001"},
        {"id": "ravi", "name": "Ravi", "extension": "2002", "intercom": "1002"},
    ],
    "extensions": [
        {"id": "2001", "username": "2001", "password": "secret-2001"},
        {"id": "2002", "username": "2002", "password": "secret-2002"},
    ],
    "departments": [
        {
            "id": "support",
            "name": "Support",
            "members": [{"agent": "asha"}, {"agent": "ravi"}],
            "failover": {"type": "voicemail", "id": "general"},
        }
    ],
    "voicemails": [{"id": "general", "greeting": "hello"}],
    "sounds": [{"id": "hello", "text": "Hello."}],
}


def zone_bytes(name: str) -> bytes:
    package, _, last = f"tzdata.zoneinfo.{name.replace('/', '.')}".rpartition(".")
    return importlib.resources.files(package).joinpath(last).read_bytes()


@pytest.fixture
def zone_data() -> Callable[[str], bytes]:
    return zone_bytes


@pytest.fixture
def monday() -> float:
    return MONDAY


@pytest.fixture
def company() -> dict[str, Any]:
    return copy.deepcopy(COMPANY)


@pytest.fixture
def read() -> Callable[[dict[str, Any]], Document]:
    return lambda tree: load(json.dumps(tree).encode(), source="a.json", secrets=SecretSource({}))


@pytest.fixture
def compiled(read: Callable[[dict[str, Any]], Document]) -> Callable[[dict[str, Any]], AccountTables]:
    def make(tree: dict[str, Any]) -> AccountTables:
        return compile_account(read(tree), version=7, zone_data=zone_bytes, sound_durations={}, numbering=numbering())

    return make


@pytest.fixture
def findings(read: Callable[[dict[str, Any]], Document]) -> Callable[..., list[Finding]]:
    """Analyse the company after an edit; give the findings of one code."""

    def find(code: str, edit: Edit | None = None, at: float = MONDAY) -> list[Finding]:
        tree = copy.deepcopy(COMPANY)
        if edit is not None:
            edit(tree)
        document = read(tree)
        tables = compile_account(document, version=1, zone_data=zone_bytes, sound_durations={}, numbering=numbering())
        found = analyse(
            document, tables, at=at, numbering=numbering(), text=json.dumps(tree, indent=1), source="a.json"
        )
        assert all(finding.line > 0 and finding.message for finding in found)
        return [finding for finding in found if finding.code == code]

    return find


@pytest.fixture
def root() -> Path:
    return Path(__file__).resolve().parents[2]


@pytest.fixture
def vectors(shared: Path) -> list[dict[str, Any]]:
    return [case for path in sorted((shared / "vectors").glob("*.json")) for case in json.loads(path.read_text())]
