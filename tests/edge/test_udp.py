from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from routerd.b2bua.effects import Ban, Command, Transmit
from routerd.edge.udp import bind_udp, open_udp
from routerd.sip.flow import Flow

OPTIONS = b"OPTIONS sip:a SIP/2.0\r\n\r\n"


async def open_client(client: Any, to: tuple[str, int]) -> Any:
    _, peer = await asyncio.get_running_loop().create_datagram_endpoint(client, remote_addr=to)
    return peer


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_datagram_comes_back_from_the_same_socket(bench: Any, client: Any, host: str) -> None:
    listener = await open_udp(bench.driver, host, 0)
    peer = await open_client(client, listener.local)
    peer.transport.sendto(OPTIONS)
    assert await peer.next() == OPTIONS
    ((_, flow),) = bench.switch.of("datagram")
    assert flow == Flow("udp", listener.local, peer.transport.get_extra_info("sockname")[:2])
    listener.close()
    peer.transport.close()


async def test_a_burst_is_neither_lost_nor_disordered(bench: Any, client: Any) -> None:
    listener = await open_udp(bench.driver, "127.0.0.1", 0)
    peer = await open_client(client, listener.local)
    for number in range(2000):
        peer.transport.sendto(b"%06d" % number + OPTIONS)
    await bench.switch.until(lambda switch: len(switch.of("datagram")) == 2000)
    assert [data[:6] for data, _ in bench.switch.of("datagram")] == [b"%06d" % n for n in range(2000)]
    listener.close()
    peer.transport.close()


async def test_the_banned_are_not_read(bench: Any, client: Any) -> None:
    listener = await open_udp(bench.driver, "127.0.0.1", 0)
    peer = await open_client(client, listener.local)
    bench.switch.effects = [Ban("127.0.0.1", 30, "test")]
    bench.driver.command(Command(1, "ban", {}))
    peer.transport.sendto(OPTIONS)
    async with asyncio.timeout(5):
        while not bench.driver.counters.banned:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.005)
    assert bench.switch.of("datagram") == []
    listener.close()
    peer.transport.close()


async def test_what_cannot_be_sent_is_counted_and_harms_nobody(bench: Any, client: Any) -> None:
    listener = await open_udp(bench.driver, "127.0.0.1", 0)
    bench.switch.echo = False
    bench.switch.effects = [
        Transmit(Flow("udp", listener.local, ("127.0.0.1", 9)), b"x" * 70_000),  # over any datagram
        Transmit(Flow("udp", listener.local, ("::1", 9)), OPTIONS),  # the other family
        Transmit(Flow("udp", ("127.0.0.9", 1), ("127.0.0.1", 9)), OPTIONS),  # no such socket
    ]
    bench.driver.command(Command(1, "calls", {}))
    await asyncio.sleep(0)
    assert bench.driver.counters.datagram_errors >= 2
    assert bench.driver.counters.dropped["no_socket"] == 1
    bench.switch.echo = True
    peer = await open_client(client, listener.local)
    peer.transport.sendto(OPTIONS)
    assert await peer.next() == OPTIONS
    listener.close()
    peer.transport.close()


async def test_a_port_in_use_raises() -> None:
    first = bind_udp("127.0.0.1", 0)
    with first, pytest.raises(OSError, match="in use"):
        bind_udp("127.0.0.1", first.getsockname()[1])


def test_receive_buffers_are_large() -> None:
    with bind_udp("127.0.0.1", 0) as bound:
        assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 200_000
