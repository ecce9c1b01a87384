"""A caller alone with the engine: answered, refused cleanly, followed through lost engines and transfers."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import MENU, changed, company
from b2bua_kit.peer import Phone, sdp, trunk
from b2bua_kit.voices import commands, play_ends, played, press, voiced

from routerd.b2bua import house
from routerd.b2bua.playing import Audio
from routerd.media import offer_answer


def test_the_caller_gets_the_engines_description_and_hears_the_prompt() -> None:
    wire = voiced()
    call = trunk(wire).invite(MENU)
    response = call.answered()
    assert b"203.0.113.99" in response.body
    offer_answer.check_answer(call.sdp, response.body)
    assert [command["command"] for command in wire.engine.commands] == ["offer", "answer", "play media"]
    assert wire.engine.commands[1]["to-tag"] == "house"
    assert played(wire) == ["welcome"]
    call.bye()
    wire.assert_quiet()
    marks = wire.records()[0]["timeline"]
    assert marks[0]["what"] == "play"
    assert marks[0]["detail"] == "welcome"


def test_the_timeout_runs_from_the_end_of_the_prompt() -> None:
    wire = voiced()
    call = trunk(wire).invite(MENU)
    call.answered()
    wire.wait(2.9)
    play_ends(wire)
    wire.wait(4.9)
    assert played(wire) == ["welcome"]
    wire.wait(0.2)
    assert played(wire) == ["welcome", "welcome"]
    call.bye()
    wire.assert_quiet()


def test_an_event_that_is_lost_is_waited_for_no_longer_than_the_prompt_lasts() -> None:
    wire = voiced()
    call = trunk(wire).invite(MENU)
    call.answered()
    wire.wait(3.0 + 1.5 + 5.1)
    assert played(wire) == ["welcome", "welcome"]
    call.bye()
    wire.assert_quiet()


def test_a_caller_without_an_offer_is_offered_the_engines() -> None:
    wire = voiced()
    call = trunk(wire).invite(MENU, b"")
    response = call.answered(sdp(port=6000))
    assert b"203.0.113.99" in response.body
    first, second = wire.engine.commands[:2]
    assert (first["command"], first["from-tag"]) == ("offer", "house")
    assert (second["command"], second["to-tag"]) == ("answer", "caller")
    assert b"m=audio 6000" in second["sdp"]
    assert played(wire) == ["welcome"]
    call.bye()
    wire.assert_quiet()


def test_an_engine_that_refuses_ends_it_with_503() -> None:
    wire = voiced()
    wire.engine.refuses = True
    trunk(wire).invite(MENU).refused(503)
    wire.assert_quiet()
    assert wire.records()[0]["reason"] == "overload"


def test_a_silent_engine_leaves_the_caller_in_silence() -> None:
    wire = voiced()
    wire.engine.silent = True
    call = trunk(wire).invite(MENU)
    assert b"a=inactive" in call.answered().body
    wire.wait(60)
    call.peer.expect("BYE")
    wire.engine.silent = False
    wire.engine.calls.clear()
    wire.assert_quiet()


def test_no_living_engine_is_not_asked() -> None:
    wire = voiced()
    wire.media_event("lost")
    call = trunk(wire).invite(MENU)
    assert b"a=inactive" in call.answered().body
    assert not wire.engine.commands
    call.bye()
    wire.assert_quiet()


@pytest.mark.parametrize("what", ["cancel", "admin"])
def test_the_caller_may_give_up_while_the_engine_is_asked(what: str) -> None:
    wire = voiced()
    wire.engine.hold = {"offer"}
    pstn = trunk(wire)
    call = pstn.invite(MENU)
    if what == "cancel":
        call.cancel()
        pstn.expect("200 CANCEL")
        call.refused(487)
    else:
        wire.command("hang_up", call=next(iter(wire.switch.call_by_id)))
        call.refused(480)
    wire.release_media()
    wire.assert_quiet()
    record = wire.records()[0]
    assert record["sip_status"] == {"cancel": 487, "admin": 480}[what]
    assert record["answered_at"] is None


def test_a_codec_that_nobody_here_speaks_is_488() -> None:
    wire = voiced()
    body = sdp().replace(b"RTP/AVP 8 0 101", b"RTP/AVP 96 101") + b"a=rtpmap:96 opus/48000/2\r\n"
    trunk(wire).invite(MENU, body).refused(488)
    wire.assert_quiet()


def test_the_engine_is_restarted_and_the_prompt_starts_anew() -> None:
    wire = voiced()
    pstn = trunk(wire)
    call = pstn.invite(MENU)
    call.answered()
    wire.engine.calls.clear()
    wire.media_event("restarted")
    again = pstn.expect("INVITE")
    assert b"203.0.113.99" in again.body
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(version=2))
    pstn.expect("ACK")
    assert played(wire) == ["welcome", "welcome"]
    assert len({command["call-id"] for command in wire.engine.commands}) == 2
    call.bye()
    wire.assert_quiet()


def test_a_caller_who_does_not_follow_to_another_engine_is_hung_up() -> None:
    wire = voiced()
    pstn = trunk(wire)
    call = pstn.invite(MENU)
    call.answered()
    wire.engine.calls.clear()
    wire.media_event("restarted")
    pstn.reply(pstn.expect("INVITE"), 488)
    pstn.expect("BYE")
    wire.assert_quiet()


@pytest.mark.parametrize("word", ["restarted", "up"])
def test_who_loses_the_only_engine_goes_on_in_silence_until_it_is_back(word: str) -> None:
    wire = voiced()
    pstn = trunk(wire)
    call = pstn.invite(MENU)
    call.answered()
    wire.engine.calls.clear()
    wire.media_event("lost")
    assert "INVITE" not in pstn.lines()
    wire.media_event(word)
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    pstn.expect("ACK")
    assert played(wire)[-1] == "welcome"
    call.bye()
    wire.assert_quiet()


def test_what_others_may_do_with_a_guest() -> None:
    wire = voiced()
    call = trunk(wire).invite(MENU)
    call.answered()
    inside = next(iter(wire.switch.call_by_id.values()))
    heard: list[object] = []
    house.play(inside, [Audio("/x/a.wav", 1.0), Audio("/x/b.wav", 1.0)], wire.now, heard.append)
    wire.pump()
    play_ends(wire)
    assert not heard
    play_ends(wire)
    assert heard == [wire.now]
    house.on_digit(inside, lambda digit, now: heard.append((digit, now)))
    press(wire, "7")
    assert heard[-1] == ("7", wire.now)
    house.record(inside, "/x/r.wav", wire.now, lambda facts, _: heard.append(facts["reason"]), max_ms=9000)
    wire.pump()
    started = commands(wire, "start recording")[0]
    assert (started["from-tag"], started["until-digits"], started["max-ms"]) == ("caller", "#", 9000)
    house.stop_recording(inside)
    wire.pump()
    wire.media_event("recording-ended", **{"call-id": started["call-id"], "tag": "caller", "reason": "stopped"})
    assert heard[-1] == "stopped"
    house.stop(inside, wire.now)
    call.bye()
    wire.assert_quiet()
    details = [mark["detail"] for mark in wire.records()[0]["timeline"] if mark["what"] == "digit"]
    assert details == ["•"], "what may be a PIN is not written down"


def test_recording_is_refused_where_the_engine_cannot() -> None:
    wire = voiced()
    wire.media_event("up", result="pong")
    call = trunk(wire).invite(MENU)
    call.answered()
    inside = next(iter(wire.switch.call_by_id.values()))
    assert not house.can_record(inside)
    told: list[str] = []
    house.record(inside, "/x/r.wav", wire.now, lambda facts, _: told.append(facts["reason"]))
    assert told == ["failed"]
    call.bye()
    wire.assert_quiet()


def test_who_is_transferred_to_a_menu_is_brought_to_the_engine() -> None:
    wire = voiced(changed(company(), "extensions", "2001", media="direct"))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite("+918069651100")
    come = phone.called()
    come.answer()
    come.acked()
    call.answered()
    come.request("REFER", extra=[("Refer-To", f"<sip:{MENU}@acme.test>")])
    phone.expect("202")
    again = pstn.expect("INVITE")
    assert b"203.0.113.99" in again.body
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(version=2))
    pstn.expect("ACK")
    assert played(wire, "lent:caller") == ["welcome"]
    call.dialog.remote_cseq = again.cseq.number  # type: ignore[union-attr]
    call.bye()
    wire.assert_quiet()
