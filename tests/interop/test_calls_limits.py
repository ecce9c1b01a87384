"""How calls end and where they go when all does not go well: silence, bounds, busy, no answer, nobody there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit import scenarios
from kit.baresip import Baresip
from kit.company import ALICE_NUMBER, BOB_NUMBER, CUSTOMER, PILOT, TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.pjsua2_phone import Pjsua2Phone
from kit.ports import free_port
from kit.program import wait_until
from kit.rtp import RtpPeer
from kit.sipp import Sipp

if TYPE_CHECKING:
    from pathlib import Path

OUT_HOST, SECOND_HOST = "127.0.0.4", "127.0.0.5"
THROUGH = "+918069651199"
FIRST_MOBILE, SECOND_MOBILE = "+919010000001", "+919020000002"
RELEASED = scenarios.hung_up_by_peer()


def through(out_port: int, **more: Any) -> dict[str, Any]:
    """A company whose number ``THROUGH`` leads from one trunk out by another: no phone is needed."""
    numbers = [{"number": THROUGH, "destination": {"type": "external", "number": "+919812345679"}}]
    document = company(trunk("in", free_port()), trunk("out", out_port, OUT_HOST), numbers=numbers)
    document["outbound_routes"] = [{"prefix": "", "trunks": ["out"]}]
    document["account"].update(more)
    return document


def calling(sdp: str, *after: str) -> str:
    return scenarios.invite(sdp) + scenarios.expect_answer() + scenarios.ack() + "".join(after)


def with_agent(document: dict[str, Any], name: str, **changes: Any) -> dict[str, Any]:
    next(agent for agent in document["agents"] if agent["id"] == name).update(changes)
    return document


def test_a_call_without_a_packet_is_ended(tmp_path: Path) -> None:
    port = free_port()
    with (
        Daemon(tmp_path, through(port), media={"timeout_s": 5}) as daemon,
        RtpPeer(1000, TRUNK_HOST, mute=True) as near,
        RtpPeer(600, OUT_HOST, mute=True) as far,
        Sipp(tmp_path, "called", scenarios.answer_call(far.sdp) + RELEASED, host=OUT_HOST, port=port) as called,
        Sipp(
            tmp_path, "caller", calling(near.sdp, RELEASED), remote=daemon.port, host=TRUNK_HOST, service=THROUGH
        ) as caller,
    ):
        for side in (caller, called):
            side.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        assert (record["reason"], record["ended_by"]) == ("media_timeout", "server"), record
        assert 5 <= record["duration_s"] < 12, record


def test_a_call_that_is_too_long_is_ended(tmp_path: Path) -> None:
    port = free_port()
    with (
        Daemon(tmp_path, through(port, max_call_s=2)) as daemon,
        RtpPeer(1000, TRUNK_HOST) as near,
        RtpPeer(600, OUT_HOST) as far,
        Sipp(tmp_path, "called", scenarios.answer_call(far.sdp) + RELEASED, host=OUT_HOST, port=port) as called,
        Sipp(
            tmp_path, "caller", calling(near.sdp, RELEASED), remote=daemon.port, host=TRUNK_HOST, service=THROUGH
        ) as caller,
    ):
        for side in (caller, called):
            side.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        assert (record["reason"], record["ended_by"]) == ("max_duration", "server"), record
        assert 2 <= record["duration_s"] < 4, record


def test_speech_in_one_direction_only_is_noticed(tmp_path: Path) -> None:
    port = free_port()
    with (
        Daemon(tmp_path, company(trunk("pstn", port))) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        RtpPeer(1000, TRUNK_HOST, mute=True) as silent,
        Sipp(tmp_path, "called", scenarios.answer_call(silent.sdp) + RELEASED, host=TRUNK_HOST, port=port) as called,
    ):
        alice.wait_registered()
        assert alice.dial(f"sip:{CUSTOMER}@acme.test")["ok"]
        silent.wait_heard(440)
        wait_until(lambda: daemon.metric("media_one_way_total"), lambda count: count == 1, 30, "one-way call")
        alice.hang_up()
        called.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        assert record["media"]["one_way"] == "caller only", record


def test_digits_by_info_go_across(tmp_path: Path) -> None:
    port = free_port()
    with (
        Daemon(tmp_path, through(port)) as daemon,
        RtpPeer(1000, TRUNK_HOST) as near,
        RtpPeer(600, OUT_HOST) as far,
    ):
        hears = scenarios.answer_call(far.sdp, "Allow: INVITE, ACK, BYE, CANCEL, INFO")
        hears += scenarios.expect_request("INFO") + scenarios.respond(200, "OK", tag=False) + RELEASED
        said = calling(near.sdp, scenarios.digit_by_info("5"), scenarios.pause(200), scenarios.bye(3))
        with (
            Sipp(tmp_path, "called", hears, host=OUT_HOST, port=port) as called,
            Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=THROUGH) as caller,
        ):
            caller.finish().assert_clean(1)
            called.finish().assert_clean(1)
            assert "Signal=5" in called.messages()


def test_a_caller_who_gives_up(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        Pjsua2Phone(tmp_path, "2001", server=daemon.port) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, auto_answer=False) as bob,
    ):
        alice.wait_registered()
        bob.wait_registered()
        call = alice.dial("sip:1002@acme.test")
        alice.wait_state(call, "EARLY")
        bob.wait_event("CALL_INCOMING")
        alice.command("hang_up", call=call)
        bob.wait_event("CALL_CLOSED")
        assert alice.wait_state(call, "DISCONNECTED")["status"] == 487
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "abandoned", record


def test_no_answer_then_the_mobile_then_failover(tmp_path: Path) -> None:
    port = free_port()
    document = company(trunk("in", free_port()), trunk("out", port, OUT_HOST))
    document["outbound_routes"] = [{"prefix": "", "trunks": ["out"]}]
    with_agent(
        document, "bob", ring_timeout_s=5, call_forward_number=FIRST_MOBILE, failover={"type": "agent", "id": "carol"}
    )
    with (
        Daemon(tmp_path, document) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, auto_answer=False) as bob,
        Baresip(tmp_path, "2003", server=daemon.port, frequency=900) as carol,
        RtpPeer(1000, TRUNK_HOST) as voice,
        Sipp(tmp_path, "mobile", scenarios.refuse(486, "Busy Here"), host=OUT_HOST, port=port) as mobile,
    ):
        bob.wait_registered()
        carol.wait_registered()
        said = calling(voice.sdp, RELEASED)
        with Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=BOB_NUMBER) as caller:
            bob.wait_event("CALL_INCOMING")
            mobile.finish().assert_clean(1)
            assert f"INVITE sip:{FIRST_MOBILE}@" in mobile.messages()
            bob.wait_event("CALL_CLOSED")
            voice.wait_heard(900)
            carol.hang_up()
            caller.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "answered", record
        assert [leg["result"] for leg in record["legs"]] == ["no_answer", "busy", "answered"], record


def test_a_trunk_says_who_calls(tmp_path: Path) -> None:
    asserted = "P-Asserted-Identity: <sip:+919888877777@provider.test>"
    with (
        Daemon(tmp_path, company(trunk("pstn", free_port()))) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        bob.wait_registered()
        said = scenarios.invite(voice.sdp, asserted) + scenarios.expect_answer() + scenarios.ack() + RELEASED
        with Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=BOB_NUMBER) as caller:
            assert "+919888877777@" in bob.wait_event("CALL_ESTABLISHED")["peeruri"]
            voice.wait_heard(600)
            bob.hang_up()
            caller.finish().assert_clean(1)


def test_a_trunk_is_told_the_company_s_number(tmp_path: Path) -> None:
    port = free_port()
    document = with_agent(
        company(trunk("pstn", port)), "alice", caller_ids={"mode": "custom", "numbers": [ALICE_NUMBER]}
    )
    with (
        Daemon(tmp_path, document) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port) as alice,
        Sipp(tmp_path, "called", scenarios.refuse(486, "Busy Here"), host=TRUNK_HOST, port=port) as called,
    ):
        alice.wait_registered()
        alice.dial(f"sip:{CUSTOMER}@acme.test")
        called.finish().assert_clean(1)
        assert f"P-Asserted-Identity: <sip:{ALICE_NUMBER}@" in called.messages()
        assert f"From: <sip:{ALICE_NUMBER}@" in called.messages()
        assert PILOT not in called.messages()


def test_a_busy_phone_is_busy_for_the_caller(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company(trunk("pstn", free_port()))) as daemon,
        Pjsua2Phone(tmp_path, "2002", server=daemon.port, auto_answer=False) as bob,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        bob.wait_registered()
        said = scenarios.invite(voice.sdp) + scenarios.refused_with(486)
        with Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=BOB_NUMBER) as caller:
            bob.command("answer", call=bob.wait_incoming(), status=486)
            caller.finish().assert_clean(1)


def test_all_numbers_of_an_agent_ring_at_once(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    document = company(trunk("in", free_port()), trunk("one", ports[0], OUT_HOST), trunk("two", ports[1], SECOND_HOST))
    document["outbound_routes"] = [{"prefix": "+91901", "trunks": ["one"]}, {"prefix": "+91902", "trunks": ["two"]}]
    with_agent(
        document,
        "bob",
        sticky={"strategy": "simultaneous"},
        call_forward_number=FIRST_MOBILE,
        alternate_numbers=[SECOND_MOBILE],
    )
    answers = scenarios.expect_request("INVITE") + scenarios.respond(180, "Ringing") + scenarios.pause(1000)
    with (
        Daemon(tmp_path, document) as daemon,
        RtpPeer(1000, TRUNK_HOST) as voice,
        RtpPeer(600, SECOND_HOST) as mobile,
        Sipp(tmp_path, "one", scenarios.ring_until_cancelled(), host=OUT_HOST, port=ports[0]) as one,
    ):
        answers += scenarios.respond(200, "OK", sdp=mobile.sdp) + scenarios.expect_request("ACK") + RELEASED
        said = calling(voice.sdp, scenarios.pause(1500), scenarios.bye())
        with (
            Sipp(tmp_path, "two", answers, host=SECOND_HOST, port=ports[1]) as two,
            Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=BOB_NUMBER) as caller,
        ):
            for side in (one, two, caller):
                side.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        assert sorted(leg["result"] for leg in record["legs"]) == ["answered", "answered_elsewhere"], record


def test_no_more_calls_than_channels(tmp_path: Path) -> None:
    port = free_port()
    with (
        Daemon(tmp_path, through(port, max_channels=1)) as daemon,
        RtpPeer(1000, TRUNK_HOST) as near,
        RtpPeer(600, OUT_HOST) as far,
        Sipp(tmp_path, "called", scenarios.answer_call(far.sdp) + RELEASED, host=OUT_HOST, port=port) as called,
    ):
        said = calling(near.sdp, scenarios.pause(3000), scenarios.bye())
        with Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=THROUGH) as caller:
            called.wait_message("ACK sip:", sent=False)
            refused = scenarios.invite(near.sdp) + scenarios.refused_with(503)
            with Sipp(tmp_path, "second", refused, remote=daemon.port, host=TRUNK_HOST, service=THROUGH) as second:
                second.finish().assert_clean(1)
                assert "Retry-After: " in second.messages()
            caller.finish().assert_clean(1)
            called.finish().assert_clean(1)
