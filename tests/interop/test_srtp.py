"""SRTP with keys in the descriptions (RFC 4568): baresip insists on it, its trunk and peers know RTP only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kit import scenarios
from kit.baresip import Baresip
from kit.company import BOB_NUMBER, CUSTOMER, TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.ports import free_port
from kit.rtp import RtpPeer
from kit.rtpengine import Rtpengine
from kit.sipp import Sipp
from kit.tone import wait_heard

if TYPE_CHECKING:
    from pathlib import Path

MANDATORY = "mediaenc=srtp-mand"


def secured(document: dict[str, Any], extension: str, srtp: str = "sdes", **more: str) -> dict[str, Any]:
    """The document with one extension that is offered SRTP."""
    entry = next(one for one in document["extensions"] if one["id"] == extension)
    entry.update(srtp=srtp, **more)
    return document


def test_a_plain_trunk_calls_a_secured_phone(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, secured(company(trunk("pstn", free_port())), "2002")) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600, more=MANDATORY) as bob,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        bob.wait_registered()
        talk = scenarios.invite(voice.sdp) + scenarios.expect_answer() + scenarios.ack()
        talk += scenarios.hold_and_resume(voice.sdp) + scenarios.hung_up_by_peer()
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
            bob.hang_up()
            caller.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "answered", record
        assert not [line for line in daemon.program.lines.events if "inline:" in line]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_secured_phone_calls_out_through_a_plain_trunk(tmp_path: Path, transport: str) -> None:
    port = free_port()
    with (
        Daemon(tmp_path, company(trunk("pstn", port))) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440, transport=transport, more=MANDATORY) as alice,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        alice.wait_registered()
        talk = scenarios.answer_call(voice.sdp) + scenarios.hung_up_by_peer()
        with Sipp(tmp_path, "trunk", talk, host=TRUNK_HOST, port=port) as callee:
            assert alice.dial(f"sip:{CUSTOMER}@acme.test")["ok"]
            voice.wait_heard(440)
            wait_heard(alice.recordings, 1000)
            alice.hang_up()
            callee.finish().assert_clean(1)
            assert "RTP/AVP" in callee.messages()
            assert "SAVP" not in callee.messages()


@pytest.mark.parametrize("media", ["relay", "direct"])
def test_a_secured_phone_and_a_plain_one(tmp_path: Path, media: str) -> None:
    """Who could not talk directly is relayed, whatever the document says."""
    document = company()
    for extension in ("2001", "2002"):
        secured(document, extension, "auto", media=media)
    with (
        Daemon(tmp_path, document) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440, more=MANDATORY) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
    ):
        alice.wait_registered()
        bob.wait_registered()
        assert alice.dial("sip:1002@acme.test")["ok"]
        wait_heard(bob.recordings, 440)
        wait_heard(alice.recordings, 600)
        alice.hang_up()
        bob.wait_event("CALL_CLOSED")


@pytest.mark.parametrize("caller", ["secured", "plain"])
def test_through_an_rtpengine(tmp_path: Path, caller: str) -> None:
    with (
        Rtpengine(tmp_path) as engine,
        Daemon(tmp_path, secured(company(), "2001"), media=engine.media) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440, more=MANDATORY) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
    ):
        alice.wait_registered()
        bob.wait_registered()
        assert (alice.dial("sip:1002@acme.test") if caller == "secured" else bob.dial("sip:1001@acme.test"))["ok"]
        wait_heard(bob.recordings, 440)
        wait_heard(alice.recordings, 600)
        alice.hang_up()
        bob.wait_event("CALL_CLOSED")


def test_a_secured_phone_rings_beside_a_plain_one_of_the_same_person(tmp_path: Path) -> None:
    """Two contacts of one extension are offered one profile; who insists on another refuses, the other answers."""
    with (
        Daemon(tmp_path, company()) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, host="127.0.0.3", frequency=900, more=MANDATORY) as strict,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
    ):
        for phone in (alice, strict, bob):
            phone.wait_registered()
        assert alice.dial("sip:1002@acme.test")["ok"]
        wait_heard(bob.recordings, 440)
        wait_heard(alice.recordings, 600)
        alice.hang_up()
        bob.wait_event("CALL_CLOSED")
