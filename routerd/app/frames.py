"""Frames between the processes: four bytes of length, then one msgpack array whose first item is a word.

From the sip process: ``hello instance version serving pid`` · ``journal number [[kind, entry] …]`` ·
``reply number result`` · ``samples number [[name, labels, value] …]`` · ``installed version`` ·
``ready addresses``. From the control process: ``welcome config`` · ``begin version`` · ``part bytes`` ·
``install version`` · ``command number verb arguments`` · ``go`` · ``ack number`` · ``scrape number`` · ``watch yes``
(entries of the kind ``event`` stand in the journal only while somebody watches).

``FrameLink`` works on a raw socket: what is sent goes to the kernel within the call, where it survives this process.
A transport would keep it until the loop's next turn.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

import msgspec

from routerd.errors import RouterdError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

HEAD = struct.Struct("!I")
LARGEST_FRAME_BYTES = 64 << 20
READ_BYTES = 256 << 10
SOCKET_BUFFER_BYTES = 4 << 20
LONGEST_PATH = 100  # sun_path has 108 bytes


class FrameError(RouterdError):
    """What came over a connection between our processes is no frame."""


def pack(frame: list[Any]) -> bytes:
    """Give a frame's bytes."""
    body = msgspec.msgpack.encode(frame)
    return HEAD.pack(len(body)) + body


class FrameReader:
    """Cuts a stream into frames."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[list[Any]]:
        """Give the frames that ``data`` completes; raises :class:`FrameError`."""
        buffer = self._buffer
        buffer += data
        frames: list[list[Any]] = []
        start = 0
        while len(buffer) - start >= HEAD.size:
            (size,) = HEAD.unpack_from(buffer, start)
            if size > LARGEST_FRAME_BYTES:
                raise FrameError(f"a frame of {size} bytes")
            end = start + HEAD.size + size
            if len(buffer) < end:
                break
            frames.append(_decode(bytes(buffer[start + HEAD.size : end])))
            start = end
        if start:
            del buffer[:start]
        return frames


def _decode(body: bytes) -> list[Any]:
    try:
        frame = msgspec.msgpack.decode(body)
    except msgspec.DecodeError as error:
        raise FrameError(f"not msgpack: {error}") from error
    if not isinstance(frame, list) or not frame or not isinstance(frame[0], str):
        raise FrameError("not a frame")
    return frame


class FrameLink:
    """One connection between two of our processes.

    ``on_frame(link, frame)`` gets each frame in order, ``on_lost(link)`` is called once, not by ``close``.
    ``read_pause_s``: how long to let the kernel gather after each read, so that a busy peer wakes us less often.
    """

    def __init__(
        self,
        connection: socket.socket,
        loop: asyncio.AbstractEventLoop,
        on_frame: Callable[[FrameLink, list[Any]], None],
        on_lost: Callable[[FrameLink], None],
        *,
        read_pause_s: float = 0.0,
    ) -> None:
        connection.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            connection.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        self._socket = connection
        self._loop = loop
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._read_pause_s = read_pause_s
        self._reader = FrameReader()
        self._backlog = bytearray()
        self._closed = False
        self._pause: asyncio.TimerHandle | None = None
        loop.add_reader(connection.fileno(), self._readable)

    @property
    def backlog_bytes(self) -> int:
        """How much waits for the peer to read."""
        return len(self._backlog)

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""
        return self._closed

    def send(self, frame: list[Any]) -> None:
        """Send one frame; when the kernel's buffer is full the rest waits. Dropped when the connection is gone."""
        if self._closed:
            return
        packed = pack(frame)
        if self._backlog:
            self._backlog += packed
            return
        sent = self._try_send(packed)
        if sent < len(packed) and not self._closed:
            self._backlog += packed[sent:]
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def close(self) -> None:
        """Close at once; ``on_lost`` is not called."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        if self._pause is not None:
            self._pause.cancel()
        self._socket.close()

    def _try_send(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._lose()
            return 0

    def _writable(self) -> None:
        sent = self._try_send(self._backlog)
        if self._closed:
            return
        del self._backlog[:sent]
        if not self._backlog:
            self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        try:
            frames = self._reader.feed(data)
        except FrameError:
            self._lose()
            return
        if self._read_pause_s and len(data) < READ_BYTES:
            self._loop.remove_reader(self._socket.fileno())
            self._pause = self._loop.call_later(self._read_pause_s, self._resume)
        for frame in frames:
            if self._closed:
                return
            self._on_frame(self, frame)

    def _resume(self) -> None:
        self._pause = None
        if not self._closed:
            self._loop.add_reader(self._socket.fileno(), self._readable)

    def _lose(self) -> None:
        if not self._closed:
            self.close()
            self._loop.call_soon(self._on_lost, self)


def listen(path: Path) -> socket.socket:
    """Listen on a Unix socket that only we may use; a left-over socket file gives way. Raises ``OSError``."""
    if len(str(path)) >= LONGEST_PATH:
        raise OSError(f"the path of a Unix socket may have {LONGEST_PATH} bytes at most: {path}")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(16)
    listener.setblocking(False)
    return listener


def connect(path: Path) -> socket.socket:
    """Connect to a Unix socket; raises ``OSError`` when nobody listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection
