"""The kit itself, without routerd: the phones meet at Kamailio. When this is red, a red interop test says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import scenarios
from kit.baresip import Baresip
from kit.certificates import Authority
from kit.kamailio import Kamailio
from kit.linphone import Linphone
from kit.pjsua2_phone import Pjsua2Phone
from kit.rtp import RtpPeer
from kit.sipp import Sipp
from kit.tone import assert_heard, assert_not_heard, seconds_of, wait_heard, write_tone

if TYPE_CHECKING:
    from pathlib import Path


def test_a_tone_is_found_and_another_is_not(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "tone.wav", 440, seconds=2)
    assert seconds_of(path, 440) == pytest.approx(2, abs=0.1)
    assert_not_heard(path, 600)
    with pytest.raises(AssertionError, match="600 Hz for 0"):
        assert_heard(path, 600, at_least_s=1)


def test_two_baresips_hear_each_other(tmp_path: Path) -> None:
    with (
        Kamailio.provider(tmp_path, {"alice": "secret", "bob": "secret"}) as server,
        Baresip(tmp_path, "alice", server=server.port, frequency=440) as alice,
        Baresip(tmp_path, "bob", server=server.port, frequency=600) as bob,
    ):
        server.wait_registered("alice")
        server.wait_registered("bob")
        assert alice.dial(bob.uri)["ok"]
        for phone in (alice, bob):
            phone.wait_event("CALL_ESTABLISHED")
            phone.wait_event("CALL_RTPESTAB")
        wait_heard(alice.recordings, 600)
        wait_heard(bob.recordings, 440)
        alice.send_digits("5")
        bob.wait_event("CALL_DTMF_START")
        alice.hang_up()
        bob.wait_event("CALL_CLOSED")


def test_linphone_and_baresip_hear_each_other(tmp_path: Path) -> None:
    with (
        Kamailio.provider(tmp_path, {"alice": "secret", "bob": "secret"}) as server,
        Baresip(tmp_path, "bob", server=server.port, frequency=600, codecs="pcmu") as bob,
        Linphone(tmp_path, "alice", server=server.port, frequency=440) as alice,
    ):
        server.wait_registered("bob")
        server.wait_registered("alice")
        alice.dial(bob.uri)
        bob.wait_event("CALL_RTPESTAB")
        wait_heard(bob.recordings, 440)
        wait_heard(alice.recordings, 600)
        alice.send_digit("7")
        bob.wait_event("CALL_DTMF_START")
        bob.hang_up()
        alice.wait_line("ended")


def test_pjsua2_over_tls_hears_a_baresip(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("server", "127.0.0.1")
    with (
        Kamailio.provider(tmp_path, {"carol": "secret", "bob": "secret"}, tls=certificate) as server,
        Baresip(tmp_path, "bob", server=server.port, frequency=600) as bob,
        Pjsua2Phone(tmp_path, "carol", server=server.tls_port, transport="tls", authority=authority.path) as carol,
    ):
        server.wait_registered("bob")
        carol.wait_registered()
        call = carol.dial(bob.uri)
        carol.wait_state(call, "CONFIRMED")
        wait_heard(lambda: carol.recording(call), 600)
        wait_heard(bob.recordings, carol.frequency)
        carol.command("digits", call=call, digits="5")
        bob.wait_event("CALL_DTMF_START")
        bob.hang_up()
        carol.wait_state(call, "DISCONNECTED")


def test_a_sipp_trunk_with_a_voice_holds_and_resumes(tmp_path: Path) -> None:
    with (
        Kamailio.provider(tmp_path, {"bob": "secret"}) as server,
        Baresip(tmp_path, "bob", server=server.port, frequency=600) as bob,
        RtpPeer(1000) as voice,
    ):
        server.wait_registered("bob")
        talk = scenarios.invite(voice.sdp) + scenarios.expect_answer() + scenarios.ack()
        talk += scenarios.hold_and_resume(voice.sdp) + scenarios.hung_up_by_peer()
        with Sipp(tmp_path, "caller", talk, remote=server.port, service="bob") as caller:
            bob.wait_event("CALL_RTPESTAB")
            voice.wait_heard(600)
            wait_heard(bob.recordings, 1000)
            voice.send_digit("5")
            bob.wait_event("CALL_DTMF_START")
            bob.send_digits("7")
            voice.wait_digit("7")
            bob.hold()
            caller.wait_message("a=recvonly", sent=True)
            bob.resume()
            voice.wait_heard(600, seconds=voice.heard_s(600) + 0.3)
            bob.hang_up()
            caller.finish().assert_clean(1)
