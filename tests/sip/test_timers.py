from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.sip.timers import T1, T2, TIMEOUT, TRYING_DELAY, Timer, TimerQueue


class Target:
    def __init__(self) -> None:
        self.fired: list[tuple[str, float]] = []

    def timer_fired(self, name: str, now: float) -> None:
        self.fired.append((name, now))


class Chain(Target):
    """Starts another timer whenever one fires."""

    def __init__(self, queue: TimerQueue, delay: float, times: int) -> None:
        super().__init__()
        self.queue, self.delay, self.times = queue, delay, times

    def timer_fired(self, name: str, now: float) -> None:
        super().timer_fired(name, now)
        self.times -= 1
        if self.times:
            self.queue.after(self.delay, self, name, now)


class Failing(Target):
    def timer_fired(self, name: str, now: float) -> None:
        super().timer_fired(name, now)
        raise ValueError(name)


def test_durations_are_those_of_the_rfcs() -> None:
    assert (T1, T2, TIMEOUT) == (0.5, 4.0, 32.0)
    # Timer E runs 0.5, 1, 2 seconds and is set to T2 then (RFC 4320 §4.1)
    assert TRYING_DELAY == T1 + 2 * T1 + 4 * T1


def test_an_empty_queue_has_no_deadline() -> None:
    queue = TimerQueue()
    assert queue.next_deadline() is None
    assert queue.run(100.0) == 0
    assert len(queue) == 0


def test_fires_in_order_of_deadlines_over_fifos_and_heap() -> None:
    queue, target = TimerQueue(), Target()
    for delay, name in ((T2, "fixed late"), (0.7, "odd"), (T1, "fixed early"), (0.6, "odd early")):
        queue.after(delay, target, name, 10.0)
    assert queue.next_deadline() == 10.5
    assert queue.run(20.0) == 4
    assert [name for name, _ in target.fired] == ["fixed early", "odd early", "odd", "fixed late"]


def test_ties_fire_in_order_of_their_start() -> None:
    queue, target = TimerQueue(), Target()
    queue.after(1.0, target, "first", 3.0)
    queue.after(T2, target, "second", 0.0)
    queue.after(3.25, target, "third", 0.75)
    queue.run(4.0)
    assert [name for name, _ in target.fired] == ["first", "second", "third"]


def test_nothing_fires_early() -> None:
    queue, target = TimerQueue(), Target()
    queue.after(T1, target, "A", 0.0)
    assert queue.run(0.4999) == 0
    assert queue.run(0.5) == 1


def test_a_cancelled_timer_never_fires_and_holds_nobody() -> None:
    queue, target = TimerQueue(), Target()
    timer = queue.after(T1, target, "A", 0.0)
    odd = queue.after(0.123, target, "odd", 0.0)
    timer.cancel()
    odd.cancel()
    timer.cancel()
    assert timer.target is None
    assert len(queue) == 0
    assert queue.next_deadline() is None
    assert queue.run(9.0) == 0
    assert target.fired == []


def test_a_timer_cancelled_by_one_that_fires_before_it_stays_silent() -> None:
    queue, target = TimerQueue(), Target()

    class Canceller(Target):
        victim: Timer

        def timer_fired(self, name: str, now: float) -> None:
            super().timer_fired(name, now)
            self.victim.cancel()

    canceller = Canceller()
    queue.after(0.5, canceller, "killer", 0.0)
    canceller.victim = queue.after(1.0, target, "victim", 0.0)
    assert queue.run(5.0) == 1
    assert target.fired == []


def test_timers_started_while_firing_are_fired_when_due() -> None:
    queue = TimerQueue()
    chain = Chain(queue, 0.0, 5)
    queue.after(0.5, chain, "x", 0.0)
    assert queue.run(0.5) == 5
    chain = Chain(queue, 0.5, 2)
    queue.after(0.5, chain, "y", 1.0)
    assert queue.run(1.5) == 1
    assert queue.next_deadline() == 2.0


def test_a_fired_timer_can_run_again() -> None:
    queue = TimerQueue()

    class Repeating(Target):
        timer: Timer

        def timer_fired(self, name: str, now: float) -> None:
            super().timer_fired(name, now)
            if len(self.fired) < 3:
                queue.again(self.timer, 2.0, self, now)

    target = Repeating()
    target.timer = queue.after(1.0, target, "E", 0.0)
    while (deadline := queue.next_deadline()) is not None:
        queue.run(deadline)
    assert target.fired == [("E", 1.0), ("E", 3.0), ("E", 5.0)]
    assert target.timer.target is None


def test_an_exception_loses_no_other_timer() -> None:
    queue, target, failing = TimerQueue(), Target(), Failing()
    queue.after(1.0, failing, "bad", 0.0)
    queue.after(2.0, target, "good", 0.0)
    queue.after(0.3, target, "odd", 1.0)
    with pytest.raises(ValueError, match="bad"):
        queue.run(10.0)
    assert target.fired == []
    assert queue.next_deadline() == 1.3
    queue.run(10.0)
    assert [name for name, _ in target.fired] == ["odd", "good"]
    assert len(queue) == 0


def test_time_going_backwards_keeps_the_order() -> None:
    queue, target = TimerQueue(), Target()
    queue.after(T1, target, "later", 5.0)
    queue.after(T1, target, "sooner", 1.0)
    assert queue.next_deadline() == 1.5
    queue.run(9.0)
    assert [name for name, _ in target.fired] == ["sooner", "later"]


def test_dead_timers_of_odd_durations_are_swept() -> None:
    queue, target = TimerQueue(), Target()
    for index in range(20_000):
        queue.after(900.0 + index, target, "session", 0.0).cancel()
    assert len(queue._heap) < 1_500
    kept = queue.after(1000.5, target, "session", 0.0)
    assert queue.next_deadline() == kept.deadline


def test_a_registered_duration_gets_a_fifo() -> None:
    queue, target = TimerQueue(), Target()
    queue.register(180.0)
    queue.after(180.0, target, "C", 0.0)
    assert queue._heap == []
    assert queue.next_deadline() == 180.0


@given(
    st.lists(
        st.tuples(st.sampled_from((0.5, 1.0, 4.0, 32.0, 0.0, 0.3, 7.7)), st.floats(0, 3), st.booleans()), max_size=60
    )
)
def test_every_live_timer_fires_once_and_in_order(plan: list[tuple[float, float, bool]]) -> None:
    queue, target = TimerQueue(), Target()
    now = 0.0
    expected: list[tuple[float, int]] = []
    for number, (delay, pause, cancelled) in enumerate(plan):
        now += pause
        timer = queue.after(delay, target, str(number), now)
        if cancelled:
            timer.cancel()
        else:
            expected.append((now + delay, number))
    assert len(queue) == len(expected)
    assert queue.next_deadline() == (min(expected)[0] if expected else None)
    assert queue.run(1_000.0) == len(expected)
    assert [int(name) for name, _ in target.fired] == [number for _, number in sorted(expected)]
    assert len(queue) == 0
    assert queue.next_deadline() is None
