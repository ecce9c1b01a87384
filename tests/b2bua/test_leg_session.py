"""The session timer of a leg (RFC 4028): what is offered, and when it is run."""

from __future__ import annotations

import pytest
from b2bua_kit.wire import Wire

from routerd.b2bua.leg_session import SessionLeg
from routerd.sip.session_timer import SessionTimer


class Timed(SessionLeg):
    def __init__(self, wire: Wire) -> None:
        super().__init__(wire.switch.exchange, "leg")
        self.fired: list[tuple[str, float]] = []

    def timer_fired(self, name: str, now: float) -> None:
        self.fired.append((name, now))


@pytest.mark.parametrize(("ours", "name", "after_s"), [(True, "refresh", 45.0), (False, "expire", 60.0)])
def test_who_refreshes_and_who_waits(ours: bool, name: str, after_s: float) -> None:
    wire = Wire()
    leg = Timed(wire)
    begun = wire.now
    leg.start_session(SessionTimer(90, refresher_is_us=ours), wire.now)
    wire.wait(100)
    ((fired, at),) = leg.fired
    assert fired == name
    assert at - begun == pytest.approx(after_s, abs=1)
    leg.refresh_again(10, wire.now)
    wire.wait(11)
    assert leg.fired[-1][0] == "refresh"


def test_without_a_timer_nothing_runs() -> None:
    wire = Wire()
    leg = Timed(wire)
    leg.start_session(SessionTimer(90, refresher_is_us=True), wire.now)
    leg.start_session(None, wire.now)
    wire.wait(200)
    assert leg.fired == []
    assert leg.timer_offer().interval_s == wire.settings.session_expires_s
    assert ("Supported", "replaces") in leg.offer_headers()
