from __future__ import annotations

from routerd.cli.simulate import tables_of
from routerd.simulation.documents import plain
from routerd.simulation.phone_dialog import OVER
from routerd.simulation.script import Script

TALK = """
phone alice registered
phone bob registered
alice -> INVITE sip:bob@acme.test
alice <- 401
bob <- INVITE
bob -> 200
alice <- 200
bob <- ACK
"""


def talking() -> Script:
    script = Script(tables_of(plain()))
    script.play(TALK)
    return script


def test_hold_crosses_and_is_answered() -> None:
    script = talking()
    alice, bob = (script.phones[name].calls[-1] for name in ("alice", "bob"))
    alice.renegotiate("sendonly", script.world.now)
    script.world.run(script.world.now + 1)
    assert "INVITE" in bob.events
    assert b"a=sendonly" in bob.remote_sdp
    assert "INVITE 200" in alice.events


def test_keys_cross_as_info() -> None:
    script = talking()
    alice, bob = (script.phones[name].calls[-1] for name in ("alice", "bob"))
    alice.press("12", script.world.now)
    script.world.run(script.world.now + 1)
    assert bob.events.count("INFO") == 2


def test_bye_ends_both_and_what_comes_then_is_refused() -> None:
    script = talking()
    alice, bob = (script.phones[name].calls[-1] for name in ("alice", "bob"))
    alice.bye(script.world.now)
    script.world.run(script.world.now + 1)
    assert bob.state == alice.state == OVER
    assert alice.by_us
    assert bob.byes == 1
    assert "BYE 200" in alice.events


def test_replaces_names_the_dialog_as_the_switch_sees_it() -> None:
    script = talking()
    alice = script.phones["alice"].calls[-1]
    assert alice.dialog is not None
    expected = f"{alice.dialog.call_id}%3Bto-tag%3D{alice.dialog.remote_tag}%3Bfrom-tag%3D{alice.dialog.local_tag}"
    assert alice.replaces() == expected
