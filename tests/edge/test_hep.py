from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from routerd.edge.hep import HepExporter, encode, masked
from routerd.sip.flow import Flow

UDP = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 5080))
TLS6 = Flow("tls", ("2001:db8::1", 5061), ("2001:db8::2", 40000), 7)
INVITE = b"INVITE sip:a@b SIP/2.0\r\nCall-ID: x@y\r\nCSeq: 1 INVITE\r\n\r\n"


def decoded(packet: bytes) -> dict[int, bytes]:
    """Read a packet as the specification of HEP3 has it (chunks: vendor, type, length with the head, value)."""
    assert packet[:4] == b"HEP3"
    (length,) = struct.unpack("!H", packet[4:6])
    assert length == len(packet)
    found, place = {}, 6
    while place < length:
        vendor, kind, size = struct.unpack("!HHH", packet[place : place + 6])
        assert vendor == 0
        assert size >= 6
        assert kind not in found
        found[kind] = packet[place + 6 : place + size]
        place += size
    assert place == length
    return found


def packet(flow: Flow = UDP, **facts: Any) -> dict[int, bytes]:
    given: dict[str, Any] = {"out": False, "at": 1795.25, "correlation": "call-1", "capture_id": 2001, "password": ""}
    return decoded(encode(INVITE, flow, **{**given, **facts}))


def test_a_message_that_came_in() -> None:
    found = packet()
    assert (found[1], found[2], found[11]) == (b"\x02", b"\x11", b"\x01")
    assert (socket.inet_ntop(socket.AF_INET, found[3]), socket.inet_ntop(socket.AF_INET, found[4])) == (
        "198.51.100.7", "192.0.2.1",
    )  # fmt: skip
    assert struct.unpack("!HH", found[7] + found[8]) == (5080, 5060)
    assert struct.unpack("!II", found[9] + found[10]) == (1795, 250_000)
    assert struct.unpack("!I", found[12]) == (2001,)
    assert (found[15], found[17]) == (INVITE, b"call-1")
    assert 14 not in found


def test_a_message_that_went_out_over_another_family() -> None:
    found = packet(TLS6, out=True, password="key")
    assert (found[1], found[2], found[14]) == (b"\x0a", b"\x06", b"key")
    assert socket.inet_ntop(socket.AF_INET6, found[5]) == "2001:db8::1"
    assert socket.inet_ntop(socket.AF_INET6, found[6]) == "2001:db8::2"
    assert not {3, 4} & set(found)


def test_addresses_of_two_families_are_told_in_one() -> None:
    found = packet(Flow("udp", ("::", 5060), ("192.0.2.9", 5060)))
    assert socket.inet_ntop(socket.AF_INET6, found[5]) == "::ffff:192.0.2.9"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b'Authorization: Digest username="a", response="0af3", qop=auth', b'username="a", response="****", qop'),
        (b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpV|2^20", b"inline:" + b"*" * 24 + b"|2^20"),
        (INVITE, INVITE),
    ],
)
def test_secrets_are_masked(text: bytes, shown: bytes) -> None:
    assert shown in masked(text)
    assert len(masked(text)) == len(text)


def test_copies_are_sent_and_forgotten() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        exporter = HepExporter(server.getsockname(), 1, "", lambda data: f"call of {len(data)}", lambda: 5.0)
        exporter.capture(b"\r\n\r\n", UDP, out=False)
        exporter.capture(INVITE, UDP, out=True)
        assert decoded(server.recv(65535))[17] == f"call of {len(INVITE)}".encode()
        exporter.capture(b"x" * 64_900, UDP, out=True)
        exporter.close()
        exporter.capture(INVITE, UDP, out=True)
    assert (exporter.sent, exporter.lost) == (1, 1)
