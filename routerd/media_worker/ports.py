"""Which ports of the media range are free: even RTP ports, each with the odd RTCP port above it (RFC 3550 §11)."""

from __future__ import annotations

from collections import deque

from routerd.errors import RelayError

NO_PORTS = "no ports left"


class PortPool:
    """Free pairs in the order in which they were given back, so that a port rests as long as possible between calls.

    Packets of the call before still arrive for a while: a port that was freed last is used last.
    """

    __slots__ = ("_free", "size")

    def __init__(self, first: int, last: int, start: int = 0) -> None:
        """Pairs lie whole within ``first`` … ``last``; ``start`` (any number, drawn by the caller) turns the order."""
        lowest = first + first % 2
        pairs = list(range(lowest, last, 2))
        turn = start % len(pairs) if pairs else 0
        self._free: deque[int] = deque(pairs[turn:] + pairs[:turn])
        self.size: int = len(pairs)

    def take(self) -> int:
        """The even port of a pair; raises RelayError when none is left. Next: ``give_back``."""
        if not self._free:
            raise RelayError(NO_PORTS)
        return self._free.popleft()

    def give_back(self, port: int) -> None:
        """Return a pair by its even port."""
        self._free.append(port)

    def __len__(self) -> int:
        """Free pairs."""
        return len(self._free)
