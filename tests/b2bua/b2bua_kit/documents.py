"""The company of these tests: three agents with phones, two trunks, a department with a queue, a menu and a mailbox."""

from __future__ import annotations

import importlib.resources
import json
from typing import Any

from routerd.config.compile import compile_account
from routerd.config.load import load, numbering
from routerd.config.secret import SecretSource
from routerd.config.snapshot import build_snapshot

ACCOUNT = "acme"
MAIN = "+918069651100"  # asha, no failover
SUPPORT = "+918069651180"  # the department with a queue
MENU = "+918069651190"
GROUP = "+918069651170"  # a department without a queue, its members rung together
FORWARDED = "+918069651160"  # to a number outside
CUSTOMER = "+919812345678"
MOBILE = "+919000000001"


def company(*, media: str = "direct", **more: Any) -> dict[str, Any]:
    """The document; ``more`` replaces its lists, ``media`` is that of every phone and trunk."""
    document: dict[str, Any] = {
        "schema": 1,
        "account": {
            "id": ACCOUNT,
            "name": "Acme",
            "country": "IN",
            "timezone": "UTC",
            "domains": ["acme.test"],
            "pilot_number": MAIN,
            "emergency_numbers": ["112"],
        },
        "trunks": [
            trunk("pstn", "192.0.2.10", media=media),
            trunk("second", "192.0.2.20", media=media),
        ],
        "outbound_routes": [{"prefix": "", "trunks": ["pstn", "second"]}],
        "numbers": [
            {"number": MAIN, "destination": {"type": "agent", "id": "asha"}},
            {"number": SUPPORT, "destination": {"type": "department", "id": "support"}},
            {"number": MENU, "destination": {"type": "ivr", "id": "main"}},
            {"number": GROUP, "destination": {"type": "department", "id": "group"}},
            {"number": FORWARDED, "destination": {"type": "external", "number": MOBILE}},
        ],
        "agents": [agent("asha", "2001", "1001"), agent("ravi", "2002", "1002"), agent("meera", "2003", "1003")],
        "extensions": [
            {"id": name, "username": name, "password": f"secret-{name}", "media": media}
            for name in ("2001", "2002", "2003")
        ],
        "departments": [
            {
                "id": "support",
                "name": "Support",
                "strategy": "order",
                "members": [{"agent": "asha", "timeout_s": 20}],
                "queue": {"timeout_s": 120, "max_waiting": 10, "music": "music", "wrap_up_s": 5},
            },
            {
                "id": "group",
                "name": "Group",
                "strategy": "simultaneous",
                "members": [{"agent": "asha"}, {"agent": "ravi"}],
            },
        ],
        "ivrs": [
            {
                "id": "main",
                "prompt": "welcome",
                "options": {"1": {"type": "agent", "id": "asha"}, "2": {"type": "voicemail", "id": "box"}},
            }
        ],
        "voicemails": [{"id": "box", "max_message_s": 60}],
        "sounds": [{"id": "welcome", "text": "Hello", "voice": "en"}, {"id": "music", "text": "La", "voice": "en"}],
    }
    document.update(more)
    return document


def trunk(name: str, host: str, **more: Any) -> dict[str, Any]:
    """A trunk at ``host``:5060, accepted by its address."""
    return {"id": name, "target": f"sip:{host}:5060", "addresses": [f"{host}/32"], "media": "direct", **more}


def agent(name: str, extension: str, intercom: str, **more: Any) -> dict[str, Any]:
    """An agent with a phone."""
    return {
        "id": name,
        "name": name.title(),
        "extension": extension,
        "intercom": intercom,
        "ring_timeout_s": 20,
        **more,
    }


def changed(document: dict[str, Any], kind: str, name: str, **more: Any) -> dict[str, Any]:
    """The document with one object of a list changed."""
    return {
        **document,
        kind: [{**thing, **more} if thing.get("id") == name else thing for thing in document[kind]],
    }


def snapshot_of(*documents: dict[str, Any]) -> Any:
    """The compiled snapshot of documents."""
    tables = []
    for document in documents:
        read = load(json.dumps(document).encode(), source="company.json", secrets=SecretSource({}))
        tables.append(compile_account(read, version=3, zone_data=_zone, sound_durations={}, numbering=numbering()))
    return build_snapshot(tables, 3)


def _zone(name: str) -> bytes:
    package, _, last = f"tzdata.zoneinfo.{name.replace('/', '.')}".rpartition(".")
    return importlib.resources.files(package).joinpath(last).read_bytes()
