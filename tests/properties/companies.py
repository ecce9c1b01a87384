"""Companies drawn freely: any number of each thing, any key present or left to its default, led anywhere.

``companies()`` draws a whole routing document; ``scenarios(document)`` a call in it, with the live state, the phones
and what happens meanwhile. Every agent's own failover leads into a router (``own-ID``) or a mailbox of its own
(``box-ID``), which nothing else names: so a result tells whose failover was used.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Table = dict[str, Any]
Draw = st.DrawFn

OWN = [f"+9180696511{index}0" for index in range(6)]
CALLERS = ["+919812345678", "+914412345678", "+14155550123", "anonymous"]
CUSTOMERS = ["+919876543210", "+912261234567", "+14155550199", "9876543210", "112"]
HQ, FOREIGN = "203.0.113.7", "198.51.100.9"
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CLOCKS = ["00:00", "02:30", "06:00", "10:00", "12:00", "18:00", "22:00", "23:59"]
INSTANTS = [
    "2026-11-23T06:30:00+00:00",
    "2026-11-23T12:29:50+00:00",
    "2026-11-22T23:30:00+00:00",
    "2026-03-08T07:00:00+00:00",
]
REASONS = ["logged_out", "on_break", "outside_time_group", "agent_busy", "no_answer", "busy", "declined", "unreachable"]
LISTS = {"agent": "a", "department": "d", "ivr": "i", "time_condition": "t", "router": "r", "voicemail": "v"}


def of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def number_of(agent: str) -> str:
    return f"+91900000{1000 + int(agent[1:])}"


class Names:
    """What the document has, so that everything drawn later can point at it."""

    def __init__(self, draw: Draw) -> None:
        most = {"agent": 5, "department": 3, "ivr": 2, "time_condition": 2, "router": 2, "voicemail": 2}
        self.ids = {
            kind: [f"{LISTS[kind]}{index}" for index in range(draw(st.integers(int(kind == "agent"), count)))]
            for kind, count in most.items()
        }
        self.groups = [f"g{index}" for index in range(draw(st.integers(1, 2)))]
        self.numbers = OWN[: draw(st.integers(1, len(OWN)))]
        self.trunks = ["pstn", "second", "third"][: draw(st.integers(1, 3))]
        self.sounds = ["hello", "long"]

    def destination(self, draw: Draw) -> Table:
        there = [kind for kind, ids in self.ids.items() if ids] + ["external", "announcement", "hangup"]
        there += ["agent", "agent", *(["department"] if self.ids["department"] else [])]
        kind = draw(st.sampled_from(there))
        if kind == "external":
            return {"type": kind, "number": draw(of("+919000000099", number_of("a0")))}
        if kind == "announcement":
            return {"type": kind, "id": draw(st.sampled_from(self.sounds))}
        return {"type": kind, "id": draw(st.sampled_from(self.ids[kind]))} if kind in self.ids else {"type": kind}


def sparse(draw: Draw, optional: Table) -> Table:
    """Leave out some of the keys: what is absent has its default."""
    left_out = draw(st.sets(st.sampled_from(sorted(optional)), max_size=len(optional)))
    return {key: value for key, value in optional.items() if key not in left_out}


def agent(draw: Draw, names: Names, name: str) -> Table:
    place = int(name[1:])
    modes = of("all", "department", "custom")
    own = draw(of(None, {"type": "router", "id": "own-" + name}, {"type": "voicemail", "id": "box-" + name}))
    extension = {"extension": f"200{place}"} if draw(of(True, True, True, False)) else {}
    optional = {
        "status": draw(of("enabled", "enabled", "disabled", "blocked")),
        "calling_agent": draw(of(True, True, False)),
        "login_based_calling": draw(st.booleans()),
        "web_login": {"enabled": draw(of(True, True, False)), "blocked": draw(of(False, False, True))},
        "time_group": draw(st.sampled_from([None, *names.groups])),
        "failover_on": draw(st.none() | st.lists(st.sampled_from(REASONS), min_size=1, max_size=4, unique=True)),
        "call_forward_number": number_of(name),
        "alternate_numbers": draw(st.lists(of("+919000000055", "+919000000056"), max_size=2, unique=True)),
        "sip_address": draw(of(None, "sip:x@192.0.2.77")),
        "sticky": draw(of(None, {"strategy": "order"}, {"strategy": "simultaneous"})),
        "ring_timeout_s": draw(of(5, 30, 45)),
        "app_first": draw(of(None, True, False)),
        "call_waiting": draw(st.booleans()),
        "do_not_disturb": draw(of(False, False, True)),
        "confirm_external": draw(st.booleans()),
        "decline_ends_agent": draw(st.booleans()),
        "intercom": f"100{place}",
        "click_to_call_route": draw(of("both", "extension", "mobile")),
        "block_outbound": draw(of("none", "none", "only_extension", "all")),
        "international_outbound": draw(st.booleans()),
        "caller_ids": {
            "mode": draw(modes),
            "numbers": draw(st.lists(st.sampled_from(names.numbers), max_size=2, unique=True)),
            "default": draw(st.sampled_from([None, *names.numbers])),
        },
        "area_code_caller_ids": draw(of(None, "metros")),
        "max_calls": draw(of(1, 1, 2)),
    }
    if draw(of(True, True, False)):  # or hardly anybody would ever be rung
        optional.update(status="enabled", calling_agent=True, do_not_disturb=False, time_group=None)
    return {"id": name, "name": name.upper(), "failover": own, **extension, **sparse(draw, optional)}


def department(draw: Draw, names: Names, name: str) -> Table:
    agents = draw(st.lists(st.sampled_from(names.ids["agent"]), max_size=4, unique=True))
    queue = {
        "timeout_s": draw(of(None, 20.5, 60)),
        "max_waiting": draw(of(None, 0, 1, 5)),
        "music": draw(of(None, "hello")),
        "announce_position_every_s": draw(of(None, 10)),
        "join_empty": draw(st.booleans()),
        "wrap_up_s": draw(of(0, 7)),
        "retry_after_s": draw(of(3, 30)),
    }
    queue["timeout_s"] = queue["timeout_s"] or 90  # a queue without an end would outlast the scenario
    optional = {
        "strategy": draw(of("order", "simultaneous", "round_robin", "random", "longest_idle")),
        "failover": draw(of(None, 1)) and names.destination(draw),
        "queue": draw(of(None, queue)),
        "affinity": draw(of(None, {"hours": 24, "strict": False}, {"hours": 2, "strict": True})),
    }
    members = [{"agent": member, "timeout_s": draw(of(None, 7.5, 20))} for member in agents]
    return {"id": name, "name": name.upper(), "members": members, **sparse(draw, optional)}


def ivr(draw: Draw, names: Names, name: str) -> Table:
    keys = draw(st.lists(of("0", "1", "2", "12", "121", "*"), max_size=4, unique=True))

    def fault() -> Table:
        attempts, prompt = draw(of(1, 2)), draw(of(None, "hello"))
        return {"prompt": prompt, "attempts": attempts, "destination": names.destination(draw)}

    return {
        "id": name,
        "prompt": draw(st.sampled_from(names.sounds)),
        "options": {key: names.destination(draw) for key in keys},
        "dial_by_intercom": draw(st.booleans()),
        "digit_timeout_s": draw(of(3, 5)),
        "max_digits": 4,
        "invalid": fault(),
        "timeout": fault(),
    }


def group(draw: Draw, name: str) -> Table:
    def window() -> Table:
        return {"from": draw(st.sampled_from(CLOCKS)), "to": draw(st.sampled_from(CLOCKS))}

    rules = [
        {"windows": [window()], "days": draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True))}
        for _ in range(draw(st.integers(1, 2)))
    ]
    return {
        "id": name,
        "timezone": draw(of(None, "America/New_York", "Australia/Lord_Howe")),
        "semantics": draw(of("start_day", "calendar_day")),
        "rules": rules,
        "exceptions": draw(of([], [{"date": "2026-11-23", "open": False}], [{"date": "2026-11-23", "open": True}])),
    }


def number(draw: Draw, names: Names, text: str) -> Table:
    optional = {
        "status": draw(of("active", "active", "active", "suspended")),
        "affinity": draw(of(None, {"hours": 24, "strict": False}, {"hours": 24, "strict": True})),
        "max_channels": draw(of(None, None, 1)),
        "department": draw(st.sampled_from([None, *names.ids["department"]])),
    }
    destination = {"destination": names.destination(draw)} if draw(of(True, True, True, False)) else {}
    return {"number": text, "label": text, **destination, **sparse(draw, optional)}


def routers(draw: Draw, names: Names) -> list[Table]:
    def rule() -> Table:
        return {
            "caller_prefixes": draw(of(None, ["+9144"], ["+1", "+9198"])),
            "time_group": draw(st.sampled_from([None, *names.groups])),
            "returning": draw(of(None, True, False)),
            "destination": names.destination(draw),
        }

    made = [
        {"id": name, "rules": [rule() for _ in range(draw(st.integers(1, 2)))], "otherwise": names.destination(draw)}
        for name in names.ids["router"]
    ]
    own = [{"id": "own-" + name, "rules": [], "otherwise": names.destination(draw)} for name in names.ids["agent"]]
    return made + own


def account(draw: Draw, names: Names) -> Table:
    optional = {
        "country": "IN",
        "pilot_number": draw(st.sampled_from([None, *names.numbers])),
        "international_enabled": draw(st.booleans()),
        "max_channels": draw(of(None, None, 0, 2)),
        "ivr_agent_unavailable": draw(of("hangup", "failover")),
    }
    zone = draw(of("Asia/Kolkata", "America/New_York"))
    fixed = {"id": "acme", "name": "Acme", "domains": ["acme.test"], "timezone": zone, "country": "IN"}
    return {**fixed, "emergency_numbers": ["112"], **sparse(draw, optional)}


@st.composite
def companies(draw: Draw) -> Table:
    """Draw a whole document."""
    names = Names(draw)
    agents = [agent(draw, names, name) for name in names.ids["agent"]]
    boxes = [*names.ids["voicemail"], *("box-" + name for name in names.ids["agent"])]
    prefixes = draw(st.lists(of("", "+91", "+9190", "+1"), min_size=1, max_size=3, unique=True))
    return {
        "schema": 1,
        "account": account(draw, names),
        "trunks": [
            {
                "id": name,
                "target": f"sip:127.0.0.1:{5080 + place}",
                "addresses": [f"127.0.0.{place + 2}/32"],
                "max_channels": draw(of(None, None, 1)),
                "forwarded_identity": draw(of("caller", "number", "pilot")),
                "media": "direct",
            }
            for place, name in enumerate(names.trunks)
        ],
        "outbound_routes": [
            {"prefix": prefix, "trunks": draw(st.lists(st.sampled_from(names.trunks), min_size=1, unique=True))}
            for prefix in prefixes
        ],
        "destination_policy": draw(of(None, None, {"allow": ["+91"], "deny": []}, {"allow": [], "deny": ["+9198"]})),
        "numbers": [number(draw, names, text) for text in names.numbers],
        "blocked_callers": draw(of([], [], [{"number": "anonymous"}], [{"number": "+9144*"}])),
        "time_groups": [group(draw, name) for name in names.groups],
        "time_conditions": [
            {
                "id": name,
                "time_group": draw(st.sampled_from(names.groups)),
                "matched": names.destination(draw),
                "unmatched": names.destination(draw),
                "override": draw(of("auto", "auto", "matched", "unmatched")),
            }
            for name in names.ids["time_condition"]
        ],
        "routers": routers(draw, names),
        "agents": agents,
        "extensions": [
            {
                "id": entry["extension"],
                "username": entry["extension"],
                "password": "s3cret",
                "addresses": draw(of(None, None, "hq")),
                "media": draw(of("direct", "relay")),
            }
            for entry in agents
            if entry.get("extension")
        ],
        "address_lists": [{"id": "hq", "addresses": ["203.0.113.0/24"]}],
        "area_code_caller_ids": [
            {
                "id": "metros",
                "entries": [
                    {"code": code, "number": draw(st.sampled_from(names.numbers))}
                    for code in draw(st.lists(of("98", "22", "9"), max_size=3, unique=True))
                ],
            }
        ],
        "ivrs": [ivr(draw, names, name) for name in names.ids["ivr"]],
        "departments": [department(draw, names, name) for name in names.ids["department"]],
        "voicemails": [{"id": name, "greeting": "hello", "max_message_s": 30} for name in boxes],
        "sounds": [
            {"id": "hello", "file": "hello.wav", "duration_s": draw(of(0, 2.5))},
            {"id": "long", "file": "long.wav", "duration_s": 9},
        ],
    }


def call(draw: Draw, made: Table) -> Table:
    agents = [entry["id"] for entry in made["agents"]]
    extensions = [entry["id"] for entry in made["extensions"]]
    inside = [entry["intercom"] for entry in made["agents"] if "intercom" in entry]
    to = draw(st.sampled_from([*CUSTOMERS, *CUSTOMERS, *inside, *extensions, made["numbers"][0]["number"], "12"]))
    wish = draw(st.sampled_from([None, None, *OWN[:2]]))
    kind = draw(of("inbound", "inbound", "softphone" if extensions else "inbound", "click_to_call"))
    if kind == "inbound":
        numbers = [entry["number"] for entry in made["numbers"]]
        trunk = draw(st.sampled_from([entry["id"] for entry in made["trunks"]]))
        to = draw(st.sampled_from(numbers))
        return {"kind": kind, "trunk": trunk, "from": draw(st.sampled_from(CALLERS)), "to": to}
    if kind == "softphone":
        source = draw(of(HQ, FOREIGN))
        return {"kind": kind, "from": draw(st.sampled_from(extensions)), "to": to, "source": source, "caller_id": wish}
    via = draw(of(None, "extension", "mobile"))
    return {"kind": kind, "agent": draw(st.sampled_from(agents)), "to": to, "via": via, "caller_id": wish}


def phones(draw: Draw, made: Table) -> Table:
    people = [number_of(entry["id"]) for entry in made["agents"]]
    targets = [*("extension:" + entry["id"] for entry in made["extensions"]), *people, "+919000000055", *CUSTOMERS[:3]]
    kinds = of(
        {"answer_after_s": 3},
        {"answer_after_s": 1, "confirm_after_s": 1},
        {"answer_after_s": 7, "confirm_after_s": None},
        None,
        {"answer_after_s": 3, "confirm_after_s": 2},
        {"answer_after_s": 11, "confirm_after_s": 9},
        {"status": 486, "status_after_s": 1},
        {"status": 603, "status_after_s": 2},
        {"status": 503},
        {"silent": True},
    )
    drawn = {target: draw(kinds) for target in targets}
    return {target: phone for target, phone in drawn.items() if phone is not None}


@st.composite
def scenarios(draw: Draw, made: Table) -> Table:
    """Draw a call in that company, and everything around it."""
    agents = [entry["id"] for entry in made["agents"]]
    some = st.lists(st.sampled_from(agents), unique=True)
    happening = st.fixed_dictionaries(
        {
            "at_s": of(0.25, 1.25, 2.75, 5.4, 12.3, 31.7),
            "do": of("logout", "break", "login", "unbreak", "call_ended", "digits", "digits", "caller_hangup"),
            "agent": st.sampled_from(agents),
            "digits": of("1", "2", "12", "9", "1#", "1001", "#"),
        }
    )
    last = {"caller": CALLERS[0], "agent": draw(st.sampled_from(agents)), "last_at": "2026-11-22T22:00:00Z"}
    return {
        "at": draw(st.sampled_from(INSTANTS)),
        "seed": draw(st.integers(0, 9)),
        "call": call(draw, made),
        "state": {
            "registered": {
                entry["id"]: draw(of(HQ, FOREIGN)) for entry in made["extensions"] if draw(of(True, True, False))
            },
            "sessions": draw(some),
            "on_break": draw(some),
            "in_call": draw(some),
            "affinity": draw(of([], [last])),
        },
        "phones": phones(draw, made),
        "events": sorted(draw(st.lists(happening, max_size=5)), key=lambda entry: float(entry["at_s"])),
    }
