"""Which calls are recorded, what is announced, what the record says: the switch's side, with a scripted engine."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import CUSTOMER, MAIN, MENU, company
from b2bua_kit.peer import Outgoing, Peer, Phone, connect, sdp, trunk
from b2bua_kit.voices import commands, press, voiced
from b2bua_kit.wire import Wire

from routerd.b2bua import effects as fx
from routerd.b2bua import recording

ANNOUNCE_S = 1.0
SILENT = [{"id": name, "text": "x", "voice": "en"} for name in ("label", "welcome", "music")]


def office(calls: str = "all", announcement: str | None = "label", **more: Any) -> dict[str, Any]:
    document = company(**more)
    return {**document, "account": {**document["account"], "recording": {"calls": calls, "announcement": announcement}}}


class Talk:
    """A customer from the trunk talks with asha; the wire's engine keeps the voices."""

    def __init__(self, document: dict[str, Any] | None = None, wire: Wire | None = None) -> None:
        self.wire = wire or voiced(document or office(), recordings_dir="/rec")
        self.pstn, self.asha = trunk(self.wire), Phone(self.wire, "2001", "198.51.100.1")
        self.ravi = Phone(self.wire, "2002", "198.51.100.2")
        self.out, self.come = connect(self.pstn, self.asha, MAIN)

    @property
    def id(self) -> str:
        return str(next(iter(self.wire.switch.call_by_id)))

    def names(self) -> list[str]:
        return [name for name in self.wire.engine.names() if "recording" in name or name == "play media"]

    def ended(self, session: str, reason: str = "gone", **facts: Any) -> None:
        told = {"call-id": session, "file": "/rec/x.wav", "reason": reason, "duration-ms": 4000, "size-bytes": 128044}
        self.wire.media_event("recording-ended", **{**told, **facts})

    def record(self) -> dict[str, Any]:
        (record,) = self.wire.records()
        found: dict[str, Any] = record["recording"]
        return found


def test_both_hear_the_announcement_then_it_is_recorded_and_the_record_says_so() -> None:
    talk = Talk()
    wire = talk.wire
    assert talk.names() == ["play media", "play media"]
    heard = commands(wire, "play media")
    assert {play["from-tag"] for play in heard} == {"caller", wire.engine.commands[1]["to-tag"]}
    assert {play["file"] for play in heard} == {"/sounds/label.wav"}
    wire.wait(ANNOUNCE_S / 2)
    assert commands(wire, "start recording") == []
    wire.wait(ANNOUNCE_S)
    (start,) = commands(wire, "start recording")
    assert start["file"].startswith("/rec/acme/2026-11-2")
    assert start["file"].endswith(".wav")
    talk.out.bye()
    assert wire.records() == []  # until it is known what became of the file
    talk.ended(start["call-id"], file=start["file"])
    assert talk.record() == {
        "file": start["file"], "duration_s": 4.0, "size_bytes": 128044, "paused_s": 0.0, "failed": None,
        "left": "caller",
    }  # fmt: skip
    assert [mark["what"] for mark in wire.records()[0]["timeline"]] == ["announce", "record"]
    wire.assert_quiet()
    assert wire.switch.exchange.recordings == {}


def test_an_account_may_want_no_announcement() -> None:
    talk = Talk(office(announcement=None))
    assert talk.names() == ["start recording"]
    talk.out.bye()
    talk.ended(commands(talk.wire, "start recording")[0]["call-id"])
    talk.wire.assert_quiet()


def test_an_engine_that_never_says_what_became_of_the_file() -> None:
    talk = Talk(office(announcement=None))
    talk.wire.wait(10)
    talk.out.bye()
    talk.wire.wait(recording.OUTCOME_WITHIN_S)
    said = talk.record()
    assert said["failed"] == "the engine did not say what became of the file"
    assert 10.0 <= said["duration_s"] <= 14.0
    talk.wire.assert_quiet()


@pytest.mark.parametrize("why", ["missing", "refused", "one_refused", "silent", "no_engine", "no_capability"])
def test_it_fails_closed(why: str) -> None:
    document = office()
    if why == "no_engine":
        talk = Talk(wire=Wire({**document, "sounds": SILENT}))
    elif why == "missing":
        talk = Talk(wire=Wire({**document, "sounds": SILENT}, engines=1))
    else:
        wire = voiced(document)
        wire.media_event("up", capabilities=["relay", "events", "play media"] if why == "no_capability" else EVERYTHING)
        if why in {"refused", "one_refused"}:
            wire.engine.deaf = {"caller"} if why == "one_refused" else {"caller", "extension:2001"}
        wire.engine.hold = {"play media"} if why == "silent" else set()
        talk = Talk(wire=wire)
        wire.release_media(silent=True)
    wire = talk.wire
    wire.wait(30)
    assert commands(wire, "start recording") == []
    assert talk.out.peer.lines() == []  # the call goes on
    talk.out.bye()
    said = talk.record()
    assert (said["file"], said["duration_s"]) == (None, 0)
    assert said["failed"]
    assert wire.noted("recording_refused") == 1
    if why == "one_refused":
        assert len(commands(wire, "stop media")) == 2  # the other one shall not hear that it is recorded
    wire.assert_quiet()


EVERYTHING = ["relay", "events", "play media", "recording", "pause recording", "block media"]


def test_an_engine_that_refuses_to_record() -> None:
    wire = voiced(office(announcement=None))
    wire.engine.refused = {"start recording"}
    talk = Talk(wire=wire)
    talk.out.bye()
    assert "recording was refused" in talk.record()["failed"]
    wire.assert_quiet()


@pytest.mark.parametrize(
    ("calls", "inbound", "outbound", "internal"),
    [
        ("none", False, False, False),
        ("inbound", True, False, False),
        ("outbound", False, True, False),
        ("all", True, True, True),
    ],
)
def test_which_calls(calls: str, inbound: bool, outbound: bool, internal: bool) -> None:
    def recorded(wire: Wire, out: Outgoing) -> bool:
        started = bool(commands(wire, "start recording"))
        assert started is bool(commands(wire, "offer"))  # only then it is relayed
        out.bye()
        wire.assert_quiet()
        return started

    talk = Talk(office(calls, None))
    assert recorded(talk.wire, talk.out) is inbound

    wire = voiced(office(calls, None))
    pstn, asha = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out, _ = connect(asha, pstn, CUSTOMER)
    assert recorded(wire, out) is outbound

    wire = voiced(office(calls, None))
    asha, ravi = Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    out, _ = connect(asha, ravi, "1002")
    assert recorded(wire, out) is internal


def test_a_call_for_help_is_not_delayed() -> None:
    wire = voiced(office())
    pstn, asha = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out, _ = connect(asha, pstn, "112")
    assert wire.engine.commands == []
    assert wire.command("record", call=next(iter(wire.switch.call_by_id)))["error"]["code"] == "emergency"
    out.bye()
    wire.assert_quiet()
    assert wire.records()[0]["recording"] is None


def test_pause_resume_and_stop_by_command() -> None:
    talk = Talk(office(announcement=None))
    wire, call = talk.wire, talk.id
    for verb, code in (
        ("record", "already_recording"),
        ("resume_recording", "not_paused"),
        ("pause_recording", ""),
        ("pause_recording", "already_paused"),
        ("record", ""),
        ("pause_recording", ""),
        ("resume_recording", ""),
        ("stop_recording", ""),
        ("stop_recording", "not_recording"),
        ("pause_recording", "not_recording"),
    ):
        answer = wire.command(verb, call=call)
        assert answer.get("error", {}).get("code", "") == code, verb
        assert answer["ok"] is (code == "")
        wire.wait(1)
    assert talk.names() == [*["start recording", "pause recording"] * 2, "start recording", "stop recording"]
    session = commands(wire, "stop recording")[0]["call-id"]
    talk.ended(session, "stopped", **{"paused-ms": 2000})
    talk.out.bye()
    said = talk.record()
    assert (said["paused_s"], said["duration_s"], said["failed"]) == (2.0, 4.0, None)
    assert wire.command("record", call="nobody")["error"]["status"] == 404
    wire.assert_quiet()


def test_it_may_be_asked_for_and_then_again() -> None:
    talk = Talk(office("none", None, media="relay"))
    wire, call = talk.wire, talk.id
    assert wire.command("stop_recording", call=call)["error"]["code"] == "not_recording"
    for number in (1, 2):
        assert wire.command("record", call=call)["ok"]
        assert wire.command("stop_recording", call=call)["ok"]
        start = commands(wire, "start recording")[-1]
        assert start["file"].endswith(f"-{number}.wav") is (number > 1)
        talk.ended(start["call-id"], "stopped", file=start["file"])
    talk.out.bye()
    said = talk.record()
    assert (said["duration_s"], len(said["parts"])) == (8.0, 2)
    assert said["file"] == said["parts"][0]["file"]
    wire.assert_quiet()


def test_on_demand_obeys_the_rule_of_the_account() -> None:
    document = office("none", "label", media="relay")
    talk = Talk(wire=Wire({**document, "sounds": SILENT}, engines=1))
    assert talk.wire.command("record", call=talk.id)["error"]["code"] == "no_announcement"
    talk = Talk(document)
    assert talk.wire.command("record", call=talk.id)["ok"]
    assert talk.names() == ["play media", "play media"]
    talk.wire.wait(ANNOUNCE_S + 1)
    assert talk.names()[-1] == "start recording"
    talk.out.bye()
    talk.ended(commands(talk.wire, "start recording")[0]["call-id"])
    talk.wire.assert_quiet()


def test_a_call_that_talks_past_us_is_brought_to_an_engine_first() -> None:
    talk = Talk(office("none", None))
    wire = talk.wire
    assert wire.engine.commands == []
    assert wire.command("record", call=talk.id)["ok"]
    rejoin(talk.pstn, talk.asha)
    assert wire.engine.names() == ["offer", "answer", "start recording"]
    talk.out.bye()
    talk.ended(commands(wire, "start recording")[0]["call-id"])
    assert talk.record()["left"] == "callee"  # who was asked for the offer
    wire.assert_quiet()


def test_without_engines_nothing_is_recorded_on_demand() -> None:
    wire = Wire(office("none", None))
    pstn, asha = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out = pstn.invite(MAIN)
    (call,) = wire.switch.call_by_id
    assert wire.command("record", call=call)["error"]["code"] == "not_connected"
    asha.called().answer()
    out.answered()
    assert wire.command("record", call=call)["error"]["code"] == "no_recording"
    out.bye()
    wire.assert_quiet()


def test_a_disk_that_fails_is_in_the_record_and_the_call_goes_on() -> None:
    talk = Talk(office(announcement=None))
    session = commands(talk.wire, "start recording")[0]["call-id"]
    talk.ended(session, "failed", text="No space left on device", **{"duration-ms": 2000})
    assert talk.wire.noted("recording_failed") == 1
    assert len(talk.wire.switch) == 1
    assert talk.wire.command("pause_recording", call=talk.id)["error"]["code"] == "not_recording"
    talk.out.bye()
    said = talk.record()
    assert (said["failed"], said["duration_s"]) == ("No space left on device", 2.0)
    talk.wire.assert_quiet()


def test_another_engine_goes_on_in_another_file() -> None:
    talk = Talk(wire=voiced(office(), engines=2, recordings_dir="/rec"))
    wire = talk.wire
    wire.wait(ANNOUNCE_S + 1)
    wire.command("pause_recording", call=talk.id)
    engine = wire.switch.call_by_id[talk.id].media.engine
    wire.switch.receive_answer(fx.MediaEvent(engine, "lost", {}), wire.now)
    wire.engine.calls.clear()
    wire.pump()
    rejoin(talk.pstn, talk.asha)
    first, second = [one for one in commands(wire, "start recording") if "file" in one]
    assert second["file"] == first["file"].replace(".wav", "-2.wav")
    assert len(commands(wire, "play media")) == 2  # they know already
    assert wire.engine.names()[-1] == "pause recording"  # and it is still paused
    talk.out.bye()
    talk.ended(second["call-id"], file=second["file"])
    said = talk.record()
    assert [part["file"] for part in said["parts"]] == [first["file"] + ".part", second["file"]]
    assert said["failed"] == "the media engine was lost"
    wire.assert_quiet()


def test_a_call_that_ends_during_the_announcement() -> None:
    talk = Talk()
    talk.wire.wait(ANNOUNCE_S / 2)
    talk.out.bye()
    assert talk.record()["failed"] == "the call ended before recording began"
    talk.wire.assert_quiet()


def test_a_transfer_is_recorded_on_and_the_newcomer_is_told() -> None:
    talk = Talk()
    wire = talk.wire
    wire.wait(ANNOUNCE_S + 1)
    (first,) = commands(wire, "start recording")
    talk.come.request("REFER", extra=[("Refer-To", "<sip:1002@acme.test>")])
    talk.asha.expect("202 REFER")
    target = talk.ravi.called()
    target.answer()
    again = talk.pstn.expect("INVITE")
    talk.pstn.reply(again, 200, [("Contact", talk.pstn.contact)], sdp(version=3))
    plays = commands(wire, "play media")
    assert len(plays) == 3  # two at first, then one more: who stays has heard it
    assert plays[-1]["from-tag"].startswith("extension:2002")
    wire.wait(ANNOUNCE_S + 1)
    assert len(commands(wire, "start recording")) == 2
    talk.ended(first["call-id"], file=first["file"])
    target.bye()
    talk.ended(commands(wire, "start recording")[1]["call-id"])
    wire.wait(10)
    assert [record["recording"]["failed"] for record in wire.records()] == [None, None]
    wire.assert_quiet()


def test_from_a_menu_to_an_agent() -> None:
    wire = voiced(office("inbound"), recordings_dir="/rec")
    pstn, asha = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MENU)
    call.answered()
    assert commands(wire, "start recording") == []
    press(wire, "1")
    come = asha.called()
    come.answer()
    again = pstn.expect("INVITE")
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(version=2))
    wire.wait(ANNOUNCE_S + 1)
    (start,) = commands(wire, "start recording")
    call.bye()
    wire.media_event("recording-ended", **{"call-id": start["call-id"], "file": start["file"], "reason": "gone"})
    assert wire.records()[0]["recording"]["left"] == "callee"
    wire.assert_quiet()


def rejoin(first: Peer, second: Peer) -> None:
    """Both are asked anew: the second for its offer, the first for its answer."""
    second.reply(second.expect("INVITE"), 200, [("Contact", second.contact)], sdp(version=2))
    first.reply(first.expect("INVITE"), 200, [("Contact", first.contact)], sdp(version=2))
    for peer in (first, second):
        peer.expect("ACK")
