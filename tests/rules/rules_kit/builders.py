"""Documents and scenarios for the tests of the rules: a small company, changed where a test says so."""

from __future__ import annotations

from typing import Any

from rules_kit.player import Player, compile_document

CALLER = "+919812345678"
NUMBER = "+918069651170"
MOBILE = "+919000000001"
CUSTOMER = "+919876543210"
OPEN = "2026-11-23T06:30:00+00:00"  # a Monday noon in Kolkata
CLOSED = "2026-11-23T15:30:00+00:00"  # nine in the evening


def document(destination: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The company; ``destination`` is the first number's, ``changes`` replace whole sections."""
    made: dict[str, Any] = {
        "schema": 1,
        "account": {
            "id": "acme",
            "name": "Acme",
            "timezone": "Asia/Kolkata",
            "country": "IN",
            "pilot_number": "+918069651100",
            "emergency_numbers": ["112"],
            "feature_codes": {"voicemail": "*97"},
        },
        "trunks": [{"id": "pstn", "target": "sip:192.0.2.10:5060"}],
        "outbound_routes": [{"prefix": "", "trunks": ["pstn"]}],
        "numbers": [
            {"number": NUMBER, "label": "One", "destination": destination or {"type": "agent", "id": "a"}},
            {"number": "+918069651180", "label": "Two", "destination": {"type": "agent", "id": "c"}},
            {"number": "+918069651100", "label": "Pilot", "destination": None},
        ],
        "time_groups": [
            {
                "id": "office",
                "rules": [{"windows": [{"from": "10:00", "to": "18:00"}], "days": ["mon", "tue", "wed", "thu", "fri"]}],
            }
        ],
        "agents": [
            agent("a", "2001", "1001", call_forward_number=MOBILE, failover={"type": "voicemail", "id": "vm"}),
            agent("b", "2002", "1002"),
            agent("c", "2003", "1003"),
        ],
        "extensions": [{"id": e, "username": e, "password": "secret"} for e in ("2001", "2002", "2003")],
        "departments": [
            {
                "id": "support",
                "name": "Support",
                "members": [{"agent": "a"}, {"agent": "b"}],
                "failover": {"type": "voicemail", "id": "vm2"},
            }
        ],
        "voicemails": [{"id": "vm", "greeting": "hello", "agent": "a"}, {"id": "vm2", "greeting": "hello"}],
        "sounds": [{"id": "hello", "text": "hello", "voice": "en"}],
    }
    made.update(changes)
    return made


def agent(name: str, extension: str | None, intercom: str | None, **changes: Any) -> dict[str, Any]:
    """An agent with a phone."""
    made: dict[str, Any] = {
        "id": name,
        "name": name.upper(),
        "extension": extension,
        "intercom": intercom,
        "caller_ids": {"mode": "custom", "numbers": [NUMBER]},
    }
    made.update(changes)
    return made


def change(made: dict[str, Any], section: str, name: str, **changes: Any) -> dict[str, Any]:
    """Change one entry (by id or number) of a section, in place; returns the document."""
    entry = next(e for e in made[section] if name in {e.get("id"), e.get("number")})
    entry.update(changes)
    return made


def scenario(call: dict[str, Any] | None = None, *, at: str = OPEN, **parts: Any) -> dict[str, Any]:
    """An inbound call to the first number, everybody registered, unless ``call`` and ``parts`` say otherwise."""
    state = {"registered": {"2001": "203.0.113.7", "2002": "203.0.113.8", "2003": "203.0.113.9"}}
    state.update(parts.pop("state", {}))
    inbound = {"kind": "inbound", "trunk": "pstn", "from": CALLER, "to": NUMBER}
    return {"at": at, "call": {**inbound, **(call or {})}, "state": state, "phones": {}, "events": [], **parts}


def softphone(to: str, **changes: Any) -> dict[str, Any]:
    """A call from agent a's phone."""
    return {"kind": "softphone", "from": "2001", "to": to, "source": "203.0.113.7", **changes}


def click(to: str = CUSTOMER, **changes: Any) -> dict[str, Any]:
    """A click-to-call of agent a."""
    return {"kind": "click_to_call", "agent": "a", "to": to, **changes}


def play(made: dict[str, Any], played: dict[str, Any]) -> dict[str, Any]:
    """Play a scenario; the result of section 6."""
    return Player(compile_document(made), played).play()


def legs(result: dict[str, Any]) -> list[tuple[str, float, float, str]]:
    """The legs as short tuples."""
    return [(leg["target"], round(leg["start_s"], 2), round(leg["end_s"], 2), leg["result"]) for leg in result["legs"]]
