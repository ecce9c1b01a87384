"""Three phones: a blind and an attended transfer, after which the two who remain hear each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit.baresip import Baresip
from kit.company import company
from kit.daemon import Daemon
from kit.pjsua2_phone import Pjsua2Phone
from kit.tone import wait_heard

if TYPE_CHECKING:
    from pathlib import Path


def test_blind(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        Pjsua2Phone(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        Baresip(tmp_path, "2003", server=daemon.port, frequency=900) as carol,
    ):
        for phone in (alice, bob, carol):
            phone.wait_registered()
        call = alice.dial("sip:1002@acme.test")
        alice.wait_state(call, "CONFIRMED")
        wait_heard(bob.recordings, 440)
        alice.command("transfer", call=call, to="sip:1003@acme.test")
        carol.wait_event("CALL_RTPESTAB")
        alice.wait_event("transfer", call=call, status=200, final=True)
        wait_heard(carol.recordings, 600)
        wait_heard(bob.recordings, 900)
        carol.hang_up()
        bob.wait_event("CALL_CLOSED")
        daemon.wait_records(1)


def test_blind_to_somebody_who_is_not_there(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        Pjsua2Phone(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
    ):
        alice.wait_registered()
        bob.wait_registered()
        call = alice.dial("sip:1002@acme.test")
        alice.wait_state(call, "CONFIRMED")
        alice.command("transfer", call=call, to="sip:1003@acme.test")
        told = alice.wait_event("transfer", call=call, final=True)
        assert told["status"] == 480, told
        # the call that was to be transferred lives on
        alice.command("digits", call=call, digits="5")
        bob.wait_event("CALL_DTMF_START")
        alice.command("hang_up", call=call)
        bob.wait_event("CALL_CLOSED")


def test_attended(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        Pjsua2Phone(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        Baresip(tmp_path, "2003", server=daemon.port, frequency=900) as carol,
    ):
        for phone in (alice, bob, carol):
            phone.wait_registered()
        first = alice.dial("sip:1002@acme.test")
        alice.wait_state(first, "CONFIRMED")
        alice.command("hold", call=first)
        second = alice.dial("sip:1003@acme.test")
        alice.wait_state(second, "CONFIRMED")
        wait_heard(carol.recordings, 440)
        alice.command("join", call=first, other=second)
        alice.wait_event("transfer", call=first, status=200, final=True)
        wait_heard(bob.recordings, 900)
        wait_heard(carol.recordings, 600)
        alice.wait_state(second, "DISCONNECTED")
        bob.hang_up()
        carol.wait_event("CALL_CLOSED")
