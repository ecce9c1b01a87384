from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import pytest

from routerd.admin_api.server import LARGEST_HEAD_BYTES, AdminServer, PatientProtocol
from routerd.edge.stream import bind_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def address() -> AsyncIterator[Any]:
    listening = bind_stream("127.0.0.1", 0)
    listening.listen(8)
    server = AdminServer(answer, "127.0.0.1", 0)
    serving = asyncio.get_running_loop().create_task(server.serve([listening]))
    yield listening.getsockname()
    server.should_exit = True
    server.force_exit = True
    await serving


async def ends(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return await reader.read()


async def test_it_serves_on_a_bound_socket_and_leaves_signals_alone(address: Any) -> None:
    before = signal.getsignal(signal.SIGTERM)
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
    assert signal.getsignal(signal.SIGTERM) is before
    writer.close()


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
async def test_a_head_that_does_not_come_ends_the_connection(address: Any, monkeypatch: Any, begin: bytes) -> None:
    monkeypatch.setattr(PatientProtocol, "head_s", 0.3)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(begin)

    async def trickle() -> None:
        while begin:
            writer.write(b"y")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    assert await ends(reader) == b""
    trickling.cancel()
    writer.close()


async def test_a_second_head_is_not_waited_for_longer_than_the_first(address: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(PatientProtocol, "head_s", 0.3)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"GET / HT")
    assert await ends(reader) == b""
    writer.close()


@pytest.mark.parametrize("head", [b"X: " + b"y" * 2 * LARGEST_HEAD_BYTES, b"\x00\xff\r\n\r\n"])
async def test_a_head_that_is_none_is_refused(address: Any, head: bytes) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + head if head.startswith(b"X") else head)
    assert (await ends(reader)).startswith(b"HTTP/1.1 4")
    writer.close()
