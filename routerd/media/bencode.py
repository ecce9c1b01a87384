"""Bencode, the encoding of the ng control protocol: integers, strings, lists, dictionaries.

Text is UTF-8 with ``surrogateescape``, so any bytes survive. Depth and size are
bounded; whatever is wrong raises MediaError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Container

MAX_SIZE_BYTES: Final = 128 * 1024
MAX_DEPTH: Final = 16
MAX_DIGITS: Final = 20
_END: Final = ord("e")
_INTEGER: Final = ord("i")
_LIST: Final = ord("l")
_DICTIONARY: Final = ord("d")


def encode(value: Any) -> bytes:
    """The bytes of an int, str, bytes, list, tuple or dict (keys are str); raises MediaError for anything else."""
    out: list[bytes] = []
    _encode(value, out, 0)
    return b"".join(out)


def decode(data: bytes, raw: Container[str] = ()) -> Any:
    """The one value that ``data`` holds; raises MediaError.

    Strings come as str, but those that stand under a dictionary key in ``raw`` come as bytes.
    """
    if len(data) > MAX_SIZE_BYTES:
        raise MediaError("bencode: too large")
    value, end = _decode(data, 0, 0, raw, as_bytes=False)
    if end != len(data):
        raise MediaError("bencode: bytes after the value")
    return value


def _encode(value: Any, out: list[bytes], depth: int) -> None:
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogateescape")
        out.append(b"%d:%b" % (len(text), text))
    elif isinstance(value, int):
        out.append(b"i%de" % value)
    elif isinstance(value, bytes):
        out.append(b"%d:%b" % (len(value), value))
    elif depth >= MAX_DEPTH:
        raise MediaError("bencode: too deep")
    elif isinstance(value, dict):
        _encode_dictionary(value, out, depth)
    elif isinstance(value, (list, tuple)):
        out.append(b"l")
        for item in value:
            _encode(item, out, depth + 1)
        out.append(b"e")
    else:
        raise MediaError(f"bencode: cannot encode {type(value).__name__}")


def _name(item: tuple[Any, Any]) -> Any:
    return item[0]


def _encode_dictionary(items: dict[Any, Any], out: list[bytes], depth: int) -> None:
    out.append(b"d")
    try:
        for key, value in sorted(items.items(), key=_name):
            name = key.encode("utf-8", "surrogateescape")
            out.append(b"%d:%b" % (len(name), name))
            _encode(value, out, depth + 1)
    except (AttributeError, TypeError) as error:
        raise MediaError("bencode: a key is no text") from error
    out.append(b"e")


def _decode(data: bytes, at: int, depth: int, raw: Container[str], *, as_bytes: bool) -> tuple[Any, int]:
    if at >= len(data):
        raise MediaError("bencode: ends too early")
    if depth > MAX_DEPTH:
        raise MediaError("bencode: too deep")
    kind = data[at]
    if kind == _INTEGER:
        return _integer(data, at)
    if kind == _LIST:
        return _list(data, at, depth, raw, as_bytes=as_bytes)
    if kind == _DICTIONARY:
        return _dictionary(data, at, depth, raw)
    string, end = _string(data, at)
    return (string if as_bytes else string.decode("utf-8", "surrogateescape")), end


def _integer(data: bytes, at: int) -> tuple[int, int]:
    end = data.find(b"e", at + 1, at + MAX_DIGITS + 3)
    digits = data[at + 1 : end]
    unsigned = digits.removeprefix(b"-")
    if end < 0 or not unsigned.isdigit():
        raise MediaError("bencode: malformed integer")
    return int(digits), end + 1


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    colon = data.find(b":", at, at + MAX_DIGITS)
    digits = data[at:colon]
    if colon < 0 or not digits.isdigit():
        raise MediaError("bencode: malformed string length")
    start = colon + 1
    end = start + int(digits)
    if end > len(data):
        raise MediaError("bencode: string longer than the data")
    return data[start:end], end


def _list(data: bytes, at: int, depth: int, raw: Container[str], *, as_bytes: bool) -> tuple[list[Any], int]:
    items: list[Any] = []
    at += 1
    while at < len(data) and data[at] != _END:
        item, at = _decode(data, at, depth + 1, raw, as_bytes=as_bytes)
        items.append(item)
    if at >= len(data):
        raise MediaError("bencode: list without end")
    return items, at + 1


def _dictionary(data: bytes, at: int, depth: int, raw: Container[str]) -> tuple[dict[str, Any], int]:
    items: dict[str, Any] = {}
    at += 1
    while at < len(data) and data[at] != _END:
        name, at = _string(data, at)
        key = name.decode("utf-8", "surrogateescape")
        if data[at : at + 1].isdigit():  # most values are strings: no detour
            string, at = _string(data, at)
            items[key] = string if key in raw else string.decode("utf-8", "surrogateescape")
        else:
            items[key], at = _decode(data, at, depth + 1, raw, as_bytes=key in raw)
    if at >= len(data):
        raise MediaError("bencode: dictionary without end")
    return items, at + 1
