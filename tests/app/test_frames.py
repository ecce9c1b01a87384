from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from routerd.app.frames import HEAD, FrameError, FrameLink, FrameReader, connect, listen, pack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

values = st.recursive(st.none() | st.integers(-(2**63), 2**63) | st.text() | st.binary(), st.lists, max_leaves=8)
frame_lists = st.lists(st.tuples(st.text(), values).map(list), max_size=6)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@given(frame_lists, st.integers(1, 40))
def test_frames_survive_any_cutting(frames: list[list[Any]], step: int) -> None:
    stream = b"".join(pack(frame) for frame in frames)
    reader = FrameReader()
    found = [frame for at in range(0, len(stream), step) for frame in reader.feed(stream[at : at + step])]
    assert found == frames


@pytest.mark.parametrize(
    "data",
    [HEAD.pack(1 << 31), HEAD.pack(1) + b"\xc1", pack([])[:], HEAD.pack(1) + b"\x05", HEAD.pack(2) + b"\x91\x05"],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        FrameReader().feed(data)


class End:
    def __init__(self, connection: socket.socket, **options: Any) -> None:
        self.frames: list[Any] = []
        self.lost = asyncio.Event()
        self.changed = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.link = FrameLink(connection, loop, self._frame, lambda _: self.lost.set(), **options)

    def _frame(self, _link: FrameLink, frame: Any) -> None:
        self.frames.append(frame)
        self.changed.set()

    async def count(self, wanted: int) -> None:
        async with asyncio.timeout(10):
            while len(self.frames) < wanted:
                self.changed.clear()
                await self.changed.wait()


async def test_what_is_sent_is_in_the_kernel_before_send_returns() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    end = End(ours)
    end.link.send(["journal", 1, []])
    end.link.close()
    assert FrameReader().feed(theirs.recv(1000)) == [["journal", 1, []]]
    theirs.close()


@pytest.mark.parametrize("pause_s", [0.0, 0.01])
async def test_a_flood_arrives_whole_and_in_order(pause_s: float) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    one, other = End(ours), End(theirs, read_pause_s=pause_s)
    for number in range(300):
        one.link.send(["part", number, b"x" * 60_000])
    assert one.link.backlog_bytes > 0
    await other.count(300)
    assert [frame[1] for frame in other.frames] == list(range(300))
    assert one.link.backlog_bytes == 0
    one.link.close()
    await asyncio.wait_for(other.lost.wait(), 5)


async def test_rubbish_ends_the_connection() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    end = End(ours)
    theirs.send(b"\xff" * 10)
    await asyncio.wait_for(end.lost.wait(), 5)
    end.link.send(["nobody"])
    assert end.link.closed
    theirs.close()


def test_the_socket_is_ours_alone_and_replaces_a_left_over_one(tmp_path: Path) -> None:
    path = tmp_path / "run" / "control"
    listen(path).close()
    with listen(path) as listener:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        connect(path).close()
        assert listener.accept()[0].recv(1) == b""
    with pytest.raises(OSError, match="bytes at most"):
        listen(tmp_path / ("x" * 120))
    with pytest.raises(OSError, match="refused"):
        connect(path)
