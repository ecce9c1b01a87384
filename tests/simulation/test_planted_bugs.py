"""Ten bugs planted by hand, each in one function; the checkers find every one of them within a few seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.b2bua import accounting
from routerd.b2bua.call_media import CallMedia
from routerd.b2bua.inbound_leg import InboundLeg
from routerd.b2bua.leg import Leg
from routerd.b2bua.live_state import AccountState
from routerd.b2bua.outbound_leg import OutboundLeg
from routerd.cli.simulate import tables_of
from routerd.simulation.storm import play_seed
from routerd.sip.flow import Flow

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = range(1, 61)
Plant = tuple[Any, str, "Callable[[Callable[..., Any]], Callable[..., Any]]"]


def loser_rings_on(original: Callable[..., Any]) -> Callable[..., Any]:
    def give_up(self: OutboundLeg, now: float, reasons: Any = ()) -> None:
        if self.state == "early":
            self.fork = None
        else:
            original(self, now, reasons)

    return give_up


def late_answer_unacknowledged(original: Callable[..., Any]) -> Callable[..., Any]:
    def acknowledge(self: OutboundLeg, response: Any, *, body: bytes = b"") -> None:
        if not self.given_up:
            original(self, response, body=body)

    return acknowledge


def record_twice(original: Callable[..., Any]) -> Callable[..., Any]:
    def write(call: Any, *arguments: Any) -> None:
        original(call, *arguments)
        original(call, *arguments)

    return write


def media_kept(original: Callable[..., Any]) -> Callable[..., Any]:
    def close(self: CallMedia, then: Any, now: float) -> None:
        self.opened = False
        original(self, then, now)

    return close


def ack_astray(original: Callable[..., Any]) -> Callable[..., Any]:
    def flow(self: Leg, dialog: Any) -> Flow:
        found = original(self, dialog)
        return Flow(found.transport, found.local, ("192.0.2.99", 5060), found.connection)

    return flow


def invite_left_open(original: Callable[..., Any]) -> Callable[..., Any]:
    def reject(self: InboundLeg, status: int, now: float, extra: Any = ()) -> None:
        if status == 487:
            self.tx = None
            self.close(now)
        else:
            original(self, status, now, extra)

    return reject


def timer_runs_on(original: Callable[..., Any]) -> Callable[..., Any]:
    def stop(self: Leg) -> None:
        if self.state != "releasing":
            original(self)
        self.session_timer = None

    return stop


def channel_kept(original: Callable[..., Any]) -> Callable[..., Any]:
    def count(self: AccountState, key: str, change: int) -> None:
        if change > 0:
            original(self, key, change)

    return count


def agent_kept(_original: Callable[..., Any]) -> Callable[..., Any]:
    def vacate(self: AccountState, agent: str, call: str) -> bool:
        del self, agent, call
        return False

    return vacate


def callee_not_told(_original: Callable[..., Any]) -> Callable[..., Any]:
    def bye(self: OutboundLeg, now: float, reasons: Any = ()) -> None:
        del reasons
        self.close(now)

    return bye


BUGS: dict[str, Plant] = {
    "the loser of a fork is not cancelled": (OutboundLeg, "give_up", loser_rings_on),
    "a late 200 is not acknowledged": (OutboundLeg, "acknowledge_response", late_answer_unacknowledged),
    "the record is written twice": (accounting, "write_record", record_twice),
    "the media session is not deleted": (CallMedia, "close", media_kept),
    "the ACK goes to a wrong place": (Leg, "_flow_of_ack", ack_astray),
    "CANCEL is answered, the INVITE is not": (InboundLeg, "reject", invite_left_open),
    "a timer runs on": (Leg, "_stop_session", timer_runs_on),
    "a channel stays counted": (AccountState, "count", channel_kept),
    "an agent stays occupied": (AccountState, "vacate", agent_kept),
    "the callee is not hung up": (OutboundLeg, "bye", callee_not_told),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, plant = BUGS[bug]
    monkeypatch.setattr(owner, name, plant(getattr(owner, name)))
    found = next((report for seed in SEEDS if (report := play_seed(seed, tables_of)).faults), None)
    assert found is not None, f"not found in {len(SEEDS)} seeds"
    print(f"{bug}: seed {found.seed}: {found.faults[0]}")


def test_without_a_bug_the_same_seeds_are_clean() -> None:
    assert len(BUGS) == 10
    for seed in SEEDS:
        assert play_seed(seed, tables_of).faults == [], f"seed {seed}"
