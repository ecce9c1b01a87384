from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from routerd.edge import websocket
from routerd.edge.reload import Certificates
from routerd.edge.stream import StreamLimits, open_stream
from routerd.edge.websocket import WebSocketConnection

OPTIONS = b"OPTIONS sip:a SIP/2.0\r\n\r\n"


async def listen(bench: Any, transport: str = "ws", tls: Any = None) -> tuple[Any, str]:
    server, local = await open_stream(bench.streams, transport, "127.0.0.1", 0, tls=tls, kind=WebSocketConnection)
    return server, f"{transport}://127.0.0.1:{local[1]}"


async def test_text_and_binary_messages_come_as_one_message_each(bench: Any) -> None:
    server, uri = await listen(bench)
    async with connect(uri, subprotocols=["sip"], origin="https://anywhere.test") as client:
        assert client.subprotocol == "sip"
        await client.send(OPTIONS.decode())
        assert await client.recv() == OPTIONS.decode()
        await client.send(OPTIONS + b"\xff")
        assert await client.recv() == OPTIONS + b"\xff"
        await client.send([b"OPTIONS sip:a ", b"SIP/2.0", b"\r\n\r\n"])  # fragments of one message
        assert await client.recv() == OPTIONS.decode()
    heard = bench.switch.of("datagram")
    assert [data for data, _ in heard] == [OPTIONS, OPTIONS + b"\xff", OPTIONS]
    assert heard[0][1].transport == "ws"
    await bench.switch.until(lambda switch: switch.of("lost"))
    server.close()


@pytest.mark.parametrize("offered", [None, ["chat"]])
async def test_without_the_subprotocol_nobody_comes_in(bench: Any, offered: Any) -> None:
    server, uri = await listen(bench)
    with pytest.raises(InvalidStatus) as refused:
        await connect(uri, subprotocols=offered)
    assert refused.value.response.status_code == 400
    assert bench.switch.of("datagram") == []
    server.close()


async def test_over_tls(bench: Any, authority: Any) -> None:
    certificates = Certificates(*authority.sign("server", "sip.acme.test"))
    server, uri = await listen(bench, "wss", certificates.door)
    context = ssl.create_default_context(cafile=str(authority.roots))
    async with connect(uri, subprotocols=["sip"], ssl=context, server_hostname="sip.acme.test") as client:
        await client.send(OPTIONS.decode())
        assert await client.recv() == OPTIONS.decode()
    assert bench.switch.of("datagram")[0][1].transport == "wss"
    server.close()


async def test_too_large_a_message_ends_the_connection(bench: Any) -> None:
    server, uri = await listen(bench)
    async with connect(uri, subprotocols=["sip"]) as client:
        await client.send([b"x" * 30_000] * 4)
        with pytest.raises(ConnectionClosed):
            await client.recv()
    assert bench.switch.of("datagram") == []
    server.close()


async def test_what_is_no_websocket_is_answered_and_closed(bench: Any, client: Any) -> None:
    server, uri = await listen(bench)
    _, peer = await asyncio.get_running_loop().create_connection(client, "127.0.0.1", int(uri.rpartition(":")[2]))
    peer.transport.write(b"GARBAGE\r\n\r\n")
    await asyncio.wait_for(peer.ended.wait(), 5)
    assert bench.switch.of("datagram") == []
    server.close()


async def test_the_silent_are_pinged_and_then_given_up(bench: Any, client: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(websocket, "PING_AFTER_S", 0.03)
    monkeypatch.setattr(websocket, "GIVEN_UP_AFTER_S", 0.15)
    bench.streams.limits = StreamLimits(sweep_every_s=0.01)
    server, uri = await listen(bench)
    async with connect(uri, subprotocols=["sip"], ping_interval=None) as lively:
        _, dead = await asyncio.get_running_loop().create_connection(client, "127.0.0.1", int(uri.rpartition(":")[2]))
        dead.transport.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
        )
        await asyncio.wait_for(dead.ended.wait(), 5)
        await lively.send(OPTIONS.decode())  # it answered the pings
        assert await lively.recv() == OPTIONS.decode()
    server.close()
