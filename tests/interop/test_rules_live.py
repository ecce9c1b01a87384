"""The rules as real phones and trunks meet them: sticky plans, a department, a menu, address lists, caller IDs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from kit import scenarios
from kit.baresip import Baresip
from kit.company import ALICE_NUMBER, BOB_NUMBER, CUSTOMER, PILOT, TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.ports import free_port
from kit.rtp import RtpPeer
from kit.sipp import Sipp
from kit.tone import write_tone

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = ("127.0.0.4", "127.0.0.5", "127.0.0.6")
MOBILES = ("+919010000001", "+919020000002", "+919030000003")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
RING_S, SLACK_S = 5, 1.0
RELEASED = scenarios.hung_up_by_peer()
IGNORED = scenarios.ring_until_cancelled()


def with_mobiles(ports: tuple[int, ...], **bob: Any) -> dict[str, Any]:
    """Bob with three mobiles, each behind a trunk of its own."""
    names = ("one", "two", "three")
    outside = [trunk(name, port, host) for name, port, host in zip(names, ports, HOSTS, strict=True)]
    document = company(trunk("in", free_port()), *outside)
    document["outbound_routes"] = [
        {"prefix": mobile[:6], "trunks": [name]} for mobile, name in zip(MOBILES, names, strict=True)
    ]
    changes = {"call_forward_number": MOBILES[0], "alternate_numbers": list(MOBILES[1:]), "ring_timeout_s": RING_S}
    change(document, "agents", "bob", **changes, **bob)
    return document


def change(document: dict[str, Any], kind: str, name: str, **changes: Any) -> None:
    next(part for part in document[kind] if part["id"] == name).update(changes)


def closed_now() -> dict[str, Any]:
    """A time group that opens in half a year."""
    month = MONTHS[(datetime.now(UTC).month + 5) % 12]
    return {"id": "away", "rules": [{"months": [month]}]}


def calling(sdp: str, *after: str) -> str:
    return scenarios.invite(sdp) + scenarios.expect_answer() + scenarios.ack() + "".join(after)


def legs_of(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(leg["target"], leg["result"]) for leg in record["legs"]]


def assert_starts(record: dict[str, Any], *expected_s: float) -> None:
    starts = [leg["start_s"] for leg in record["legs"]]
    assert starts == [pytest.approx(start, abs=SLACK_S) for start in expected_s], record


def test_sticky_in_order(tmp_path: Path) -> None:
    """The phone rings in vain, then the mobile, the first alternate is busy, the second answers."""
    ports = free_port(), free_port(), free_port()
    with (
        Daemon(tmp_path, with_mobiles(ports, sticky={"strategy": "order"})) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, auto_answer=False) as bob,
        RtpPeer(1000, TRUNK_HOST) as voice,
        RtpPeer(600, HOSTS[2]) as mobile,
        Sipp(tmp_path, "one", IGNORED, host=HOSTS[0], port=ports[0]) as one,
        Sipp(tmp_path, "two", scenarios.refuse(486, "Busy Here"), host=HOSTS[1], port=ports[1]) as two,
        Sipp(tmp_path, "three", scenarios.answer_call(mobile.sdp) + RELEASED, host=HOSTS[2], port=ports[2]) as three,
    ):
        bob.wait_registered()
        said = calling(voice.sdp, scenarios.pause(800), scenarios.bye())
        with Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=BOB_NUMBER) as caller:
            for side in (one, two, three, caller):
                side.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        mobiles = zip(MOBILES, ("no_answer", "busy", "answered"), strict=True)
        assert legs_of(record) == [("extension:2002", "no_answer"), *mobiles]
        assert_starts(record, 0, RING_S, 2 * RING_S, 2 * RING_S)
        assert (record["outcome"], record["answered_by"]) == ("answered", MOBILES[2])


def test_sticky_together(tmp_path: Path) -> None:
    """All mobiles ring at once: one is busy, nobody takes the others, and the failover's phone answers."""
    ports = free_port(), free_port(), free_port()
    document = with_mobiles(ports, sticky={"strategy": "simultaneous"}, failover={"type": "agent", "id": "carol"})
    with (
        Daemon(tmp_path, document) as daemon,
        Baresip(tmp_path, "2003", server=daemon.port, frequency=900) as carol,
        RtpPeer(1000, TRUNK_HOST) as voice,
        Sipp(tmp_path, "one", IGNORED, host=HOSTS[0], port=ports[0]) as one,
        Sipp(tmp_path, "two", scenarios.refuse(486, "Busy Here"), host=HOSTS[1], port=ports[1]) as two,
        Sipp(tmp_path, "three", IGNORED, host=HOSTS[2], port=ports[2]) as three,
    ):
        carol.wait_registered()
        said = calling(voice.sdp, scenarios.pause(800), scenarios.bye())
        with Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=BOB_NUMBER) as caller:
            for side in (one, two, three, caller):
                side.finish().assert_clean(1)
        voice.wait_heard(900)
        (record,) = daemon.wait_records(1)
        results = [result for target, result in legs_of(record) if target in MOBILES]
        assert results == ["no_answer", "busy", "no_answer"], record
        assert legs_of(record)[-1] == ("extension:2003", "answered")
        begun = [leg["start_s"] for leg in record["legs"] if leg["target"] in MOBILES]
        assert max(begun) - min(begun) < 0.2
        assert record["legs"][-1]["start_s"] == pytest.approx(begun[0] + RING_S, abs=SLACK_S)
        assert record["reason"] == "no_answer"


def test_a_department_whose_first_member_is_out(tmp_path: Path) -> None:
    """Alice is out and her own failover unused, Bob does not answer, the department's failover does."""
    document = company(trunk("in", free_port()), time_groups=[closed_now()])
    change(document, "agents", "alice", time_group="away", failover={"type": "hangup"})
    change(document, "agents", "bob", ring_timeout_s=RING_S)
    members = [{"agent": "alice"}, {"agent": "bob"}]
    document["departments"] = [
        {"id": "team", "name": "Team", "members": members, "failover": {"type": "agent", "id": "carol"}}
    ]
    document["numbers"][0]["destination"] = {"type": "department", "id": "team"}
    with (
        Daemon(tmp_path, document) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, auto_answer=False) as bob,
        Baresip(tmp_path, "2003", server=daemon.port, frequency=900) as carol,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        for phone in (alice, bob, carol):
            phone.wait_registered()
        said = calling(voice.sdp, RELEASED)
        with Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=PILOT) as caller:
            bob.wait_event("CALL_INCOMING")
            voice.wait_heard(900)
            carol.hang_up()
            caller.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        assert legs_of(record) == [("extension:2002", "no_answer"), ("extension:2003", "answered")]
        assert_starts(record, 0, RING_S)
        assert not [event for event in alice.events.events if event.get("class") == "call"]


def test_an_option_of_a_menu_outside_hours(tmp_path: Path) -> None:
    """The agent's own failover is not used for an option: the caller is hung up on."""
    document = company(trunk("in", free_port()), time_groups=[closed_now()])
    change(document, "agents", "alice", time_group="away", failover={"type": "agent", "id": "carol"})
    document["sounds"] = [{"id": "welcome", "file": "welcome.wav"}]
    document["ivrs"] = [{"id": "main", "prompt": "welcome", "options": {"1": {"type": "agent", "id": "alice"}}}]
    document["numbers"][0]["destination"] = {"type": "ivr", "id": "main"}
    sounds = tmp_path / "routerd" / "sounds"
    sounds.mkdir(parents=True)
    write_tone(sounds / "welcome.wav", 700, seconds=2)
    with (
        Daemon(tmp_path, document, settings={"document": {"sounds_dir": "sounds"}}) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port) as alice,
        Baresip(tmp_path, "2003", server=daemon.port) as carol,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        for phone in (alice, carol):
            phone.wait_registered()
        said = calling(voice.sdp, scenarios.pause(500), scenarios.digit_by_info("1"), RELEASED)
        with Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=PILOT) as caller:
            caller.finish().assert_clean(1)
            assert "Q.850;cause=20" in caller.messages()
        (record,) = daemon.wait_records(1)
        assert (record["outcome"], record["reason"], record["q850"]) == ("hung_up", "outside_time_group", 20), record
        assert record["legs"] == []
        for phone in (alice, carol):
            assert not [event for event in phone.events.events if event.get("class") == "call"]


def test_an_extension_bound_to_an_address(tmp_path: Path) -> None:
    """From elsewhere it registers and receives, but makes no call; from its own address it does."""
    document = company(trunk("in", free_port()), address_lists=[{"id": "desk", "addresses": ["127.0.0.3/32"]}])
    change(document, "extensions", "2001", addresses="desk")
    with (
        Daemon(tmp_path, document) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, host="127.0.0.2") as elsewhere,
        Baresip(tmp_path, "2001", server=daemon.port, host="127.0.0.3", frequency=500) as desk,
        Baresip(tmp_path, "2003", server=daemon.port, frequency=900) as carol,
    ):
        for phone in (elsewhere, desk, carol):
            phone.wait_registered()
        for target in (f"sip:{CUSTOMER}@acme.test", "sip:1003@acme.test"):
            since = elsewhere.mark()
            assert elsewhere.dial(target)["ok"]
            assert "403" in elsewhere.wait_event("CALL_CLOSED", after=since)["param"]
        assert desk.dial("sip:1003@acme.test")["ok"]
        carol.wait_event("CALL_ESTABLISHED")
        desk.wait_event("CALL_ESTABLISHED")
        desk.hang_up()
        records = daemon.wait_records(3)
        assert [(record["outcome"], record["reason"]) for record in records] == [
            ("denied", "address_not_allowed"),
            ("denied", "address_not_allowed"),
            ("answered", None),
        ]
        assert [record["source"] for record in records] == ["127.0.0.2", "127.0.0.2", "127.0.0.3"]


def test_the_trunk_sees_the_caller_id_of_the_area(tmp_path: Path) -> None:
    """A number of the area's own code is shown in that area, the first of the agent's custom numbers elsewhere."""
    port, area = free_port(), "+912269651180"
    document = company(trunk("pstn", port))
    document["numbers"].append({"number": area, "destination": {"type": "agent", "id": "alice"}})
    document["area_code_caller_ids"] = [{"id": "metros", "entries": [{"code": "22", "number": area}]}]
    custom = {"mode": "custom", "numbers": [ALICE_NUMBER, BOB_NUMBER]}
    change(document, "agents", "alice", caller_ids=custom, area_code_caller_ids="metros")
    refusing = scenarios.refuse(486, "Busy Here")
    with (
        Daemon(tmp_path, document) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port) as alice,
    ):
        alice.wait_registered()
        for dialled, called, shown in (
            ("02223456789", "+912223456789", area),
            (CUSTOMER, CUSTOMER, ALICE_NUMBER),
        ):
            since = alice.mark()
            with Sipp(tmp_path, f"called-{called}", refusing, host=TRUNK_HOST, port=port) as trunk_side:
                assert alice.dial(f"sip:{dialled}@acme.test")["ok"]
                trunk_side.finish().assert_clean(1)
                told = trunk_side.messages()
            assert f"INVITE sip:{called}@" in told
            assert f"P-Asserted-Identity: <sip:{shown}@" in told
            assert f"From: <sip:{shown}@" in told
            assert "486" in alice.wait_event("CALL_CLOSED", after=since)["param"]
        assert [record["caller_id"] for record in daemon.wait_records(2)] == [area, ALICE_NUMBER]
