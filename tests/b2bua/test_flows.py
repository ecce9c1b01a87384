"""Which socket, which connection, which address (RFC 3261 §18, multi-homed machines)."""

from __future__ import annotations

import pytest

from routerd.b2bua import effects as fx
from routerd.b2bua.flows import Flows
from routerd.b2bua.settings import Listener
from routerd.errors import ParseError
from routerd.sip.flow import Flow
from routerd.sip.server_location import Target

UDP = Listener(
    "udp", "192.0.2.1", 5060, advertise="sip.example.net", advertise_by_network=(("10.0.0.0/8", "10.0.0.1"),)
)
SIX = Listener("udp", "2001:db8::1", 5060)
TLS = Listener("tls", "192.0.2.1", 5061)
WSS = Listener("wss", "192.0.2.1", 443)


def flows(*listeners: Listener) -> tuple[Flows, list[fx.Effect]]:
    effects: list[fx.Effect] = []
    return Flows(listeners or (UDP, SIX, TLS, WSS), effects), effects


def udp(host: str) -> Flow:
    return Flow("udp", ("192.0.2.1", 5060), (host, 5060))


def test_each_peer_sees_the_address_that_it_must_use() -> None:
    here, _ = flows()
    assert here.via(udp("203.0.113.1"), "z9hG4bKx") == "SIP/2.0/UDP sip.example.net:5060;rport;branch=z9hG4bKx"
    assert here.contact(udp("203.0.113.1"), "2001") == "<sip:2001@sip.example.net:5060>"
    assert here.contact(udp("10.1.2.3")) == "<sip:10.0.0.1:5060>"


@pytest.mark.parametrize(
    ("peer", "local"),
    [
        ("10.0.0.77", "10.0.0.5"),
        ("192.168.7.1", "192.168.7.2"),
        ("203.0.113.200", "203.0.113.5"),
        ("8.8.8.8", "203.0.113.5"),
        ("2001:db8::77", "2001:db8::5"),
        ("2600::1", "2001:db8::5"),
    ],
)
def test_of_several_listeners_the_nearest_sends(peer: str, local: str) -> None:
    """A peer in none of their networks is reached from the first."""
    hosts = ("203.0.113.5", "10.0.0.5", "192.168.7.2", "2001:db8::5", "fd00::5")
    here, _ = flows(*(Listener("udp", host, 5060) for host in hosts))
    flow = here.towards(Target("udp", peer, 5060, ""))
    assert flow is not None
    assert flow.local == (local, 5060)
    assert here.contact(flow) == f"<sip:{f'[{local}]' if ':' in local else local}:5060>"


@pytest.mark.parametrize(
    ("flow", "contact"),
    [
        (Flow("tls", ("192.0.2.1", 5061), ("203.0.113.1", 4000), 1), "<sip:192.0.2.1:5061;transport=tls>"),
        (Flow("wss", ("192.0.2.1", 443), ("203.0.113.1", 4000), 2), "<sip:192.0.2.1:443;transport=ws>"),
        (Flow("udp", ("2001:db8::1", 5060), ("2001:db8::9", 5060)), "<sip:[2001:db8::1]:5060>"),
        (Flow("tcp", ("192.0.2.9", 5070), ("203.0.113.1", 4000), 3), "<sip:192.0.2.9:5070;transport=tcp>"),
    ],
)
def test_contacts_of_other_transports(flow: Flow, contact: str) -> None:
    assert flows()[0].contact(flow) == contact


def test_a_connection_is_opened_once_and_used_again() -> None:
    here, effects = flows()
    target = Target("tls", "203.0.113.1", 5061, "sip.example.org")
    flow = here.towards(target)
    assert flow is not None
    assert flow.connection < 0
    assert flow.server_name == "sip.example.org"
    assert effects == [fx.OpenFlow(flow)]
    assert here.towards(target) == flow
    assert here.alive(flow)
    here.lose(flow)
    assert not here.alive(flow)
    assert len(here) == 0
    again = here.towards(target)
    assert again is not None
    assert again.connection != flow.connection


def test_a_connection_that_the_peer_opened_is_used() -> None:
    here, effects = flows()
    flow = Flow("tls", ("192.0.2.1", 5061), ("203.0.113.1", 5061), 9)
    here.split(flow, b"\r\n\r\n")
    assert here.towards(Target("tls", "203.0.113.1", 5061, "")) == flow
    assert effects == []


def test_what_cannot_be_reached() -> None:
    here, _ = flows(TLS)
    assert here.towards(Target("udp", "203.0.113.1", 5060, "")) is None
    assert here.towards(Target("wss", "203.0.113.1", 443, "")) is None
    assert flows(UDP)[0].towards(Target("udp", "2001:db8::5", 5060, "")) is None


def test_what_we_can_send_over() -> None:
    assert flows()[0].supported() == ("udp", "tls", "tcp")
    assert flows(UDP)[0].supported() == ("udp", "tcp")


def test_our_own_addresses() -> None:
    here, _ = flows()
    assert here.ours("192.0.2.1", None)
    assert here.ours("sip.example.net", 5060)
    assert not here.ours("192.0.2.1", 5099)
    assert not here.ours("203.0.113.1", 5060)


def test_a_broken_stream_says_what_was_wrong_with_it() -> None:
    here, _ = flows()
    flow = Flow("tcp", ("192.0.2.1", 5060), ("203.0.113.1", 4000), 4)
    assert here.broken(flow) is None
    head = b"OPTIONS sip:x SIP/2.0\r\nCall-ID: bad\r\nContent-Length: x\r\n\r\n"
    good = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n"
    messages, pings = here.split(flow, b"\r\n\r\n" + good + head)
    assert (messages, pings) == ([good], 1)
    broken = here.broken(flow)
    assert broken is not None
    assert broken[0].status_hint == 400
    assert b"Call-ID: bad" in broken[1]
    with pytest.raises(ParseError):
        here.split(flow, good)
