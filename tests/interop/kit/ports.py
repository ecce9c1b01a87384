"""Ports for programs under test, below those that the system hands out by itself: no other socket comes between.

Each worker of a run has a stretch of its own and goes through it in order; a port is tried before it is given.
"""

from __future__ import annotations

import contextlib
import os
import socket

HOST = "127.0.0.1"
FIRST, STRETCH, WORKERS = 10_000, 4_200, 3
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
_begin = FIRST + STRETCH * _worker
_next = _begin + (os.getpid() * 2) % (STRETCH // 2)


def free_port() -> int:
    """An even port that is free for UDP and TCP, and so is the one behind it (baresip listens there for TLS)."""
    return free_range(2)


def free_range(size: int) -> int:
    """The first of ``size`` ports in a row, even, all free for UDP and TCP at this moment."""
    global _next  # noqa: PLW0603 - where the next search begins
    size += size % 2
    for _ in range(2 * STRETCH // size):
        start = _next
        _next += size
        if start + size > _begin + STRETCH:
            _next = _begin
        elif _all_free(start, size):
            return start
    message = f"no {size} free ports in a row"
    raise RuntimeError(message)


def _all_free(start: int, size: int) -> bool:
    with contextlib.ExitStack() as sockets:
        for port in range(start, start + size):
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                try:
                    sockets.enter_context(socket.socket(socket.AF_INET, kind)).bind((HOST, port))
                except OSError:
                    return False
    return True
