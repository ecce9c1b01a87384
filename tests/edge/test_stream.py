from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from routerd.b2bua.effects import CloseFlow, Command, OpenFlow, Transmit
from routerd.edge.stream import StreamLimits, bind_stream, open_stream
from routerd.sip.flow import Flow

OPTIONS = b"OPTIONS sip:a SIP/2.0\r\n\r\n"


async def dial(client: Any, to: tuple[str, int]) -> Any:
    _, peer = await asyncio.get_running_loop().create_connection(client, *to)
    return peer


async def test_bytes_go_both_ways_on_a_connection_that_a_peer_opened(bench: Any, client: Any) -> None:
    server, local = await open_stream(bench.streams, "tcp", "127.0.0.1", 0)
    peer = await dial(client, local)
    peer.transport.write(OPTIONS)
    assert await peer.next() == OPTIONS
    ((_, flow),) = bench.switch.of("stream")
    assert (flow.transport, flow.local, flow.remote) == ("tcp", local, peer.transport.get_extra_info("sockname"))
    assert flow.connection > 0
    peer.transport.close()
    await bench.switch.until(lambda switch: switch.of("lost") == [(None, flow)])
    assert len(bench.streams) == 0
    server.close()


async def test_a_connection_that_the_switch_opens_keeps_what_is_sent_before(bench: Any, client: Any) -> None:
    arrived: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def accept() -> Any:
        peer = client()
        arrived.set_result(peer)
        return peer

    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0)
    flow = Flow("tcp", ("127.0.0.1", 5060), server.sockets[0].getsockname(), -1)
    bench.driver.perform_with({OpenFlow: bench.streams.open, CloseFlow: bench.streams.close})
    bench.switch.effects = [OpenFlow(flow), Transmit(flow, b"one"), Transmit(flow, b"two")]
    bench.driver.command(Command(1, "calls", {}))
    peer = await arrived
    received = b""
    while received != b"onetwo":
        received += await peer.next()
    peer.transport.write(b"back")
    await bench.switch.until(lambda switch: switch.of("stream") == [(b"back", flow)])
    bench.switch.effects = [CloseFlow(flow)]
    bench.driver.command(Command(2, "calls", {}))
    await asyncio.wait_for(peer.ended.wait(), 5)
    await bench.switch.until(lambda switch: switch.of("lost") == [(None, flow)])
    server.close()


async def test_a_connection_that_cannot_be_opened_is_lost_once(bench: Any) -> None:
    with bind_stream("127.0.0.1", 0) as unused:  # bound, not listening: refuses
        flow = Flow("tcp", ("127.0.0.1", 5060), unused.getsockname(), -1)
        bench.driver.perform_with({OpenFlow: bench.streams.open})
        bench.switch.effects = [OpenFlow(flow), Transmit(flow, b"one")]
        bench.driver.command(Command(1, "calls", {}))
        await bench.switch.until(lambda switch: switch.of("lost"))
    assert bench.switch.of("lost") == [(None, flow)]


async def test_connections_of_a_source_are_bounded(bench: Any, client: Any) -> None:
    bench.streams.limits = StreamLimits(connections_by_source=2)
    server, local = await open_stream(bench.streams, "tcp", "127.0.0.1", 0)
    peers = [await dial(client, local) for _ in range(3)]
    await asyncio.wait_for(peers[2].ended.wait(), 5)
    assert bench.driver.counters.connections_refused == 1
    assert not peers[0].ended.is_set()
    peers[0].transport.close()
    await bench.switch.until(lambda switch: switch.of("lost"))
    again = await dial(client, local)
    again.transport.write(OPTIONS)
    assert await again.next() == OPTIONS
    for peer in (*peers, again):
        peer.transport.close()
    server.close()


async def test_a_slow_loris_is_ended_and_who_was_answered_is_not(bench: Any, client: Any) -> None:
    bench.streams.limits = StreamLimits(answered_within_s=0.05, sweep_every_s=0.02)
    server, local = await open_stream(bench.streams, "tcp", "127.0.0.1", 0)
    served = await dial(client, local)
    served.transport.write(OPTIONS)
    assert await served.next() == OPTIONS
    bench.switch.echo = False
    loris = await dial(client, local)
    for _ in range(20):
        if loris.ended.is_set():
            break
        loris.transport.write(b"I")
        await asyncio.sleep(0.02)
    assert loris.ended.is_set()
    assert not served.ended.is_set()
    assert bench.driver.counters.dropped["slow_stream"] == 1
    served.transport.close()
    server.close()


async def test_the_silent_are_ended(bench: Any, client: Any) -> None:
    bench.streams.limits = StreamLimits(idle_s=0.05, sweep_every_s=0.02)
    server, local = await open_stream(bench.streams, "tcp", "127.0.0.1", 0)
    peer = await dial(client, local)
    await asyncio.wait_for(peer.ended.wait(), 5)
    server.close()


async def test_who_does_not_read_is_given_up(bench: Any) -> None:
    bench.streams.limits = StreamLimits(write_buffer_bytes=100_000)
    server, local = await open_stream(bench.streams, "tcp", "127.0.0.1", 0)
    deaf = socket.create_connection(local)
    deaf.setblocking(False)
    deaf.send(OPTIONS)
    await bench.switch.until(lambda switch: switch.of("stream"))
    flow = bench.switch.of("stream")[0][1]
    for _ in range(2000):
        bench.switch.effects = [Transmit(flow, b"x" * 50_000)]
        bench.driver.command(Command(1, "calls", {}))
        if bench.driver.counters.dropped["slow_reader"]:
            break
    await bench.switch.until(lambda switch: switch.of("lost"))
    assert bench.driver.counters.dropped["slow_reader"] >= 1
    deaf.close()
    server.close()


async def test_nothing_is_sent_on_what_is_gone(bench: Any) -> None:
    flow = Flow("tcp", ("127.0.0.1", 5060), ("127.0.0.1", 9), 77)
    bench.switch.effects = [Transmit(flow, OPTIONS)]
    bench.driver.command(Command(1, "calls", {}))
    assert bench.driver.counters.dropped["no_connection"] == 1


def test_a_port_in_use_raises() -> None:
    with bind_stream("127.0.0.1", 0) as first:
        first.listen(1)
        with pytest.raises(OSError, match="in use"):
            bind_stream("127.0.0.1", first.getsockname()[1]).listen(1)
