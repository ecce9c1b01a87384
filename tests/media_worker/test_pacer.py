from __future__ import annotations

import asyncio
from time import monotonic

import uvloop

from routerd.media_worker.pacer import GRID_MS, Pacer


class Beat:
    def __init__(self, every_ms: int, times: int) -> None:
        self.every_ms = every_ms
        self.times = times
        self.due: list[int] = []
        self.called: list[float] = []
        self.over = asyncio.Event()

    def step(self, due_ms: int) -> int | None:
        self.due.append(due_ms)
        self.called.append(monotonic())
        if len(self.due) == self.times:
            self.over.set()
            return None
        return due_ms + self.every_ms


class Timer:
    def __init__(self, when: float) -> None:
        self.at = when
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """A loop of which only the timers are used, in virtual time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[Timer, object]] = []

    def call_at(self, when: float, callback: object) -> Timer:
        timer = Timer(when)
        self.timers.append((timer, callback))
        return timer

    def pass_to(self, until: float) -> None:
        while True:
            due = [one for one in self.timers if not one[0].cancelled and one[0].at <= until]
            if not due:
                break
            first = min(due, key=lambda one: one[0].at)
            self.timers.remove(first)
            self.now = max(self.now, first[0].at)
            assert callable(first[1])
            first[1]()
        self.now = until

    def waiting(self) -> int:
        return sum(not timer.cancelled for timer, _ in self.timers)


def virtual() -> tuple[Pacer, Loop]:
    loop = Loop()
    return Pacer(loop, lambda: loop.now), loop  # type: ignore[arg-type]


async def test_slots_are_called_at_their_time_by_one_timer() -> None:
    pacer, loop = virtual()
    beats = [Beat(20, 5), Beat(30, 5), Beat(20, 5)]
    pacer.add(beats[0])
    loop.pass_to(100.0071)
    for beat in beats[1:]:
        pacer.add(beat)
    assert (len(pacer), loop.waiting()) == (3, 1)
    loop.pass_to(101.0)
    assert beats[0].due == [100_000 + 20 * at for at in range(5)]
    assert beats[1].due == [100_008 + 30 * at for at in range(5)]
    assert beats[2].due[0] % GRID_MS == 0
    assert (len(pacer), loop.waiting()) == (0, 0)


async def test_what_was_late_keeps_its_time_and_a_standstill_is_given_up() -> None:
    pacer, loop = virtual()
    beat = Beat(20, 1000)
    pacer.add(beat)
    loop.pass_to(100.05)
    loop.now = 100.15
    loop.pass_to(100.15)
    assert beat.due == [100_000 + 20 * at for at in range(8)]
    loop.now = 105.0
    loop.pass_to(105.1)
    assert [due for due in beat.due if due < 105_000] == [100_000 + 20 * at for at in range(9)]
    assert [due for due in beat.due if due >= 105_000] == [105_000 + 20 * at for at in range(6)]


async def test_one_that_fails_does_not_stop_the_others() -> None:
    class Broken:
        def step(self, due_ms: int) -> int | None:
            raise RuntimeError(due_ms)

    pacer, loop = virtual()
    beat = Beat(20, 4)
    pacer.add(beat)
    loop.pass_to(100.0)
    pacer.add(Broken())
    try:
        loop.pass_to(101.0)
    except RuntimeError:
        loop.pass_to(101.0)
    assert len(beat.due) == 4


async def test_closing() -> None:
    pacer, loop = virtual()
    beat = Beat(20, 10)
    pacer.add(beat)
    pacer.close()
    loop.pass_to(101.0)
    pacer.close()
    assert (beat.due, len(pacer)) == ([], 0)


def test_on_the_loop_of_the_engine_too() -> None:
    async def both() -> tuple[Beat, Beat]:
        pacer = Pacer(asyncio.get_running_loop())
        beats = Beat(10, 5), Beat(10, 5)
        for beat in beats:
            await asyncio.sleep(0)
            pacer.add(beat)
            pacer.add(Beat(20, 1))
        for beat in beats:
            await asyncio.wait_for(beat.over.wait(), 10)
        return beats

    for beat in uvloop.run(both()):
        assert beat.due == [beat.due[0] + 10 * at for at in range(5)]


async def test_on_a_real_loop_nothing_is_early_and_nothing_adds_up() -> None:
    pacer = Pacer(asyncio.get_running_loop())
    beat = Beat(10, 20)
    pacer.add(beat)
    await asyncio.wait_for(beat.over.wait(), 10)
    assert all(called * 1000 >= due - 1 for called, due in zip(beat.called, beat.due, strict=True))
    assert beat.due[-1] - beat.due[0] == 190
    pacer.close()
