from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

import pytest

from routerd.b2bua.effects import Command, OpenFlow, Transmit
from routerd.edge.reload import Certificates, trust
from routerd.edge.stream import open_stream
from routerd.errors import ConfigError
from routerd.sip.flow import Flow

OPTIONS = b"OPTIONS sip:a SIP/2.0\r\n\r\n"


async def dial(client: Any, to: Any, authority: Any) -> Any:
    context = ssl.create_default_context(cafile=str(authority.roots))
    _, peer = await asyncio.get_running_loop().create_connection(
        client, *to, ssl=context, server_hostname="sip.acme.test"
    )
    return peer


def serial(peer: Any) -> str:
    return str(peer.transport.get_extra_info("peercert")["serialNumber"])


async def test_a_new_certificate_serves_new_connections_and_the_old_ones_live_on(
    bench: Any, client: Any, authority: Any
) -> None:
    files = authority.sign("server", "sip.acme.test")
    certificates = Certificates(*files)
    server, local = await open_stream(bench.streams, "tls", "127.0.0.1", 0, tls=certificates.door)
    before = await dial(client, local, authority)
    authority.sign("server", "sip.acme.test")
    certificates.reload()
    after = await dial(client, local, authority)
    assert serial(before) != serial(after)
    before.transport.write(OPTIONS)
    assert await before.next() == OPTIONS

    files[0].write_text("no certificate")
    with pytest.raises(ConfigError, match="cannot be used"):
        certificates.reload()
    third = await dial(client, local, authority)
    assert serial(third) == serial(after)
    for peer in (before, after, third):
        peer.transport.close()
    server.close()


def test_the_expiry_is_known(authority: Any) -> None:
    certificates = Certificates(*authority.sign("server", "sip.acme.test"))
    assert 86_400 < certificates.expires_at - time.time() < 3 * 86_400


def test_files_that_do_not_belong_together_are_refused(authority: Any) -> None:
    one, other = authority.sign("one", "a.test"), authority.sign("other", "b.test")
    with pytest.raises(ConfigError):
        Certificates(one[0], other[1])


@pytest.mark.parametrize(
    ("names", "wanted", "good"),
    [
        (("sip.acme.test",), "sip.acme.test", True),
        (("sip:acme.test", "sip.acme.test"), "acme.test", True),
        (("sip:acme.test", "sip.acme.test"), "sip.acme.test", False),  # DNS only where no SIP URI is
        (("*.acme.test",), "sip.acme.test", False),
        (("other.test",), "sip.acme.test", False),
        (("127.0.0.1",), "", True),
    ],
)
async def test_we_connect_to_nobody_else_than_the_one_meant(
    bench: Any, client: Any, authority: Any, names: tuple[str, ...], wanted: str, good: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("peer", *names))
    peers: list[Any] = []

    def accept() -> Any:
        peers.append(client())
        return peers[-1]

    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0, ssl=context)
    bench.streams._trust = trust(authority.roots)
    flow = Flow("tls", ("127.0.0.1", 5061), server.sockets[0].getsockname(), -1, wanted)
    bench.driver.perform_with({OpenFlow: bench.streams.open})
    bench.switch.effects = [OpenFlow(flow), Transmit(flow, OPTIONS)]
    bench.driver.command(Command(1, "calls", {}))
    if good:
        async with asyncio.timeout(5):
            while not peers:  # noqa: ASYNC110 - looked at from outside
                await asyncio.sleep(0.005)
        assert await peers[0].next() == OPTIONS
    else:
        await bench.switch.until(lambda switch: switch.of("lost") == [(None, flow)])
        assert all(peer.received.empty() for peer in peers)
        assert bench.driver.counters.dropped["tls_name"] == 1
    server.close()


async def test_an_unknown_authority_is_refused(bench: Any, client: Any, authority: Any) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("peer", "sip.acme.test"))
    server = await asyncio.get_running_loop().create_server(client, "127.0.0.1", 0, ssl=context)
    bench.streams._trust = trust()
    flow = Flow("tls", ("127.0.0.1", 5061), server.sockets[0].getsockname(), -1, "sip.acme.test")
    bench.driver.perform_with({OpenFlow: bench.streams.open})
    bench.switch.effects = [OpenFlow(flow)]
    bench.driver.command(Command(1, "calls", {}))
    await bench.switch.until(lambda switch: switch.of("lost") == [(None, flow)])
    server.close()
