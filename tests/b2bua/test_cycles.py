"""A call leaves no cycle of references behind: reference counting alone frees it, and the collector has no pause."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from b2bua_kit.documents import MAIN, company
from b2bua_kit.peer import Phone, connect, trunk
from b2bua_kit.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from b2bua_kit.peer import Peer

CALLS = 3
LINGERING_S = 40.0


def caller_hangs_up(pstn: Peer, phone: Phone) -> None:
    out, _ = connect(pstn, phone, MAIN)
    pstn.wire.wait(5)
    out.bye()
    phone.assert_sent("BYE")


def callee_hangs_up(pstn: Peer, phone: Phone) -> None:
    _, come = connect(pstn, phone, MAIN)
    pstn.wire.wait(5)
    come.bye()
    pstn.assert_sent("BYE")


def caller_cancels(pstn: Peer, phone: Phone) -> None:
    out = pstn.invite(MAIN)
    phone.called().ring()
    out.cancel()
    phone.assert_sent("CANCEL")


def callee_is_busy(pstn: Peer, phone: Phone) -> None:
    pstn.invite(MAIN)
    phone.called().send(486)


def nobody_answers(pstn: Peer, phone: Phone) -> None:
    pstn.invite(MAIN)
    phone.called().ring()
    pstn.wire.wait(70)


@pytest.fixture(autouse=True)
def _collector_keeps_what_it_finds() -> Iterator[None]:
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize("engines", [0, 1], ids=["direct", "relayed"])
@pytest.mark.parametrize(
    "call", [caller_hangs_up, callee_hangs_up, caller_cancels, callee_is_busy, nobody_answers], ids=lambda c: c.__name__
)
def test_no_call_leaves_a_cycle(call: Callable[[Peer, Phone], None], engines: int) -> None:
    wire = Wire(company(media="relay" if engines else "direct"), engines=engines)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    for _ in range(CALLS):
        call(pstn, phone)
        wire.wait(LINGERING_S)
    gc.collect()
    left = [type(one).__name__ for one in gc.garbage if type(one).__module__.startswith("routerd.")]
    assert left == []
