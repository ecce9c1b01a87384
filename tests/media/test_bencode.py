from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routerd.errors import MediaError
from routerd.media import bencode

VALUES = st.recursive(
    st.integers(-(10**15), 10**15) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def test_wire_form() -> None:
    value = {"sdp": b"v=0\xff", "call-id": "x", "flags": ["a", 7], "n": -3}
    data = b"d7:call-id1:x5:flagsl1:ai7ee1:ni-3e3:sdp4:v=0\xffe"
    assert bencode.encode(value) == data
    assert bencode.decode(data, {"sdp"}) == value


@given(VALUES)
@settings(max_examples=150)
def test_round_trip(value: Any) -> None:
    assert bencode.decode(bencode.encode(value)) == value


@pytest.mark.parametrize(
    "broken",
    [
        b"", b"x", b"i", b"ie", b"i-e", b"i1", b"i1x", b"1", b"2:a", b"-1:a", b"99999999999999999999999:a",
        b"l", b"li1e",
        b"d", b"d1:a", b"d1:ae", b"di1ei2ee", b"i1ei2e", b"l" * 5000, b"i" + b"9" * 5000 + b"e", b"d1:a" * 4000,
        b"1:ab", b" ", b"\x80",
    ],
)  # fmt: skip
def test_broken_data(broken: bytes) -> None:
    with pytest.raises(MediaError):
        bencode.decode(broken)


def test_too_large() -> None:
    with pytest.raises(MediaError):
        bencode.decode(b"%d:" % bencode.MAX_SIZE_BYTES + b"x" * bencode.MAX_SIZE_BYTES)


def test_what_cannot_be_encoded() -> None:
    deep: list[Any] = []
    for _ in range(50):
        deep = [deep]
    for value in (None, 1.5, {1: 2}, {"a": object()}, deep, {"a": 1, 2: 3}):
        with pytest.raises(MediaError):
            bencode.encode(value)
