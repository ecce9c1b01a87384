"""pjsua2 over TLS: it verifies the certificate, calls, and stays connected while the certificate is replaced."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from kit.baresip import Baresip
from kit.certificates import Authority
from kit.company import company
from kit.daemon import Daemon
from kit.pjsua2_phone import Pjsua2Phone
from kit.ports import HOST
from kit.program import wait_until
from kit.tone import wait_heard

if TYPE_CHECKING:
    from pathlib import Path


def serial_served(port: int, authority: Path) -> int:
    context = ssl.create_default_context(cafile=str(authority))
    with socket.create_connection((HOST, port), 5) as plain, context.wrap_socket(plain, server_hostname=HOST) as secure:
        told = secure.getpeercert()
    assert told
    return int(str(told["serialNumber"]), 16)


def test_pjsua2_over_tls_calls_a_phone_over_udp(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with (
        Daemon(tmp_path, company(), certificate=authority.issue("server", HOST)) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        Pjsua2Phone(
            tmp_path, "2001", server=daemon.tls_port, transport="tls", authority=authority.path, frequency=440
        ) as alice,
    ):
        bob.wait_registered()
        alice.wait_registered()
        call = alice.dial("sip:1002@acme.test")
        alice.wait_state(call, "CONFIRMED")
        wait_heard(lambda: alice.recording(call), 600)
        wait_heard(bob.recordings, 440)
        alice.command("digits", call=call, digits="5")
        bob.wait_event("CALL_DTMF_START")
        bob.hang_up()
        alice.wait_state(call, "DISCONNECTED")
        since = alice.mark()
        assert bob.dial("sip:1001@acme.test")["ok"]
        back = alice.wait_incoming(after=since)
        alice.wait_state(back, "CONFIRMED")
        alice.command("hang_up", call=back)
        bob.wait_event("CALL_CLOSED", after=1)


def test_a_new_certificate_is_served_and_nobody_is_dropped(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    first = authority.issue("server", HOST)
    with (
        Daemon(tmp_path, company(), certificate=first) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port) as bob,
        Pjsua2Phone(tmp_path, "2001", server=daemon.tls_port, transport="tls", authority=authority.path) as alice,
    ):
        bob.wait_registered()
        alice.wait_registered()
        call = alice.dial("sip:1002@acme.test")
        alice.wait_state(call, "CONFIRMED")
        old = serial_served(daemon.tls_port, authority.path)

        authority.issue("server", HOST)
        daemon.reload()
        wait_until(
            lambda: serial_served(daemon.tls_port, authority.path), lambda serial: serial != old, 10, "new certificate"
        )
        new = serial_served(daemon.tls_port, authority.path)

        first[0].write_text("not a certificate", encoding="ascii")
        mark = len(daemon.program.lines.events)
        daemon.reload()
        daemon.program.wait_line("certificate", after=mark)
        assert serial_served(daemon.tls_port, authority.path) == new

        alice.command("digits", call=call, digits="5")
        bob.wait_event("CALL_DTMF_START")
        alice.command("hang_up", call=call)
        bob.wait_event("CALL_CLOSED")
        assert len([line for line in alice.program.lines.events if '"registered"' in line]) == 1
