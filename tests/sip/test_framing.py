from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import ParseError
from routerd.sip.framing import Limits, StreamFramer

ONE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 5\r\n\r\nhello"
TWO = b"BYE sip:a SIP/2.0\r\nSubject: x\r\nL :\r\n 00\r\n\r\n"


def test_one_byte_a_write() -> None:
    framer = StreamFramer()
    messages = [
        m for byte in b"\r\n\r\n" + ONE + b"\r\n\r\n\r\n\r\n" + TWO + b"\r\n" for m in framer.feed(bytes([byte]))
    ]
    assert messages == [ONE, TWO]
    assert framer.pings == 3
    assert framer.pending_bytes == 0


def test_several_messages_a_read() -> None:
    framer = StreamFramer()
    assert framer.feed(ONE + TWO + ONE + ONE[:20]) == [ONE, TWO, ONE]
    assert framer.feed(ONE[20:]) == [ONE]


def test_pings_are_pairs() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n") == []
    assert framer.pings == 0
    framer.feed(b"\r\n")
    assert framer.pings == 1
    framer.pings = 0
    framer.feed(b"\r\n" + ONE + b"\r\n")
    assert framer.pings == 0


@pytest.mark.parametrize(
    ("length", "hint"),
    [
        (b"-1", 400),
        (b"4294967296", 513),
        (b"9" * 5000, 513),
        (b"70000", 513),
        (b"", 400),
        (b"5, 5", 400),
        (b"5\r\nl: 5", 400),
        (b"0x5", 400),
        (b"+5", 400),
    ],
)
def test_lengths_that_end_the_stream(length: bytes, hint: int) -> None:
    framer = StreamFramer()
    with pytest.raises(ParseError) as caught:
        framer.feed(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: " + length + b"\r\n\r\n")
    assert caught.value.status_hint == hint
    assert framer.rejected.startswith(b"OPTIONS sip:a")
    assert framer.pending_bytes == 0


def test_good_messages_before_the_break_are_given_first() -> None:
    framer = StreamFramer()
    assert framer.feed(ONE + b"\0junk") == [ONE]
    assert framer.broken is not None
    for _ in range(2):
        with pytest.raises(ParseError):
            framer.feed(TWO)
    assert framer.pending_bytes == 0


def test_a_stream_needs_content_length() -> None:
    with pytest.raises(ParseError):
        StreamFramer().feed(b"OPTIONS sip:a SIP/2.0\r\nX-Content-Length: 5\r\n\r\n")


def test_a_length_inside_a_folded_value_does_not_count() -> None:
    with pytest.raises(ParseError):
        StreamFramer().feed(b"OPTIONS sip:a SIP/2.0\r\nSubject: x\r\n l: 0\r\n\r\n")


def test_junk_is_told_at_once() -> None:
    for junk in (b"\x16\x03\x01", b"\0", b"\n\n", b"\r\n\x80"):
        with pytest.raises(ParseError):
            StreamFramer().feed(junk)


def test_a_slow_head_is_capped() -> None:
    framer = StreamFramer(Limits(head_bytes=1_000))
    for _ in range(99):
        framer.feed(b"X: 12345\r\n")
        assert framer.pending_bytes <= 1_000
    with pytest.raises(ParseError) as caught:
        framer.feed(b"X: 12345\r\n")
    assert caught.value.status_hint == 513


def test_a_head_that_comes_whole_is_capped_too() -> None:
    with pytest.raises(ParseError):
        StreamFramer(Limits(head_bytes=100)).feed(b"X: " + b"y" * 200 + b"\r\nl: 0\r\n\r\n")


@given(st.lists(st.sampled_from([ONE, TWO, b"\r\n", b"\r\n\r\n"]), max_size=6), st.data())
def test_cuts_do_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    whole = StreamFramer()
    expected = whole.feed(stream)
    framer = StreamFramer()
    messages = [
        message
        for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for message in framer.feed(stream[begin:end])
    ]
    assert messages == expected == [part for part in parts if part in {ONE, TWO}]
    assert framer.pings == whole.pings
