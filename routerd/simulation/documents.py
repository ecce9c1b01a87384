"""Random routing documents of a handful of shapes, for seeded worlds: one company, six phones, two trunks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

if TYPE_CHECKING:
    from routerd.rules.tables import AccountTables
    from routerd.simulation.chance import Chance

DOMAIN: Final = "acme.test"
PASSWORD: Final = "a password of the simulated company"  # noqa: S105 - nobody real has it
PSTN: Final = ("198.18.1.1", 5060)
SECOND: Final = ("198.18.1.2", 5060)
AGENTS: Final = ("a", "b", "c", "d", "e", "f")
SHAPES: Final = ("direct", "ring_plan", "department", "queue", "menu", "failover")
FIRST_NUMBER: Final = 918069651170
NUMBERS: Final = tuple(f"+{FIRST_NUMBER + index}" for index in range(6))
MOBILES: Final = tuple(f"+9190000000{10 + index}" for index in range(len(AGENTS)))


def extension_of(agent: str) -> str:
    """Return the extension of one of the company's agents."""
    return str(2001 + AGENTS.index(agent))


def document(shape: str, chance: Chance) -> bytes:
    """Return a document of ``shape`` as JSON; the rest of it is drawn."""
    content: dict[str, Any] = {
        "schema": 1,
        "account": {
            "id": "acme",
            "name": "Acme",
            "domains": [DOMAIN],
            "country": "IN",
            "timezone": "Asia/Kolkata",
            "pilot_number": NUMBERS[0],
            "max_call_s": chance.one_of((25, 14400)),
            "max_channels": chance.one_of((None, None, 3)),
            "music_on_hold": chance.one_of((None, "pause")),
        },
        "trunks": [_trunk("pstn", PSTN, chance), _trunk("second", SECOND, chance)],
        "outbound_routes": [{"prefix": "", "trunks": ["pstn", "second"]}],
        "numbers": [_number(index, number, shape, chance) for index, number in enumerate(NUMBERS)],
        "agents": [_agent(agent, shape, chance) for agent in AGENTS],
        "extensions": [_extension(agent, chance) for agent in AGENTS],
        "departments": _departments(shape, chance),
        "ivrs": [_ivr(chance)],
        "voicemails": [{"id": "box", "greeting": "hello", "max_message_s": 20}],
        "sounds": [
            {"id": "hello", "file": "hello.wav", "duration_s": 2.0},
            {"id": "label", "file": "label.wav", "duration_s": 0.7},
            {"id": "pause", "file": "pause.wav", "duration_s": 30.0},
        ],
    }
    return json.dumps(content).encode()


def _trunk(name: str, address: tuple[str, int], chance: Chance) -> dict[str, Any]:
    return {
        "id": name,
        "target": f"sip:{address[0]}:{address[1]};transport=udp",
        "addresses": [f"{address[0]}/32"],
        "media": chance.one_of(("relay", "direct")),
        "max_channels": chance.one_of((None, None, 2)),
    }


DESTINATIONS: Final[dict[str, tuple[dict[str, str], ...]]] = {
    "direct": ({"type": "agent", "id": "a"}, {"type": "agent", "id": "b"}),
    "ring_plan": ({"type": "agent", "id": "a"}, {"type": "agent", "id": "c"}),
    "department": ({"type": "department", "id": "first"}, {"type": "department", "id": "second"}),
    "queue": ({"type": "department", "id": "first"}, {"type": "department", "id": "first"}),
    "menu": ({"type": "ivr", "id": "main"}, {"type": "ivr", "id": "main"}),
    "failover": ({"type": "external", "number": "+919812300001"}, {"type": "agent", "id": "d"}),
}


def _number(index: int, number: str, shape: str, chance: Chance) -> dict[str, Any]:
    others = (
        {"type": "agent", "id": AGENTS[index]},
        {"type": "voicemail", "id": "box"},
        {"type": "announcement", "id": "hello"},
        {"type": "hangup"},
    )
    destination = DESTINATIONS[shape][index] if index < 2 else chance.one_of(others)
    made: dict[str, Any] = {"number": number, "label": f"Line {index}", "destination": destination}
    if chance.often(0.2):
        made["whisper"] = "label"
    if chance.often(0.3):
        made["affinity"] = {"hours": 1, "strict": chance.often(0.3)}
    return made


def _agent(agent: str, shape: str, chance: Chance) -> dict[str, Any]:
    index = AGENTS.index(agent)
    made: dict[str, Any] = {
        "id": agent,
        "name": agent.upper(),
        "extension": extension_of(agent),
        "intercom": str(1001 + index),
        "ring_timeout_s": chance.one_of((5, 8, 15)),
        "login_based_calling": chance.often(0.2),
        "call_waiting": chance.often(0.2),
        "decline_ends_agent": chance.often(0.2),
        "confirm_external": chance.often(0.2),
    }
    if shape in {"ring_plan", "failover"} or chance.often(0.3):
        made["call_forward_number"] = MOBILES[index]
        made["app_first"] = chance.often(0.5)
    if shape == "ring_plan":
        made["alternate_numbers"] = [f"+91900000{30 + index}01", f"+91900000{30 + index}02"]
        made["sticky"] = chance.one_of((None, {"strategy": "order"}, {"strategy": "simultaneous"}))
    if shape == "failover" or chance.often(0.2):
        made["failover"] = chance.one_of(({"type": "voicemail", "id": "box"}, {"type": "department", "id": "second"}))
    return made


def _extension(agent: str, chance: Chance) -> dict[str, Any]:
    return {
        "id": extension_of(agent),
        "username": extension_of(agent),
        "password": PASSWORD,
        "media": chance.one_of(("relay", "direct")),
    }


def _departments(shape: str, chance: Chance) -> list[dict[str, Any]]:
    strategies = ("order", "simultaneous", "round_robin", "random", "longest_idle")
    first: dict[str, Any] = {
        "id": "first",
        "name": "First",
        "strategy": chance.one_of(strategies),
        "members": [{"agent": agent, "timeout_s": chance.one_of((None, 6))} for agent in AGENTS[:3]],
    }
    if shape == "queue":
        first["queue"] = {"timeout_s": 30, "join_empty": chance.often(0.5), "retry_after_s": 5, "wrap_up_s": 3}
        first["queue"]["announce_position_every_s"] = chance.one_of((None, 4))
    if chance.often(0.5):
        first["failover"] = {"type": "voicemail", "id": "box"}
    second = {
        "id": "second",
        "name": "Second",
        "strategy": chance.one_of(strategies),
        "members": [{"agent": agent} for agent in AGENTS[3:]],
    }
    return [first, second]


def _ivr(chance: Chance) -> dict[str, Any]:
    return {
        "id": "main",
        "prompt": "hello",
        "options": {
            "1": {"type": "agent", "id": "a"},
            "2": {"type": "department", "id": "first"},
            "3": {"type": "voicemail", "id": "box"},
        },
        "dial_by_intercom": chance.often(0.5),
        "digit_timeout_s": 3,
    }


def with_files(tables: AccountTables) -> AccountTables:
    """Return the tables with a file for every sound, as if the document had been applied."""
    sounds = {name: replace(sound, path=f"/sounds/{name}.wav") for name, sound in tables.sounds.items()}
    return replace(tables, sounds=sounds)


def plain(*, media: str = "direct", **account: Any) -> bytes:
    """Return the document of a small company for written scenarios: alice, bob and carol, a trunk and its numbers.

    ``account`` are keys of the document to be put in place of those here.
    """
    people = ("alice", "bob", "carol")
    content: dict[str, Any] = {
        "schema": 1,
        "account": {"id": "acme", "name": "Acme", "domains": [DOMAIN], "country": "IN", "pilot_number": NUMBERS[0]},
        "trunks": [
            {"id": "pstn", "target": f"sip:{PSTN[0]}:5060", "addresses": [f"{PSTN[0]}/32"], "media": media},
            {"id": "second", "target": f"sip:{SECOND[0]}:5060", "addresses": [f"{SECOND[0]}/32"], "media": media},
        ],
        "outbound_routes": [{"prefix": "", "trunks": ["pstn", "second"]}],
        "numbers": [
            {"number": NUMBERS[0], "label": "Bob", "destination": {"type": "agent", "id": "bob"}},
            {"number": NUMBERS[1], "label": "Menu", "destination": {"type": "ivr", "id": "menu"}},
            {"number": NUMBERS[2], "label": "Team", "destination": {"type": "department", "id": "team"}},
            {"number": NUMBERS[3], "label": "Box", "destination": {"type": "voicemail", "id": "box"}},
        ],
        "agents": [
            {"id": name, "name": name.title(), "extension": name, "intercom": str(1001 + index)}
            for index, name in enumerate(people)
        ],
        "extensions": [{"id": name, "username": name, "password": PASSWORD, "media": media} for name in people],
        "departments": [
            {
                "id": "team",
                "name": "Team",
                "strategy": "simultaneous",
                "members": [{"agent": name} for name in people[1:]],
            }
        ],
        "ivrs": [{"id": "menu", "prompt": "hello", "options": {"1": {"type": "agent", "id": "bob"}}}],
        "voicemails": [{"id": "box", "greeting": "hello", "max_message_s": 20}],
        "sounds": [{"id": "hello", "file": "hello.wav", "duration_s": 2.0}],
        **account,
    }
    return json.dumps(content).encode()
