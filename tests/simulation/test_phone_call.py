from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from routerd.cli.simulate import tables_of
from routerd.simulation.documents import DOMAIN, plain
from routerd.simulation.phone import Behaviour
from routerd.simulation.phone_dialog import ANSWERED, OVER
from routerd.simulation.script import Script

if TYPE_CHECKING:
    from routerd.simulation.phone_call import PhoneCall


def called(behaviour: Behaviour, *, reliable: bool = False, offer: bool = True) -> tuple[Script, PhoneCall, PhoneCall]:
    script = Script(tables_of(plain()))
    script.play("phone alice registered\nphone bob registered")
    script.phones["bob"].behave = lambda _: behaviour
    world = script.world
    call = script.phones["alice"].call(f"sip:bob@{DOMAIN}", world.now, reliable=reliable, offer=offer)
    world.run(world.now + 3)
    return script, call, script.phones["bob"].calls[-1]


def test_it_does_what_the_script_says_when() -> None:
    _, caller, callee = called(Behaviour(ring_after_s=0.5, answer_after_s=2.0))
    assert caller.state == callee.state == ANSWERED
    assert callee.acked
    assert callee.answered_at is not None
    assert callee.answered_at - callee.began_at == pytest.approx(2.0)
    assert caller.events == ["401", "100", "180", "200"]


@pytest.mark.parametrize("status", [486, 603, 480])
def test_it_refuses(status: int) -> None:
    _, caller, callee = called(Behaviour(ring_after_s=None, status=status, status_after_s=1.0))
    assert callee.finals == [(status, "")]
    assert caller.state == OVER


def test_it_rings_reliably_where_both_can() -> None:
    script, caller, callee = called(Behaviour(reliable=True, early=True, answer_after_s=1.0), reliable=True)
    assert "PRACK" in callee.events
    assert "PRACK 200" in caller.events
    assert caller.state == ANSWERED
    assert not script.phones["bob"].notes


def test_who_offers_nothing_answers_in_the_ack() -> None:
    _, caller, callee = called(Behaviour(answer_after_s=1.0), offer=False)
    assert caller.local_sdp
    assert callee.remote_sdp == caller.local_sdp


def test_a_cancelled_call_ends_by_487_on_both_sides() -> None:
    script, caller, callee = called(Behaviour())
    caller.cancel(script.world.now)
    script.world.run(script.world.now + 1)
    assert [status for status, _ in caller.finals] == [487]
    assert callee.finals == [(487, "")]
