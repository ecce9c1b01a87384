"""Three phones: a blind and an attended transfer, after which the two who remain hear each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.api import Api
from kit.baresip import Baresip
from kit.company import company
from kit.daemon import Daemon
from kit.pjsua2_phone import Pjsua2Phone
from kit.program import wait_until
from kit.tone import wait_heard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("daemon"), company()) as daemon:
        yield daemon


@pytest.fixture
def daemon(running: Daemon) -> Iterator[Daemon]:
    """The daemon of all tests here; its phones go with each test, and its calls, of which records are left."""
    records = len(running.records())
    yield running
    api = Api(running)
    for path, key in (("/registrations", "registrations"), ("/calls", "calls")):
        wait_until(lambda path=path, key=key: api.get(path)[key], lambda found: not found, 30, f"end of {key}")  # type: ignore[misc]
    running.wait_records(records + 1)


def test_blind(tmp_path: Path, daemon: Daemon) -> None:
    with (
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


def test_blind_to_somebody_who_is_not_there(tmp_path: Path, daemon: Daemon) -> None:
    with (
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


@pytest.mark.parametrize("held", ["the first", "both"])
def test_attended(tmp_path: Path, daemon: Daemon, held: str) -> None:
    records = len(daemon.records())
    with (
        Pjsua2Phone(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        Pjsua2Phone(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        Pjsua2Phone(tmp_path, "2003", server=daemon.port, frequency=900) as carol,
    ):
        for phone in (alice, bob, carol):
            phone.wait_registered()
        first = alice.dial("sip:1002@acme.test")
        alice.wait_state(first, "CONFIRMED")
        at_bob = bob.wait_incoming()
        wait_heard(lambda: bob.recording(at_bob), 440)
        hold(alice, first, bob)
        second = alice.dial("sip:1003@acme.test")
        alice.wait_state(second, "CONFIRMED")
        at_carol = carol.wait_incoming()
        wait_heard(lambda: carol.recording(at_carol), 440)
        if held == "both":
            hold(alice, second, carol)
        alice.command("join", call=first, other=second)
        alice.wait_event("transfer", call=first, status=200, final=True)
        wait_heard(lambda: bob.recording(at_bob), 900)
        wait_heard(lambda: carol.recording(at_carol), 600)
        for call in (first, second):
            alice.wait_state(call, "DISCONNECTED")
        bob.command("hang_up", call=at_bob)
        carol.wait_state(at_carol, "DISCONNECTED")
        daemon.wait_records(records + 2)


def test_a_third_phone_takes_the_place_of_a_party(tmp_path: Path, daemon: Daemon) -> None:
    """INVITE with Replaces (RFC 3891), as the target of a transfer between two other phones sends it."""
    with (
        Pjsua2Phone(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        Pjsua2Phone(tmp_path, "2003", server=daemon.port, frequency=900) as carol,
    ):
        for phone in (alice, bob, carol):
            phone.wait_registered()
        call = alice.dial("sip:1002@acme.test")
        alice.wait_state(call, "CONFIRMED")
        wait_heard(bob.recordings, 440)
        dialog = alice.dialog(call)
        taken = carol.dial("sip:1002@acme.test", headers={"Replaces": dialog, "Require": "replaces"})
        carol.wait_state(taken, "CONFIRMED")
        alice.wait_state(call, "DISCONNECTED")
        wait_heard(bob.recordings, 900)
        wait_heard(lambda: carol.recording(taken), 600)
        bob.hang_up()
        carol.wait_state(taken, "DISCONNECTED")


def hold(phone: Pjsua2Phone, call: int, other: Pjsua2Phone) -> None:
    """Hold, until the other phone knows."""
    since = other.mark()
    phone.command("hold", call=call)
    other.wait_event("media", after=since)
