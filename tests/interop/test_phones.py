"""Phones and a trunk talk through routerd: heard on both sides, digits, hold and resume, ended from either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import scenarios
from kit.baresip import Baresip
from kit.company import BOB_NUMBER, CUSTOMER, TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.linphone import Linphone
from kit.pjsua2_phone import Pjsua2Phone
from kit.ports import HOST, free_port
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
        mallory.program.wait_line("reg: sip:2002@acme.test: 40")
        assert not any("200 OK" in line for line in mallory.program.lines.events)


def test_a_phone_that_says_lr_twice_registers(tmp_path: Path) -> None:
    """With ``;lr`` in its outbound setting baresip writes it twice into its Route: RFC 3261 forbids it, phones live."""
    with (
        Daemon(tmp_path, company()) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, route=";lr") as bob,
    ):
        bob.wait_registered()


def test_a_listener_may_offer_a_digest_of_its_own(tmp_path: Path) -> None:
    """baresip 1.0 knows MD5 only: its listener offers just that, the others SHA-256 first."""
    port = free_port()
    own = {"digest_by_listener": {f"udp:{HOST}:{port}": ["MD5"]}}
    with (
        Daemon(
            tmp_path, company(), digest=("SHA-256", "MD5"), more_listen=(f"udp:{HOST}:{port}",), settings={"sip": own}
        ) as daemon,
        Baresip(tmp_path, "2002", server=port) as bob,
        Pjsua2Phone(tmp_path, "2001", server=daemon.port) as alice,
    ):
        bob.wait_registered()
        alice.wait_registered()
