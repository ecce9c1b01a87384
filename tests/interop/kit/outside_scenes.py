"""Parties outside: who presses 1 takes a call, an agent is brought to a customer; by whichever media engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit import scenarios
from kit.api import Api
from kit.baresip import Baresip
from kit.company import BOB_NUMBER, CAROL_NUMBER, CUSTOMER, TRUNK_HOST
from kit.program import wait_until
from kit.rtp import RATE, RtpPeer
from kit.stage import MOBILE, OUT_HOST
from kit.tone import wait_heard
from kit.voices import HOLD_HZ

if TYPE_CHECKING:
    from kit.stage import Stage

CALLER_HZ, MOBILE_HZ, DESK_HZ = 1000, 800, 600


def spoken_s(voice: RtpPeer) -> float:
    """For how many seconds something was said, whatever it was."""
    return sum(abs(sample) > 500 for sample in list(voice.samples)) / RATE


def asked(voice: RtpPeer) -> None:
    """The question is heard."""
    wait_until(lambda: spoken_s(voice), lambda said_s: said_s > 0.3, 20, "half of a question")


def who_presses_one_takes_the_call(stage: Stage) -> None:
    """Carol's mobile answers and is asked; the caller is not through before the 1, and talks to it afterwards."""
    with (
        Baresip(stage.folder, "2003", server=stage.port, frequency=DESK_HZ, auto_answer=False) as desk,
        RtpPeer(CALLER_HZ, TRUNK_HOST) as caller_voice,
        RtpPeer(MOBILE_HZ, OUT_HOST) as mobile_voice,
    ):
        desk.wait_registered()
        answering = scenarios.answer_call(mobile_voice.sdp) + scenarios.hung_up_by_peer()
        with (
            stage.called(answering) as mobile,
            stage.calling(caller_voice.sdp, CAROL_NUMBER, scenarios.hung_up_by_peer()) as caller,
        ):
            desk.wait_event("CALL_INCOMING")
            asked(mobile_voice)
            assert mobile_voice.heard_s(CALLER_HZ) == caller_voice.heard_s(MOBILE_HZ) == 0
            assert "SIP/2.0 200" not in caller.messages()
            mobile_voice.send_digit("1")
            desk.wait_event("CALL_CLOSED")
            mobile_voice.wait_heard(CALLER_HZ)
            caller_voice.wait_heard(MOBILE_HZ)
            stage.hang_up()
            caller.finish().assert_clean(1)
            mobile.finish().assert_clean(1)
        record = stage.record()
        assert record["outcome"] == "answered", record
        assert {leg["target"]: leg["result"] for leg in record["legs"]} == {
            "extension:2003": "answered_elsewhere",
            MOBILE: "answered",
        }, record


def who_presses_nothing_has_not_answered(stage: Stage) -> None:
    """The mobile's mailbox answers and listens; Carol's desk phone rings on, and gets the call."""
    with (
        Baresip(stage.folder, "2003", server=stage.port, frequency=DESK_HZ, auto_answer=False) as desk,
        RtpPeer(CALLER_HZ, TRUNK_HOST) as caller_voice,
        RtpPeer(MOBILE_HZ, OUT_HOST) as mobile_voice,
    ):
        desk.wait_registered()
        answering = scenarios.answer_call(mobile_voice.sdp) + scenarios.hung_up_by_peer()
        with (
            stage.called(answering) as mobile,
            stage.calling(caller_voice.sdp, CAROL_NUMBER, scenarios.hung_up_by_peer()) as caller,
        ):
            desk.wait_event("CALL_INCOMING")
            asked(mobile_voice)
            mobile.finish().assert_clean(1)  # hung up on, ten seconds later
            assert "SIP/2.0 200" not in caller.messages()
            desk.accept()
            caller_voice.wait_heard(DESK_HZ)
            wait_heard(desk.recordings, CALLER_HZ)
            desk.hang_up()
            caller.finish().assert_clean(1)
        assert caller_voice.heard_s(MOBILE_HZ) == 0
        record = stage.record()
        assert record["answered_by"] == "extension:2003", record
        assert {leg["result"] for leg in record["legs"]} == {"no_answer", "answered"}, record


def clicked(stage: Stage) -> None:
    """Alice's phone is rung by the API; she hears ringing while the customer's rings, then the two talk."""
    with (
        Baresip(stage.folder, "2001", server=stage.port, frequency=440) as alice,
        RtpPeer(CALLER_HZ, OUT_HOST) as voice,
    ):
        alice.wait_registered()
        ringing = scenarios.expect_request("INVITE") + scenarios.respond(180, "Ringing") + scenarios.pause(2000)
        ringing += scenarios.respond(200, "OK", sdp=voice.sdp) + scenarios.expect_request("ACK")
        with stage.called(ringing + scenarios.hung_up_by_peer()) as customer:
            made = Api(stage.daemon).order("POST", "/calls", {"agent": "alice", "to": CUSTOMER, "via": "extension"})
            wait_heard(alice.recordings, HOLD_HZ)  # the account's ringing tone
            assert voice.heard_s(440) == 0
            voice.wait_heard(440)
            wait_heard(alice.recordings, CALLER_HZ)
            alice.hang_up()
            customer.finish().assert_clean(1)
        record = stage.record()
        assert (record["id"], record["kind"], record["outcome"]) == (made["call"], "click_to_call", "answered"), record


def held_by_command(stage: Stage) -> None:
    """The API holds a caller, who hears the account's music and no agent, and lets the two talk again."""
    with (
        Baresip(stage.folder, "2002", server=stage.port, frequency=DESK_HZ) as bob,
        RtpPeer(CALLER_HZ, TRUNK_HOST) as voice,
    ):
        bob.wait_registered()
        with stage.calling(voice.sdp, BOB_NUMBER, scenarios.hung_up_by_peer()) as caller:
            voice.wait_heard(DESK_HZ)
            wait_heard(bob.recordings, CALLER_HZ)
            api = Api(stage.daemon)
            (call,) = api.get("/calls")["calls"]
            api.order("PUT", f"/calls/{call['id']}/hold", {"held": True})
            voice.wait_heard(HOLD_HZ)
            before = voice.heard_s(DESK_HZ)
            voice.wait_heard(HOLD_HZ, seconds=1.0)
            assert voice.heard_s(DESK_HZ) == before
            api.order("PUT", f"/calls/{call['id']}/hold", {"held": False})
            voice.wait_heard(DESK_HZ, seconds=before + 0.5)
            bob.hang_up()
            caller.finish().assert_clean(1)
        record = stage.record()
        assert [mark["what"] for mark in record["timeline"]][1::2] == ["hold", "unhold"], record
