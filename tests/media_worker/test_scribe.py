from __future__ import annotations

import threading

from routerd.media_worker.scribe import Scribe


class Letter:
    """Work of so many turns."""

    def __init__(self, turns: int) -> None:
        self.left = turns
        self.threads: set[str] = set()
        self.done = threading.Event()

    def work(self, now: float) -> bool:
        assert now > 0
        self.threads.add(threading.current_thread().name)
        self.left -= 1
        if not self.left:
            self.done.set()
        return self.left > 0


def test_every_recording_has_its_turn_until_it_is_over() -> None:
    scribe = Scribe(lambda: 5.0)
    short, long = Letter(1), Letter(3)
    scribe._fresh += [short, long]
    assert len(scribe) == 2
    for left in (1, 1, 0, 0):
        scribe.turn()
        assert len(scribe) == left
    assert (short.left, long.left) == (0, 0)
    assert scribe.now() == 5.0


def test_it_works_in_a_thread_of_its_own_and_ends_with_what_is_left() -> None:
    scribe = Scribe()
    first, last = Letter(1), Letter(10**9)
    scribe.add(first)
    scribe.wake()
    assert first.done.wait(10)
    assert first.threads == {"recordings"}
    scribe.add(last)
    scribe.close()
    assert last.left < 10**9
    assert len(scribe) == 1
    assert not any(thread.name == "recordings" and thread.is_alive() for thread in threading.enumerate())


def test_a_scribe_without_work_has_no_thread() -> None:
    scribe = Scribe()
    scribe.close()
    assert scribe._thread is None
