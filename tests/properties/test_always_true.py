"""Section 7 of the contract: sentences that hold for every document, every call and every turn of events."""

from __future__ import annotations

from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from rules_kit.builders import CALLER, CUSTOMER, NUMBER, document
from rules_kit.player import Player, World, attempt_of, compile_document, seconds

from routerd.rules import machine, plan
from routerd.rules.facts import Facts

NAMES = ("a", "b", "c")
NUMBERS = (NUMBER, "+918069651180", "+918069651100")
MOBILES = {name: f"+91900000000{n}" for n, name in enumerate(NAMES, 1)}
PHONES = {name: f"extension:200{n}" for n, name in enumerate(NAMES, 1)}
AT = ("2026-11-23T06:30:00+00:00", "2026-11-23T12:29:50+00:00", "2026-11-23T15:30:00+00:00")
HQ, FOREIGN = "203.0.113.7", "198.51.100.9"

flags = st.booleans()


def of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


@st.composite
def destinations(draw: st.DrawFn, *, agents_only: bool = False) -> dict[str, Any]:
    kind = draw(of("agent", "department", "ivr", "time_condition", "router", "voicemail", "external", "hangup"))
    if agents_only or kind == "agent":
        return {"type": "agent", "id": draw(of(*NAMES))}
    named = {"department": "support", "ivr": "main", "time_condition": "tc", "router": "r", "voicemail": "vm"}
    if kind == "external":
        return {"type": "external", "number": "+919000000099"}
    return {"type": kind, "id": named[kind]} if kind in named else {"type": kind}


@st.composite
def agents(draw: st.DrawFn, index: int) -> dict[str, Any]:
    name = NAMES[index]
    return {
        "id": name,
        "name": name,
        "status": draw(of("enabled", "enabled", "enabled", "disabled", "blocked")),
        "calling_agent": draw(of(True, True, True, False)),
        "login_based_calling": draw(flags),
        "time_group": draw(of(None, "office")),
        "failover": {"type": "voicemail", "id": "vm-" + name},
        "call_forward_number": draw(of(None, MOBILES[name])),
        "alternate_numbers": draw(of([], ["+919000000055"])),
        "sticky": draw(of(None, {"strategy": "order"}, {"strategy": "simultaneous"})),
        "app_first": draw(of(None, True, False)),
        "call_waiting": draw(flags),
        "do_not_disturb": draw(of(False, False, True)),
        "confirm_external": draw(flags),
        "decline_ends_agent": draw(flags),
        "extension": f"200{index + 1}",
        "intercom": f"100{index + 1}",
        "click_to_call_route": draw(of("both", "extension", "mobile")),
        "block_outbound": draw(of("none", "only_extension", "all")),
        "caller_ids": {
            "mode": draw(of("all", "department", "custom")),
            "numbers": draw(of([], [NUMBERS[0]], [NUMBERS[1], NUMBERS[0]])),
            "default": draw(of(None, NUMBERS[1])),
        },
        "area_code_caller_ids": draw(of(None, "metros")),
    }


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    made = document(destination=draw(destinations()))
    made["agents"] = [draw(agents(index)) for index in range(3)]
    made["account"]["ivr_agent_unavailable"] = draw(of("hangup", "failover"))
    for entry, other in zip(made["numbers"], NUMBERS, strict=True):
        entry["status"] = draw(of("active", "active", "suspended"))
        entry["department"] = draw(of(None, "support"))
        entry["affinity"] = draw(of(None, {"hours": 24, "strict": False}, {"hours": 24, "strict": True}))
        if other != NUMBER:
            entry["destination"] = draw(destinations())
    queue = {"timeout_s": 50, "max_waiting": draw(of(0, 5)), "join_empty": draw(flags), "wrap_up_s": draw(of(0, 5))}
    made["departments"] = [
        {
            "id": "support",
            "name": "Support",
            "strategy": draw(of("order", "simultaneous", "round_robin", "random", "longest_idle")),
            "members": [{"agent": name, "timeout_s": draw(of(None, 7))} for name in NAMES],
            "failover": draw(st.none() | destinations()),
            "queue": draw(of(None, queue)),
            "affinity": draw(of(None, {"hours": 24, "strict": False})),
        }
    ]
    fault = {"attempts": 2, "destination": draw(destinations())}
    made["ivrs"] = [
        {
            "id": "main",
            "prompt": "hello",
            "options": {"1": draw(destinations(agents_only=True)), "2": draw(destinations())},
            "dial_by_intercom": draw(flags),
            "digit_timeout_s": 5,
            "max_digits": 4,
            "invalid": fault,
            "timeout": {"attempts": 1, "destination": draw(of({"type": "hangup"}, {"type": "agent", "id": "b"}))},
        }
    ]
    made["time_conditions"] = [
        {"id": "tc", "time_group": "office", "matched": draw(destinations()), "unmatched": draw(destinations())}
    ]
    rule = {
        "caller_prefixes": draw(of(None, ["+9144"])),
        "returning": draw(of(None, True)),
        "destination": draw(destinations()),
    }
    made["routers"] = [{"id": "r", "rules": [rule], "otherwise": draw(destinations())}]
    made["voicemails"] = [{"id": name, "greeting": "hello"} for name in ("vm", "vm-a", "vm-b", "vm-c")]
    made["area_code_caller_ids"] = [{"id": "metros", "entries": [{"code": "98", "number": NUMBERS[2]}]}]
    made["address_lists"] = [{"id": "hq", "addresses": ["203.0.113.0/24"]}]
    for extension in made["extensions"]:
        extension["addresses"] = draw(of(None, "hq"))
    return made


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    to = draw(of(CUSTOMER, "1002", "2003", NUMBERS[1], "112", "+14155550123", "12"))
    wish = draw(of(None, None, *NUMBERS))
    kind = draw(of("inbound", "inbound", "softphone", "click_to_call"))
    if kind == "inbound":
        return {"kind": kind, "trunk": "pstn", "from": draw(of(CALLER, "anonymous")), "to": draw(of(*NUMBERS))}
    if kind == "softphone":
        return {"kind": kind, "from": "2001", "to": to, "source": draw(of(HQ, FOREIGN)), "caller_id": wish}
    return {"kind": kind, "agent": "a", "to": to, "via": draw(of(None, "extension", "mobile")), "caller_id": wish}


@st.composite
def phones(draw: st.DrawFn) -> dict[str, Any]:
    targets = [*PHONES.values(), *MOBILES.values(), "+919000000055", "+919000000099", CUSTOMER, "112"]
    made = {}
    for target in targets:
        made[target] = draw(
            of(
                {},
                {"answer_after_s": 3, "confirm_after_s": draw(of(None, 2, 9))},
                {"answer_after_s": 6},
                {"status": 486, "status_after_s": 1},
                {"status": 603, "status_after_s": 2},
                {"status": 503},
                {"silent": True},
            )
        )
    return made


@st.composite
def events(draw: st.DrawFn) -> list[dict[str, Any]]:
    one = st.fixed_dictionaries(
        {
            "at_s": of(0, 1, 2, 5, 12, 31),
            "do": of("logout", "break", "login", "call_ended", "digits", "digits", "caller_hangup"),
            "agent": of(*NAMES),
            "digits": of("1", "2", "9", "1#", "1002", "#"),
        }
    )
    return sorted(draw(st.lists(one, max_size=5)), key=lambda e: e["at_s"])


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    names = st.lists(of(*NAMES), unique=True)
    return {
        "at": draw(of(*AT)),
        "seed": draw(st.integers(0, 9)),
        "call": draw(calls()),
        "state": {
            "registered": {f"200{n}": draw(of(HQ, FOREIGN)) for n in (1, 2, 3) if draw(of(True, True, False))},
            "sessions": draw(names),
            "on_break": draw(names),
            "in_call": draw(names),
            "affinity": draw(
                of(
                    [],
                    [{"caller": CALLER, "agent": "c", "last_at": "2026-11-23T05:00:00Z"}],
                    [{"caller": CUSTOMER, "agent": "b", "number": NUMBERS[1], "last_at": "2026-11-23T05:00:00Z"}],
                )
            ),
        },
        "phones": draw(phones()),
        "events": draw(events()),
    }


def own_failover_is_used_only_where_allowed(made: dict[str, Any], result: dict[str, Any]) -> None:
    allowed = {"number", "internal"}
    if made["account"]["ivr_agent_unavailable"] == "failover":
        allowed.add("ivr")
    for node in result["nodes"]:
        if node["type"] == "voicemail" and node["id"].startswith("vm-"):
            agent = node["id"].removeprefix("vm-")
            assert any(n["id"] == agent and n["context"] in allowed and n["reason"] for n in result["nodes"])


def nobody_is_connected_who_was_not_there(made: dict[str, Any], played: dict[str, Any], result: dict[str, Any]) -> None:
    if result["outcome"] != "answered":
        return
    leg = next(leg for leg in result["legs"] if leg["result"] == "answered")
    agent = next((a for a in made["agents"] if a["id"] == leg["agent"]), None)
    if agent is None or result["final"]["type"] != "agent" or result["nodes"][-1]["context"] == "internal":
        return
    assert agent["status"] == "enabled"
    assert agent["calling_agent"]
    assert not agent["do_not_disturb"]
    turn = next(n["at_s"] for n in reversed(result["nodes"]) if n["id"] == agent["id"])
    if agent["time_group"]:
        assert seconds(played["at"]) + turn < seconds("2026-11-23T12:30:00+00:00")
    if agent["login_based_calling"]:
        state, paused = agent["id"] in played["state"]["sessions"], agent["id"] in played["state"]["on_break"]
        for happened in played["events"]:
            if happened["agent"] == agent["id"] and happened["at_s"] < leg["end_s"]:
                state = {"logout": False, "login": True}.get(happened["do"], state)
                paused = paused or happened["do"] == "break"
        assert state
        assert not paused


def blocks_and_routes_hold(made: dict[str, Any], played: dict[str, Any], result: dict[str, Any]) -> None:
    call = played["call"]
    agent = made["agents"][0]
    pstn = [leg["target"] for leg in result["legs"] if leg["target"].startswith("+")]
    if call["kind"] == "softphone" and agent["block_outbound"] != "none":
        assert pstn == []
    if call["kind"] == "click_to_call":
        if agent["block_outbound"] == "all":
            assert result["legs"] == []
        targets = [leg["target"] for leg in result["legs"]]
        if agent["click_to_call_route"] == "extension":
            assert MOBILES["a"] not in targets
        if agent["click_to_call_route"] == "mobile":
            assert PHONES["a"] not in targets


def the_shown_number_was_allowed(made: dict[str, Any], played: dict[str, Any], result: dict[str, Any]) -> None:
    call = played["call"]
    outbound = call["kind"] == "click_to_call" or (call["kind"] == "softphone" and call["to"] == CUSTOMER)
    if not outbound or not result["legs"]:
        return
    agent = made["agents"][0]
    ids = agent["caller_ids"]
    active = {n["number"]: n["department"] for n in made["numbers"] if n["status"] == "active"}
    allowed = {NUMBERS[2]} if agent["area_code_caller_ids"] else set()
    if ids["mode"] == "custom":
        allowed |= set(ids["numbers"])
    elif ids["mode"] == "department":
        allowed |= {ids["default"]} | {n for n, department in active.items() if department == "support"}
    else:
        allowed |= set(active)
    assert result["caller_id"] in allowed & set(active)


@settings(max_examples=250)
@given(documents(), scenarios())
def test_section_seven(made: dict[str, Any], played: dict[str, Any]) -> None:
    player = Player(compile_document(made), played)
    result = player.play()
    event(result["outcome"])
    own_failover_is_used_only_where_allowed(made, result)
    nobody_is_connected_who_was_not_there(made, played, result)
    blocks_and_routes_hold(made, played, result)
    the_shown_number_was_allowed(made, played, result)
    endings = [c for c in player.commands if isinstance(c, plan.End | plan.Bridge)]
    assert len(endings) == 1


LEGS = st.integers(0, 4)
RAW_EVENTS = st.one_of(
    st.builds(plan.LegRinging, LEGS),
    st.builds(plan.LegAnswered, LEGS),
    st.builds(plan.LegConfirmed, LEGS),
    st.builds(plan.LegUnconfirmed, LEGS),
    st.builds(plan.LegFailed, LEGS, of("busy", "declined", "unreachable"), of(None, 486, 603)),
    st.builds(plan.LegRedirected, LEGS, of("1002", CUSTOMER, "sip:x@y", NUMBER, "112")),
    st.builds(plan.LegReleased, LEGS),
    st.builds(plan.TimerFired, of("stage:0", "stage:1", "stage:2", "stage:3", "digits", "queue", "wake", "position")),
    st.builds(plan.Digit, of(*"0129*#")),
    st.just(plan.PlayEnded()),
    st.just(plan.MailboxEnded()),
    st.just(plan.CallerGone()),
    st.builds(plan.AgentLoggedOut, of(*NAMES)),
    st.builds(plan.AgentOnBreak, of(*NAMES)),
    st.builds(plan.AgentFreed, of(*NAMES)),
)


@settings(max_examples=250)
@given(documents(), scenarios(), st.lists(st.tuples(RAW_EVENTS, st.floats(0, 40)), max_size=25))
def test_no_turn_of_events_raises_and_legs_end_once(
    made: dict[str, Any], played: dict[str, Any], happenings: list[tuple[plan.Event, float]]
) -> None:
    tables = compile_document(made)
    world = World(played["state"], played["seed"])
    attempt = attempt_of(tables, played)
    step = machine.start(tables, attempt, Facts(world, "acme"))
    now = attempt.at
    commands = list(step.commands)
    for happening, later in happenings:
        now += later
        step = machine.advance(step, happening, Facts(world, "acme"), now)
        commands += step.commands
    given_up = [c.leg for c in commands if isinstance(c, plan.Cancel | plan.Release)]
    assert len(given_up) == len(set(given_up))
    assert sum(isinstance(c, plan.End | plan.Bridge) for c in commands) == (1 if step.over else 0)
    assert step.trace
