"""Leaving a message: greeting, tone, recording, what is kept and what the record says when nothing is."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import CUSTOMER, MAIN, changed, company
from b2bua_kit.peer import Outgoing, Phone, trunk
from b2bua_kit.voices import commands, play_ends, played, press, press_info, voiced
from b2bua_kit.wire import Wire

from routerd.b2bua import effects as fx
from routerd.b2bua import mailbox
from routerd.b2bua.mailboxes import MOST_MESSAGES, Message

FOLDER = "/v"
TO_BOX = [{"number": MAIN, "destination": {"type": "voicemail", "id": "box"}}]


def office(**box: Any) -> dict[str, Any]:
    return changed(company(numbers=TO_BOX), "voicemails", "box", agent="asha", **box)


class Caller:
    """A customer who is in asha's mailbox."""

    def __init__(self, document: dict[str, Any] | None = None, wire: Wire | None = None, **box: Any) -> None:
        self.wire = wire or voiced(document or office(**box), voicemail_dir=FOLDER)
        self.asha = Phone(self.wire, "2001", "198.51.100.1")
        self.call: Outgoing = trunk(self.wire).invite(MAIN, from_=f'"Ravi" <sip:{CUSTOMER}@acme.test>')
        self.call.answered()

    def spoken_to(self) -> dict[str, Any]:
        """Hear greeting and tone; the engine's command that records."""
        while not commands(self.wire, "start recording"):
            play_ends(self.wire)
        (start,) = commands(self.wire, "start recording")
        return start

    def ended(self, reason: str, duration_ms: int = 4000, **facts: Any) -> None:
        start = commands(self.wire, "start recording")[-1]
        told = {
            "call-id": start["call-id"], "tag": "caller", "file": start["file"], "reason": reason,
            "duration-ms": duration_ms, "size-bytes": 64044,
        }  # fmt: skip
        self.wire.media_event("recording-ended", **{**told, **facts})

    def hear_out(self) -> None:
        """Hear what is said until we are hung up."""
        for _ in range(5):
            if "BYE" in self.call.peer.lines():
                break
            play_ends(self.wire)
        self.call.peer.expect("BYE")

    def said(self) -> dict[str, Any]:
        (record,) = self.wire.records()
        found: dict[str, Any] = record["voicemail"]
        assert record["outcome"] == "voicemail"
        return found

    def kept(self) -> list[dict[str, Any]]:
        return [entry.entry for entry in self.wire.journal("voicemail.message")]


def test_a_message_is_left_and_lights_the_lamp() -> None:
    caller = Caller()
    wire = caller.wire
    assert played(wire) == ["mailbox-greeting"]
    start = caller.spoken_to()
    assert played(wire) == ["mailbox-greeting", "beep"]
    (identity,) = wire.switch.call_by_id
    assert start["file"] == f"{FOLDER}/acme/box/{identity}.wav"
    assert (start["from-tag"], start["until-digits"], start["max-ms"]) == ("caller", "#", 60_000)
    assert start["silence-ms"] == mailbox.SILENCE_MS
    wire.wait(4)
    caller.ended("digit")
    assert played(wire)[2:] == ["message-saved"]
    (kept,) = caller.kept()
    assert kept["at"] == pytest.approx(wire.switch.exchange.wall(wire.now) - 4.0)
    del kept["at"]
    assert kept == {
        "account": "acme", "voicemail": "box", "id": identity, "call": identity, "caller": CUSTOMER,
        "caller_name": "Ravi", "duration_s": 4.0, "file": start["file"], "size_bytes": 64044,
    }  # fmt: skip
    assert b"Voice-Message: 1/0" in caller.asha.expect("NOTIFY").body
    caller.hear_out()
    wire.assert_quiet()
    assert caller.said() == {"voicemail": "box", "id": identity, "duration_s": 4.0, "ended": "digit"}
    assert wire.published("voicemail.message")[0]["new"] == 1


def test_the_own_greeting_of_the_mailbox() -> None:
    caller = Caller(greeting="label")
    assert played(caller.wire) == ["label"]
    caller.call.bye()
    caller.wire.assert_quiet()


@pytest.mark.parametrize("by", ["event", "info"])
def test_hash_skips_the_greeting_and_other_digits_do_not(by: str) -> None:
    caller = Caller()
    for digit in "5*#":
        press_info(caller.call, digit) if by == "info" else press(caller.wire, digit)
    assert played(caller.wire) == ["mailbox-greeting", "beep"]
    assert caller.spoken_to()["max-ms"] == 60_000
    caller.call.bye()
    caller.wire.assert_quiet()
    steps = caller.wire.records()[0]["steps"]
    assert not any(step["event"] and step["event"][0] == "Digit" for step in steps)


def test_a_hash_that_only_the_switch_has_seen_ends_the_recording() -> None:
    caller = Caller()
    start = caller.spoken_to()
    press_info(caller.call, "1#")
    (stop,) = commands(caller.wire, "stop recording")
    assert (stop["call-id"], stop["from-tag"]) == (start["call-id"], "caller")
    caller.ended("stopped")
    assert played(caller.wire)[-1] == "message-saved"
    caller.hear_out()
    caller.wire.assert_quiet()
    assert caller.said()["ended"] == "stopped"


def test_who_falls_silent_is_hung_up_on_with_the_message_kept() -> None:
    caller = Caller()
    caller.spoken_to()
    caller.ended("silence")
    caller.call.peer.expect("BYE")
    caller.wire.assert_quiet()
    assert (len(caller.kept()), caller.said()["ended"]) == (1, "silence")


def test_who_hangs_up_has_left_their_message_and_the_record_waits_for_it() -> None:
    caller = Caller()
    start = caller.spoken_to()
    caller.wire.wait(6)
    caller.call.bye()
    assert caller.wire.records() == []
    assert caller.wire.command("calls")["unsettled"] == 1  # who leaves waits for it
    caller.ended("gone", 5800)
    assert caller.wire.command("calls")["unsettled"] == 0
    assert caller.said() == {"voicemail": "box", "id": start["file"][12:-4], "duration_s": 5.8, "ended": "hung_up"}
    assert len(caller.kept()) == 1
    caller.wire.assert_quiet()
    assert caller.wire.switch.exchange.recordings == {}


def test_what_is_too_short_is_dropped() -> None:
    caller = Caller()
    caller.spoken_to()
    caller.call.bye()
    caller.ended("gone", 700)
    caller.wire.assert_quiet()
    assert (caller.kept(), caller.said()) == ([], {"voicemail": "box", "id": None, "dropped": "too_short"})


def test_who_hangs_up_during_the_greeting_left_nothing() -> None:
    caller = Caller()
    caller.call.bye()
    caller.wire.assert_quiet()
    assert caller.said()["dropped"] == "hung_up"


def test_an_engine_that_never_tells_of_the_end() -> None:
    caller = Caller()
    caller.spoken_to()
    caller.wire.wait(60 + mailbox.LATE_S - 0.1)
    assert "BYE" not in caller.call.peer.lines()
    caller.wire.wait(0.2)
    caller.call.peer.expect("BYE")
    assert commands(caller.wire, "stop recording")
    caller.wire.wait(mailbox.OUTCOME_WITHIN_S)
    assert caller.said()["dropped"] == "engine_silent"
    caller.wire.assert_quiet()
    assert caller.wire.switch.exchange.recordings == {}


def test_a_full_disk_leaves_what_there_is() -> None:
    caller = Caller()
    start = caller.spoken_to()
    caller.ended("failed", 3000, file=start["file"] + ".part", text="No space left on device")
    caller.hear_out()
    caller.wire.assert_quiet()
    assert caller.kept()[0]["file"].endswith(".part")
    assert caller.said()["ended"] == "failed"


def test_a_disk_that_takes_nothing() -> None:
    caller = Caller()
    caller.spoken_to()
    caller.ended("failed", 0, file="", text="less than 16 MiB are free")
    caller.call.peer.expect("BYE")
    caller.wire.assert_quiet()
    assert caller.said()["dropped"] == "recording_failed"


def test_an_engine_that_refuses_to_record() -> None:
    caller = Caller()
    caller.wire.engine.refused.add("start recording")
    caller.spoken_to()
    caller.call.peer.expect("BYE")
    caller.wire.assert_quiet()
    assert caller.said()["dropped"] == "recording_failed"


def test_an_engine_that_is_lost_while_it_records() -> None:
    caller = Caller()
    caller.spoken_to()
    caller.wire.engine.calls.clear()
    caller.wire.media_event("lost")
    caller.wire.wait(1)
    caller.hear_out()
    caller.wire.assert_quiet()
    assert caller.said()["dropped"] == "engine_lost"


def test_an_engine_without_mailboxes_lets_the_caller_speak_in_vain() -> None:
    wire = voiced(office(), voicemail_dir=FOLDER)
    wire.switch.receive_answer(fx.MediaEvent(0, "up", {"capabilities": ["relay", "play media", "recording"]}), wire.now)
    caller = Caller(wire=wire)
    wire.wait(3)  # this engine does not say when a sound has ended
    assert played(wire) == ["mailbox-greeting", "beep"]
    wire.wait(60)
    assert "BYE" not in caller.call.peer.lines()
    wire.wait(2)
    caller.call.peer.expect("BYE")
    wire.assert_quiet()
    assert commands(wire, "start recording") == []
    assert caller.said()["dropped"] == "engine_cannot_record"


def test_hash_ends_a_message_that_nobody_records() -> None:
    caller = Caller(wire=Wire(office()))
    caller.wire.wait(1)
    press_info(caller.call, "#")
    caller.call.peer.expect("BYE")
    caller.wire.assert_quiet()
    assert caller.said()["dropped"] == "no_engine"


def test_without_a_folder_nothing_can_be_kept() -> None:
    caller = Caller(wire=voiced(office()))
    while len(played(caller.wire)) < 2:
        play_ends(caller.wire)
    play_ends(caller.wire)
    caller.wire.wait(61)
    caller.call.peer.expect("BYE")
    caller.wire.assert_quiet()
    assert caller.said()["dropped"] == "no_folder"


def test_a_full_mailbox_says_so() -> None:
    wire = voiced(office(), voicemail_dir=FOLDER)
    for number in range(MOST_MESSAGES):
        wire.switch.mailboxes.restore("acme", "box", Message(f"m{number}", "", 1.0, "", "", 2.0, "/f", 1))
    caller = Caller(wire=wire)
    assert played(wire) == ["mailbox-full"]
    caller.hear_out()
    wire.assert_quiet()
    assert commands(wire, "start recording") == []
    assert caller.said()["dropped"] == "mailbox_full"


def test_a_colleague_leaves_a_message_with_intercom_and_name() -> None:
    document = changed(office(), "agents", "asha", failover={"type": "voicemail", "id": "box"})
    wire = voiced(document, voicemail_dir=FOLDER)
    ravi = Phone(wire, "2002", "198.51.100.2")
    call = ravi.invite("1001")
    call.answered()
    while not commands(wire, "start recording"):
        play_ends(wire)
    start = commands(wire, "start recording")[0]
    told = {"call-id": start["call-id"], "tag": "caller", "file": start["file"], "reason": "silence"}
    wire.media_event("recording-ended", **told, **{"duration-ms": 2000, "size-bytes": 9})
    (kept,) = [entry.entry for entry in wire.journal("voicemail.message")]
    assert (kept["caller"], kept["caller_name"]) == ("1002", "Ravi")
    ravi.expect("BYE")
    wire.assert_quiet()


def test_an_anonymous_caller_has_no_number() -> None:
    wire = voiced(office(), voicemail_dir=FOLDER)
    pstn = trunk(wire)
    call = pstn.invite(MAIN, from_="<sip:anonymous@anonymous.invalid>")
    call.answered()
    while not commands(wire, "start recording"):
        play_ends(wire)
    start = commands(wire, "start recording")[0]
    told = {"call-id": start["call-id"], "tag": "caller", "file": start["file"], "reason": "silence"}
    wire.media_event("recording-ended", **told, **{"duration-ms": 2000, "size-bytes": 9})
    assert wire.journal("voicemail.message")[0].entry["caller"] == ""
    pstn.expect("BYE")
    wire.assert_quiet()
