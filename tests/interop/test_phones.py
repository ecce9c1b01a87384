"""Phones and a trunk talk through routerd: heard on both sides, digits, hold and resume, ended from either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import scenarios
from kit.baresip import Baresip
from kit.company import BOB_NUMBER, CUSTOMER, TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.linphone import Linphone
from kit.program import free_port
from kit.rtp import RtpPeer
from kit.sipp import Sipp
from kit.tone import wait_heard

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("ends", ["phone", "trunk"])
def test_a_trunk_calls_a_phone(tmp_path: Path, ends: str) -> None:
    with (
        Daemon(tmp_path, company(trunk("pstn", free_port()))) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        bob.wait_registered()
        talk = scenarios.invite(voice.sdp) + scenarios.expect_answer() + scenarios.ack()
        talk += scenarios.hold_and_resume(voice.sdp)
        talk += scenarios.hung_up_by_peer() if ends == "phone" else scenarios.pause(1500) + scenarios.bye()
        with Sipp(tmp_path, "caller", talk, remote=daemon.port, host=TRUNK_HOST, service=BOB_NUMBER) as caller:
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
            if ends == "phone":
                bob.hang_up()
            bob.wait_event("CALL_CLOSED")
            caller.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "answered", record


def test_a_phone_calls_out_through_a_trunk(tmp_path: Path) -> None:
    port = free_port()
    with (
        Daemon(tmp_path, company(trunk("pstn", port))) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        alice.wait_registered()
        talk = scenarios.answer_call(voice.sdp) + scenarios.hung_up_by_peer()
        with Sipp(tmp_path, "called", talk, host=TRUNK_HOST, port=port) as called:
            assert alice.dial(f"sip:{CUSTOMER}@acme.test")["ok"]
            alice.wait_event("CALL_RTPESTAB")
            voice.wait_heard(440)
            wait_heard(alice.recordings, 1000)
            alice.hang_up()
            called.finish().assert_clean(1)
            assert f"INVITE sip:{CUSTOMER}@" in called.messages()
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "answered", record


@pytest.mark.parametrize("ends", ["linphone", "baresip"])
def test_linphone_and_baresip(tmp_path: Path, ends: str) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        Linphone(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
    ):
        bob.wait_registered()
        alice.wait_registered()
        alice.dial("sip:1002@acme.test")
        bob.wait_event("CALL_RTPESTAB")
        wait_heard(bob.recordings, 440)
        wait_heard(alice.recordings, 600)
        alice.send_digit("7")
        bob.wait_event("CALL_DTMF_START")
        (alice if ends == "linphone" else bob).hang_up()
        bob.wait_event("CALL_CLOSED")
        alice.wait_line("ended")
        daemon.wait_records(1)


def test_baresip_calls_linphone(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        Linphone(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
    ):
        bob.wait_registered()
        alice.wait_registered()
        assert bob.dial("sip:1001@acme.test")["ok"]
        bob.wait_event("CALL_RTPESTAB")
        wait_heard(bob.recordings, 440)
        wait_heard(alice.recordings, 600)
        bob.hang_up()
        alice.wait_line("ended")


def test_a_wrong_password_does_not_register(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, password="guessed") as mallory,
    ):
        assert mallory.program.wait_line("40").count("OK") == 0
        assert not any("200 OK" in line for line in mallory.program.lines.events)
