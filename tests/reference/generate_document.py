"""The documents of the seeded cases: small companies with four agents, each case with its own mixture of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

Table = dict[str, Any]

OWN = ["+918069651170", "+918069651180", "+918069651181", "+918069651100"]
P_OF = {"a": "+919000000001", "b": "+919000000011", "c": "+919000000021", "d": "+919000000031"}
CUSTOMERS = ["+919876543210", "+912261234567", "+919123456789"]
INTERNAL = ["1002", "2002", "1003", "2003", "1004"]
POLICIES: list[Table] = [
    {"allow": [], "deny": ["+9198"]},
    {"allow": ["+91"], "deny": []},
    {"allow": ["+9198", "+1"], "deny": ["+91987"]},
]
ADDRESSES = [["203.0.113.0/24", "2001:db8::/32"], ["203.0.113.7/32"]]
ANY = {"time", "nested"}  # families that are about something else than limits
REASONS = [
    "agent_disabled", "agent_blocked", "not_calling_agent", "logged_out", "on_break", "outside_time_group",
    "do_not_disturb", "agent_busy", "no_reachable_number", "no_answer", "busy", "declined", "unreachable",
]  # fmt: skip
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MONTHS = ["jan", "feb", "mar", "apr", "may", "oct", "nov", "dec"]
CLOCKS = [
    "00:00",
    "01:15",
    "01:45",
    "02:00",
    "02:30",
    "03:00",
    "06:00",
    "10:00",
    "12:00",
    "18:00",
    "18:01",
    "22:00",
    "23:59",
]


def maybe(rng: Random, chance: float, value: Any, otherwise: Any = None) -> Any:
    return value if rng.random() < chance else otherwise


def destination(rng: Random, kinds: str = "aadvvehrtin") -> Table:
    """``kinds``: agent, department, voicemail, external, hangup, router, time condition, ivr, announcement (n)."""
    match rng.choice(kinds):
        case "a":
            return {"type": "agent", "id": rng.choice("abcd")}
        case "d":
            return {"type": "department", "id": rng.choice(["support", "sales"])}
        case "e":
            return {"type": "external", "number": rng.choice(["+919000000099", "+919000000002"])}
        case "h":
            return {"type": "hangup"}
        case "r":
            return {"type": "router", "id": "vip"}
        case "t":
            return {"type": "time_condition", "id": rng.choice(["tc", "tc2"])}
        case "i":
            return {"type": "ivr", "id": rng.choice(["main", "second"])}
        case "n":
            return {"type": "announcement", "id": rng.choice(["open", "closed"])}
    return {"type": "voicemail", "id": rng.choice(["vm1", "vm2", "vm3"])}


def agent(rng: Random, name: str) -> Table:
    place = "abcd".index(name) + 1
    primary = P_OF[name]
    alternates = rng.sample(["+919000000002", "+919000000003", primary], rng.choice([0, 1, 2, 3]))
    sticky = rng.choice([None, None, {"strategy": "order"}, {"strategy": "simultaneous"}])
    given: Table = {
        "id": name,
        "name": name.upper(),
        "status": rng.choice(["enabled"] * 16 + ["disabled", "blocked"]),
        "calling_agent": rng.random() < 0.93,
        "login_based_calling": rng.random() < 0.35,
        "web_login": {"enabled": rng.random() < 0.8, "blocked": rng.random() < 0.2},
        "time_group": rng.choice([None, None, "office", "g"]),
        "failover": maybe(rng, 0.6, destination(rng)),
        "failover_on": maybe(rng, 0.25, rng.sample(REASONS, 4)),
        "call_forward_number": maybe(rng, 0.75, primary),
        "alternate_numbers": alternates,
        "sip_address": maybe(rng, 0.08, "sip:a@192.0.2.77") if name == "a" else None,
        "sticky": sticky,
        "ring_timeout_s": rng.choice([30, 30, 10, 5, 45]),
        "app_first": rng.choice([None, True, False]),
        "call_waiting": rng.random() < 0.3,
        "do_not_disturb": rng.random() < 0.06,
        "confirm_external": rng.random() < 0.2,
        "decline_ends_agent": rng.random() < 0.3,
        "extension": maybe(rng, 0.9, f"200{place}") if name != "a" else "2001",
        "intercom": f"100{place}",
        "click_to_call_route": rng.choice(["both", "both", "extension", "mobile"]),
        "block_outbound": rng.choice(["none"] * 5 + ["only_extension", "all"]),
        "international_outbound": rng.random() < 0.5,
        "caller_ids": {
            "mode": rng.choice(["custom", "custom", "department", "all"]),
            "numbers": rng.sample(OWN, rng.choice([0, 1, 2])),
            "default": maybe(rng, 0.5, rng.choice(OWN)),
        },
        "area_code_caller_ids": maybe(rng, 0.4, "metros"),
        "max_calls": rng.choice([1, 1, 1, 2]),
    }
    for key in list(given):
        if key not in {"id", "name", "extension", "call_forward_number"} and rng.random() < 0.04:
            del given[key]
    return given


def window(rng: Random) -> Table:
    return {"from": rng.choice(CLOCKS), "to": rng.choice(CLOCKS)}


def group(rng: Random) -> Table:
    rules = [
        {
            "windows": maybe(rng, 0.85, [window(rng) for _ in range(rng.choice([1, 1, 2]))]),
            "days": maybe(rng, 0.6, rng.sample(DAYS, 4)),
            "dates": maybe(rng, 0.15, [1, 24, 25, 28, 30, 31]),
            "months": maybe(rng, 0.25, rng.sample(MONTHS, 4)),
        }
        for _ in range(rng.choice([1, 1, 2]))
    ]
    exceptions = []
    for day in ("2026-12-25", "2026-11-22", "2026-11-08", "2026-03-08", "2026-11-01"):
        if rng.random() < 0.3:
            is_open = rng.random() < 0.5
            windows = [window(rng)] if is_open and rng.random() < 0.8 else None
            exceptions.append({"date": day, "open": is_open, "windows": windows})
    return {
        "id": "g",
        "timezone": rng.choice([None, "Asia/Kolkata", "America/New_York", "Europe/London", "Australia/Lord_Howe"]),
        "semantics": rng.choice(["start_day", "start_day", "calendar_day"]),
        "rules": rules,
        "exceptions": exceptions,
    }


def ivr(rng: Random, name: str) -> Table:
    options = {
        digits: destination(rng, "aaaadvteni")
        for digits in rng.sample(["1", "2", "3", "12", "121", "31", "0", "*"], rng.choice([2, 3, 4]))
    }
    intercom = rng.random() < 0.3
    return {
        "id": name,
        "prompt": rng.choice([None, "welcome", "open"]) or "welcome",
        "options": options,
        "dial_by_intercom": intercom,
        "digit_timeout_s": rng.choice([5, 5, 3]),
        "max_digits": 4 if intercom else rng.choice([3, 4]) if any(len(o) > 1 for o in options) else rng.choice([1, 3]),
        "invalid": {
            "prompt": maybe(rng, 0.3, "beep"),
            "attempts": rng.choice([1, 2, 3]),
            "destination": destination(rng, "aadvhten"),
        },
        "timeout": {
            "prompt": maybe(rng, 0.3, "beep"),
            "attempts": rng.choice([1, 2, 3]),
            "destination": destination(rng, "aadvhten"),
        },
    }


def department(rng: Random, name: str, family: str) -> Table:
    members = rng.sample(["a", "b", "c", "d"], rng.choice([1, 2, 2, 3, 4]))
    strategy = rng.choice(["order", "order", "simultaneous", "round_robin", "longest_idle"])
    if len(members) == 1 and rng.random() < 0.2:
        strategy = "random"
    with_queue = rng.random() < (0.9 if family == "queue" and name == "support" else 0.08)
    queue = {
        "timeout_s": rng.choice([20.83, 40.97, 90.61]),
        "max_waiting": rng.choice([10, 10, 10, 1, 0]),
        "music": "welcome",
        "announce_position_every_s": 30,
        "join_empty": rng.random() < 0.3,
        "wrap_up_s": rng.choice([0, 0, 7, 13]),
        "retry_after_s": rng.choice([30, 11, 3]),
    }
    return {
        "id": name,
        "name": name.title(),
        "strategy": strategy,
        "members": [
            {"agent": member, "timeout_s": rng.choice([None, 30.05, 20.15, 7.45, 13.85])} for member in members
        ],
        "failover": maybe(rng, 0.6, destination(rng)),
        "queue": queue if with_queue else None,
        "affinity": maybe(rng, 0.15, {"hours": 24, "strict": rng.random() < 0.4}),
    }


def trunks(rng: Random) -> list[Table]:
    return [
        {
            "id": name,
            "target": f"sip:127.0.0.1:{port}",
            "addresses": [f"127.0.0.{port - 5079}/32"],
            "max_channels": maybe(rng, 0.12, rng.choice([1, 2])),
            "provisional_timeout_s": rng.choice([4, 4, 2]),
            "forwarded_identity": rng.choice(["caller", "caller", "number", "pilot"]),
            "media": "direct",
        }
        for name, port in (("pstn", 5080), ("second", 5081))
    ]


def routes(rng: Random) -> list[Table]:
    return rng.choice(
        [
            [{"prefix": "", "trunks": ["pstn"]}],
            [{"prefix": "", "trunks": ["pstn", "second"]}],
            [{"prefix": "", "trunks": ["pstn", "second"]}],
            [{"prefix": "+91900000001", "trunks": ["second"]}, {"prefix": "", "trunks": ["pstn"]}],
            [{"prefix": "+919", "trunks": ["second", "pstn"]}, {"prefix": "+9", "trunks": ["pstn"]}],
        ]
    )


FIRST = {
    "direct": "a", "before": "aad", "ivr": "i", "nested": "tr", "department": "d", "queue": "d", "time": "t",
    "softphone": "a", "click": "a", "internal": "a", "own": "adivt",
}  # fmt: skip


def numbers(rng: Random, family: str) -> list[Table]:
    found = []
    for number in OWN:
        first = destination(rng, FIRST[family])
        if first["type"] == "department" and family == "queue":
            first["id"] = "support"
        if first["type"] == "ivr":
            first["id"] = "main"
        if first["type"] == "agent" and number == OWN[0]:
            first["id"] = "a"
        if number != OWN[0] and rng.random() < 0.4:
            first = None
        edge = 0.12 if family == "before" else 0.02
        found.append(
            {
                "number": number,
                "label": number,
                "status": "suspended" if rng.random() < (edge if number == OWN[0] else 0.15) else "active",
                "destination": None if rng.random() < edge else first,
                "affinity": maybe(rng, 0.25, {"hours": rng.choice([24, 2]), "strict": rng.random() < 0.3}),
                "max_channels": maybe(rng, edge, rng.choice([1, 2])),
                "department": rng.choice([None, None, "support", "sales"]),
            }
        )
    return found


def time_conditions(rng: Random) -> list[Table]:
    return [
        {
            "id": name,
            "time_group": rng.choice(["office", "g"]),
            "matched": destination(rng, "aadvttrneh"),
            "unmatched": destination(rng, "aadvttrneh"),
            "override": rng.choice(["auto"] * 5 + ["matched", "unmatched"]),
        }
        for name in ("tc", "tc2")
    ]


def router(rng: Random) -> Table:
    rules = [
        {
            "caller_prefixes": maybe(rng, 0.5, rng.choice([["+9144"], ["+9198"], ["+914", "+1"]])),
            "time_group": maybe(rng, 0.3, "office"),
            "returning": rng.choice([None, True, False]),
            "destination": destination(rng, "aadvtthe"),
        }
        for _ in range(rng.choice([1, 2]))
    ]
    return {"id": "vip", "rules": rules, "otherwise": destination(rng, "aadvttrh")}


def build_document(rng: Random, family: str) -> Table:
    """A whole document; the family says where its first number leads."""
    agents = [agent(rng, name) for name in "abcd"]
    if family in {"softphone", "click", "internal", "own"} and rng.random() < 0.7:
        agents[0].update(status="enabled", calling_agent=True)
    extensions = [entry["extension"] for entry in agents if entry["extension"]]
    outbound = family in {"softphone", "click"}
    first = numbers(rng, family)
    conditions = time_conditions(rng)
    if family == "time":
        conditions[0].update(time_group="g", matched={"type": "announcement", "id": "open"})
        conditions[0].update(unmatched={"type": "announcement", "id": "closed"}, override="auto")
        first[0].update(destination={"type": "time_condition", "id": "tc"}, status="active", affinity=None)
    return {
        "schema": 1,
        "account": {
            "id": "acme",
            "name": "Acme",
            "domains": ["acme.test"],
            "timezone": rng.choice(["Asia/Kolkata"] * 5 + ["America/New_York"]),
            "country": "IN",
            "pilot_number": maybe(rng, 0.85, OWN[3]),
            "international_enabled": rng.random() < 0.4,
            "emergency_numbers": ["112", "100"],
            "max_channels": maybe(rng, 0.08, rng.choice([0, 1, 2])),
            "ivr_agent_unavailable": rng.choice(["hangup", "failover"]),
        },
        "trunks": trunks(rng),
        "outbound_routes": routes(rng),
        "destination_policy": maybe(rng, 0.3 if outbound else 0, rng.choice(
            POLICIES
        )),
        "numbers": first,
        "blocked_callers": [
            {"number": blocked, "numbers": rng.choice([None, [OWN[0]], [OWN[1]]])}
            for blocked in ("anonymous", "+9144*", "+919812345678")
            if rng.random() < (0.2 if family == "before" else 0.02)
        ],
        "time_groups": [
            {"id": "office", "rules": [{"windows": [{"from": "10:00", "to": "18:00"}], "days": DAYS[:5]}]},
            group(rng),
        ],
        "time_conditions": conditions,
        "routers": [router(rng)],
        "agents": agents,
        "extensions": [
            {
                "id": extension,
                "username": extension,
                "password": f"s3cret-{extension}",
                "addresses": maybe(rng, 0.35 if outbound else 0.1, "hq"),
                "provisional_timeout_s": rng.choice([4, 4, 2]),
                "media": "direct",
            }
            for extension in extensions
        ],
        "address_lists": [{"id": "hq", "addresses": rng.choice(ADDRESSES)}],
        "area_code_caller_ids": [
            {
                "id": "metros",
                "entries": rng.sample(
                    [
                        {"code": "91", "number": OWN[0]}, {"code": "22", "number": OWN[1]},
                        {"code": "226", "number": OWN[2]}, {"code": "9", "number": OWN[3]},
                        {"code": "22", "number": OWN[3]},
                    ],
                    rng.choice([2, 3, 4]),
                ),
            }
        ],
        "ivrs": [ivr(rng, "main"), ivr(rng, "second")],
        "departments": [department(rng, "support", family), department(rng, "sales", family)],
        "voicemails": [{"id": name, "greeting": "open", "max_message_s": 180} for name in ("vm1", "vm2", "vm3")],
        "sounds": [
            {"id": "welcome", "file": "welcome.wav", "duration_s": rng.choice([0, 2.5, 6.25])},
            {"id": "beep", "file": "beep.wav", "duration_s": rng.choice([1.25, 3.5])},
            {"id": "open", "text": "open", "voice": "en"},
            {"id": "closed", "text": "closed", "voice": "en"},
        ],
    }  # fmt: skip
