"""A browser calls and is called: Chromium over secure WebSocket, with DTLS-SRTP and ICE; plain RTP on the other leg."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from kit.baresip import Baresip
from kit.browser_phone import BrowserPhone
from kit.certificates import Authority
from kit.company import company
from kit.daemon import Daemon
from kit.ports import HOST, free_port
from kit.rtpengine import Rtpengine
from kit.tone import wait_heard

if TYPE_CHECKING:
    from pathlib import Path


def daemon_with_browsers(folder: Path, media: dict[str, Any] | None = None) -> tuple[Daemon, str]:
    """The daemon, and where its browsers find it."""
    port = free_port()
    certificate = Authority(folder).issue("server", HOST)
    listen = (f"wss:{HOST}:{port}",)
    daemon = Daemon(folder, company(), certificate=certificate, more_listen=listen, media=media)
    return daemon, f"wss://{HOST}:{port}"


def test_a_browser_calls_a_phone_and_holds(tmp_path: Path) -> None:
    daemon, server = daemon_with_browsers(tmp_path)
    with (
        daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        BrowserPhone(tmp_path, "2001", server=server, frequency=440) as alice,
    ):
        bob.wait_registered()
        alice.dial("sip:1002@acme.test")
        alice.wait_event("session Established")
        wait_heard(bob.recordings, 440)
        wait_heard(alice.recordings, 600, timeout_s=20)
        alice.hold()
        alice.resume()
        alice.forget()
        wait_heard(alice.recordings, 600, timeout_s=20)
        (transport,) = [one for one in alice.statistics() if one["type"] == "transport"]
        assert transport["dtlsState"] == "connected"
        assert transport["srtpCipher"]
        alice.hang_up()
        bob.wait_event("CALL_CLOSED")
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "answered", record


@pytest.mark.parametrize("kind", ["embedded", "rtpengine"])
def test_a_phone_calls_a_browser(tmp_path: Path, kind: str) -> None:
    engine = Rtpengine(tmp_path) if kind == "rtpengine" else None
    daemon, server = daemon_with_browsers(tmp_path, engine.media if engine is not None else None)
    with (
        engine or contextlib.nullcontext(),
        daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        BrowserPhone(tmp_path, "2001", server=server, frequency=440) as alice,
    ):
        bob.wait_registered()
        assert bob.dial("sip:1001@acme.test")["ok"]
        alice.wait_event("session Established")
        wait_heard(alice.recordings, 600, timeout_s=20)
        wait_heard(bob.recordings, 440)
        bob.hold()
        bob.resume()
        alice.forget()
        wait_heard(alice.recordings, 600, timeout_s=20)
        bob.hang_up()
        alice.wait_event("bye")


def test_a_browser_and_a_desk_phone_ring_together(tmp_path: Path) -> None:
    """One offer a profile, and the one that answers is heard."""
    daemon, server = daemon_with_browsers(tmp_path)
    with (
        daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=800, auto_answer=False) as desk,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        BrowserPhone(tmp_path, "2001", server=server, frequency=440) as alice,
    ):
        for phone in (desk, bob):
            phone.wait_registered()
        assert bob.dial("sip:1001@acme.test")["ok"]
        wait_heard(alice.recordings, 600, timeout_s=20)
        wait_heard(bob.recordings, 440)
        desk.wait_event("CALL_CLOSED")
        bob.hang_up()
        alice.wait_event("bye")


def test_a_browser_is_handed_over_to_another_phone(tmp_path: Path) -> None:
    """A blind transfer: the browser gets other ports and another certificate, and shakes hands anew."""
    daemon, server = daemon_with_browsers(tmp_path)
    with (
        daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        Baresip(tmp_path, "2003", server=daemon.port, frequency=900) as carol,
        BrowserPhone(tmp_path, "2001", server=server, frequency=440) as alice,
    ):
        for phone in (bob, carol):
            phone.wait_registered()
        alice.dial("sip:1002@acme.test")
        wait_heard(alice.recordings, 600, timeout_s=20)
        bob.transfer("sip:1003@acme.test")
        carol.wait_event("CALL_RTPESTAB")
        alice.forget()
        wait_heard(alice.recordings, 900, timeout_s=20)
        wait_heard(carol.recordings, 440)
        alice.hang_up()
        carol.wait_event("CALL_CLOSED")


def test_a_browsers_call_outlives_the_engine(tmp_path: Path) -> None:
    daemon, server = daemon_with_browsers(tmp_path)
    with (
        daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        BrowserPhone(tmp_path, "2001", server=server, frequency=440) as alice,
    ):
        bob.wait_registered()
        alice.dial("sip:1002@acme.test")
        wait_heard(alice.recordings, 600, timeout_s=20)
        daemon.kill_child("media")
        alice.forget()
        wait_heard(alice.recordings, 600, timeout_s=20)
        alice.hang_up()
        bob.wait_event("CALL_CLOSED")


def test_two_browsers(tmp_path: Path) -> None:
    daemon, server = daemon_with_browsers(tmp_path)
    with (
        daemon,
        BrowserPhone(tmp_path, "2001", server=server, frequency=440) as alice,
        BrowserPhone(tmp_path, "2002", server=server, frequency=600) as bob,
    ):
        alice.dial("sip:1002@acme.test")
        wait_heard(alice.recordings, 600, timeout_s=20)
        wait_heard(bob.recordings, 440, timeout_s=20)
        alice.hang_up()
        bob.wait_event("bye")
