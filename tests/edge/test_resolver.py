from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import dns.message
import dns.rcode
import dns.rrset
import pytest

from routerd.b2bua.effects import AskDns
from routerd.edge import resolver as module
from routerd.edge.resolver import Resolver, read_hosts
from routerd.sip.server_location import DnsQuestion

if TYPE_CHECKING:
    from pathlib import Path

ZONE = {
    ("_sip._udp.acme.test.", "SRV"): (300, ["10 60 5060 a.acme.test.", "20 0 5070 b.acme.test."]),
    ("acme.test.", "NAPTR"): (300, ['50 50 "s" "SIP+D2U" "" _sip._udp.acme.test.']),
    ("a.acme.test.", "A"): (300, ["192.0.2.1", "192.0.2.2"]),
    ("a.acme.test.", "AAAA"): (300, ["2001:db8::1"]),
    ("short.acme.test.", "A"): (0, ["192.0.2.9"]),
}


class StubServer(asyncio.DatagramProtocol):
    """Answers from ZONE; silent for names under ``silent.test``."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name.endswith("silent.test."):
            return
        answer = dns.message.make_response(query)
        found = ZONE.get((name, kind))
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            answer.answer.append(dns.rrset.from_text(name, found[0], "IN", kind, *found[1]))
        self.transport.sendto(answer.to_wire(), addr)


class Setup:
    def __init__(self, hosts: Path, port: int, server: StubServer) -> None:
        self.server = server
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        servers = [("127.0.0.1", port)]
        self.resolver = Resolver(loop, self.answers.put_nowait, servers=servers, hosts=hosts)

    async def ask(self, name: str, kind: str, number: int = 1) -> Any:
        self.resolver.ask(AskDns(number, DnsQuestion(name, kind)))
        async with asyncio.timeout(10):
            answer = await self.answers.get()
        assert answer.number == number
        return answer.records


@pytest.fixture
async def stub(tmp_path: Path) -> Any:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.50 PBX.local pbx # the old one\nnonsense\n")
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        StubServer, local_addr=("127.0.0.1", 0)
    )
    made = Setup(hosts, transport.get_extra_info("sockname")[1], server)
    yield made
    made.resolver.close()
    transport.close()


async def test_every_kind_comes_as_the_location_wants_it(stub: Any) -> None:
    assert await stub.ask("acme.test", "NAPTR") == [(50, 50, "s", "SIP+D2U", "_sip._udp.acme.test")]
    assert sorted(await stub.ask("_sip._udp.acme.test", "SRV")) == [
        (10, 60, 5060, "a.acme.test"), (20, 0, 5070, "b.acme.test"),
    ]  # fmt: skip
    assert sorted(await stub.ask("a.acme.test", "A")) == [("192.0.2.1",), ("192.0.2.2",)]
    assert await stub.ask("a.acme.test", "AAAA") == [("2001:db8::1",)]


async def test_an_answer_is_kept_for_its_life(stub: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "SHORTEST_S", 0.0)
    first = await stub.ask("a.acme.test", "A")
    assert await stub.ask("A.acme.test.", "A", 2) == first
    assert len(stub.server.asked) == 1
    await stub.ask("short.acme.test", "A")
    await stub.ask("short.acme.test", "A")
    assert len(stub.server.asked) == 3


async def test_the_same_question_is_asked_once_while_it_is_out(stub: Any) -> None:
    for number in (1, 2, 3):
        stub.resolver.ask(AskDns(number, DnsQuestion("a.acme.test", "A")))
    async with asyncio.timeout(5):
        answers = [await stub.answers.get() for _ in range(3)]
    assert sorted(answer.number for answer in answers) == [1, 2, 3]
    assert len(stub.server.asked) == 1


async def test_no_such_name_is_none_and_remembered(stub: Any) -> None:
    assert await stub.ask("nobody.test", "A") is None
    assert await stub.ask("nobody.test", "A") is None
    assert len(stub.server.asked) == 1


async def test_a_silent_server_is_given_up(stub: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.05)
    monkeypatch.setattr(module, "LIFETIME_S", 0.1)
    assert await stub.ask("a.silent.test", "A") is None


async def test_names_that_are_none_do_no_harm(stub: Any) -> None:
    assert await stub.ask("a" * 70 + ".test", "A") is None
    assert await stub.ask("..", "SRV") is None


async def test_the_host_knows_its_own_names(stub: Any) -> None:
    assert await stub.ask("pbx.LOCAL", "A") == [("192.0.2.50",)]
    assert await stub.ask("pbx", "AAAA") == []
    assert await stub.ask("localhost", "A") == [("127.0.0.1",)]
    assert stub.server.asked == []


def test_hosts_files_are_read_as_they_are_written() -> None:
    found = read_hosts("# c\n::1 localhost ip6\n10.0.0.1 a b\n10.0.0.2 a\n\nx y\n")
    assert found["a", "A"] == [("10.0.0.1",), ("10.0.0.2",)]
    assert found["ip6", "AAAA"] == [("::1",)]
    assert found["localhost", "AAAA"] == [("::1",)]
