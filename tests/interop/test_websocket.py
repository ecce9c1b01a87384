"""A phone in a browser's manner (RFC 7118): over ws and wss it registers, calls, is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.baresip import Baresip
from kit.certificates import Authority
from kit.company import company
from kit.daemon import Daemon
from kit.ports import HOST, free_port
from kit.rtp import RtpPeer
from kit.tone import wait_heard
from kit.websocket_phone import WebSocketPhone

if TYPE_CHECKING:
    from pathlib import Path


def test_it_registers_and_calls_a_phone(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company(), websocket=True) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        RtpPeer(1000) as voice,
        WebSocketPhone("2001", server=daemon.ws_port, rtp=voice.port) as alice,
    ):
        bob.wait_registered()
        assert alice.register().status == 200
        answer = alice.dial("sip:1002@acme.test")
        assert answer.status == 200, answer
        voice.send_to(*media_address(answer.body))
        wait_heard(bob.recordings, 1000)
        voice.wait_heard(600)
        assert alice.hang_up().status == 200
        bob.wait_event("CALL_CLOSED")
        daemon.wait_records(1)


def test_it_is_called_and_the_caller_hangs_up(tmp_path: Path) -> None:
    document = company()
    document["extensions"][0]["srtp"] = "off"  # this phone is no browser
    with (
        Daemon(tmp_path, document, websocket=True) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        RtpPeer(1000) as voice,
        WebSocketPhone("2001", server=daemon.ws_port, rtp=voice.port) as alice,
    ):
        bob.wait_registered()
        assert alice.register().status == 200
        assert bob.dial("sip:1001@acme.test")["ok"]
        invite = alice.wait_request("INVITE")
        voice.send_to(*media_address(invite.body))
        voice.wait_heard(600)
        wait_heard(bob.recordings, 1000)
        bob.hang_up()
        alice.wait_request("BYE")


def test_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    port = free_port()
    certificate = authority.issue("server", HOST)
    with (
        Daemon(tmp_path, company(), certificate=certificate, more_listen=(f"wss:{HOST}:{port}",), digest=("SHA-256",)),
        WebSocketPhone("2001", server=port, authority=authority.path) as alice,
    ):
        assert alice.register().status == 200
        assert alice.dial("sip:1002@acme.test").status == 480  # nobody is registered there


@pytest.mark.parametrize("password", ["guessed", ""])
def test_a_wrong_password_is_refused(tmp_path: Path, password: str) -> None:
    with (
        Daemon(tmp_path, company(), websocket=True, digest=("SHA-256", "MD5")) as daemon,
        WebSocketPhone("2001", server=daemon.ws_port, password=password) as mallory,
    ):
        assert mallory.register().status in {401, 403}


def media_address(sdp: str) -> tuple[str, int]:
    lines = sdp.splitlines()
    host = next(line.split()[-1] for line in lines if line.startswith("c="))
    port = next(line.split()[1] for line in lines if line.startswith("m=audio"))
    return host, int(port)
