from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import MediaError
from routerd.media import stun

# RFC 5769 §2.1: a request that somebody else made, with its password
SAMPLE = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36"
    "000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
TRANSACTION = bytes(range(12))


def test_the_sample_request_of_the_rfc() -> None:
    message = stun.parse(SAMPLE)
    assert message.kind == stun.BINDING_REQUEST
    assert message.username == "evtj:h6vY"
    assert message.has_fingerprint
    assert message.is_authentic(PASSWORD)
    assert not message.is_authentic(PASSWORD + b"x")
    assert message.get(stun.PRIORITY) == b"\x6e\x00\x01\xff"
    assert not message.unknown


# RFC 5769 §2.2 and §2.3: answers, with the padding of that agent
def test_the_mapped_address_of_the_rfc() -> None:
    value = bytes.fromhex("0001a147e112a643")
    attribute = (stun.XOR_MAPPED_ADDRESS, 20, value)
    message = stun.Message(b"", stun.BINDING_SUCCESS, bytes.fromhex("b7e7a701bc34d686fa87dfae"), [attribute])
    assert stun.mapped_address(message) == ("192.0.2.1", 32853)


@pytest.mark.parametrize("source", [("192.0.2.1", 32853), ("2001:db8::7", 9)])
def test_an_answer_says_where_the_check_came_from(source: tuple[str, int]) -> None:
    answer = stun.binding_success(TRANSACTION, source, PASSWORD)
    message = stun.parse(answer)
    assert (message.kind, message.transaction) == (stun.BINDING_SUCCESS, TRANSACTION)
    assert message.has_fingerprint
    assert message.is_authentic(PASSWORD)
    assert stun.mapped_address(message) == source


def test_a_request_is_longer_than_its_answer() -> None:
    request = stun.binding_request(TRANSACTION, "abcd:efgh", PASSWORD, priority=7, nominate=False)
    assert len(request) >= len(stun.binding_success(TRANSACTION, ("192.0.2.1", 1), PASSWORD))
    assert stun.parse(request).get(stun.USE_CANDIDATE) is None
    nominated = stun.binding_request(TRANSACTION, "abcd:efgh", PASSWORD, priority=7, nominate=True)
    assert stun.parse(nominated).get(stun.USE_CANDIDATE) == b""


def test_an_error_names_what_is_not_known() -> None:
    message = stun.parse(stun.error(TRANSACTION, 420, PASSWORD, [0x0031, 0x7777]))
    assert message.kind == stun.BINDING_ERROR
    assert message.get(stun.ERROR_CODE) == b"\x00\x00\x04\x14"
    assert message.get(stun.UNKNOWN_ATTRIBUTES) == b"\x00\x31\x77\x77"
    assert message.is_authentic(PASSWORD)


def test_what_stands_behind_the_seal_is_not_read() -> None:
    request = stun.binding_request(TRANSACTION, "abcd:efgh", PASSWORD, priority=7, nominate=False)[:-8]
    forged = request + struct.pack(">HH", stun.USE_CANDIDATE, 0)
    forged = forged[:2] + struct.pack(">H", len(forged) - 20) + forged[4:]
    message = stun.parse(forged)
    assert message.get(stun.USE_CANDIDATE) is None
    assert not message.has_fingerprint


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SAMPLE[:19],
        SAMPLE[:-1],
        SAMPLE + b"\0\0\0\0",
        SAMPLE[:-1] + b"\xce",  # the fingerprint
        b"\x40" + SAMPLE[1:],
        SAMPLE[:4] + b"\0\0\0\0" + SAMPLE[8:],
        SAMPLE[:2] + b"\0\x01" + SAMPLE[4:],
        SAMPLE[:22] + b"\xff\xff" + SAMPLE[24:],
        bytes(stun.MAX_BYTES + 4),
        struct.pack(">HHI12s", 1, 4 * 40, stun.MAGIC, TRANSACTION) + b"\x80\x77\0\0" * 40,
        struct.pack(">HHI12s", 1, 65532, stun.MAGIC, TRANSACTION) + bytes(65532),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError):
        stun.parse(data)


def test_every_flipped_bit_is_noticed() -> None:
    for place in range(len(SAMPLE) * 8):
        damaged = bytearray(SAMPLE)
        damaged[place // 8] ^= 1 << place % 8
        try:
            message = stun.parse(bytes(damaged))
        except MediaError:
            continue
        # without its fingerprint (the attribute's own name was hit) a message is no check, or the seal is broken
        assert not (message.has_fingerprint and message.is_authentic(PASSWORD)), place


@given(st.binary(max_size=200))
def test_garbage_raises_nothing_else(data: bytes) -> None:
    for candidate in (data, SAMPLE[:20] + data, struct.pack(">HHI12s", 1, len(data), stun.MAGIC, TRANSACTION) + data):
        try:
            message = stun.parse(candidate)
        except MediaError:
            continue
        message.is_authentic(PASSWORD)
        assert isinstance(message.username, str)
        assert isinstance(message.unknown, list)


def test_demultiplexing() -> None:
    assert stun.is_stun(SAMPLE)
    assert not stun.is_stun(b"\x80" + SAMPLE[1:])
    assert not stun.is_stun(b"\x16\xfe\xfd" + bytes(40))
    assert not stun.is_stun(SAMPLE[:10])
