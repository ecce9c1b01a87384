"""STUN messages as ICE's connectivity checks use them (RFC 8489, RFC 8445 §7), and nothing more of it.

``parse`` takes a datagram to pieces and checks what needs no key: length, magic cookie, the attributes' own lengths and
FINGERPRINT. ``Message.is_authentic`` checks MESSAGE-INTEGRITY with a password. ``binding_success`` and ``error`` build
answers that bear both. A check that arrives is at least as long as its answer, so that nobody's traffic is amplified.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
from binascii import crc32
from typing import TYPE_CHECKING, Final

from routerd.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routerd.media.relay_lane import Address

HEADER_BYTES: Final = 20
MAX_BYTES: Final = 1280  # a check has a dozen attributes at most; RFC 8489 §6.1 keeps to the path's MTU
MAGIC: Final = 0x2112A442
BINDING_REQUEST: Final = 0x0001
BINDING_INDICATION: Final = 0x0011
BINDING_SUCCESS: Final = 0x0101
BINDING_ERROR: Final = 0x0111

USERNAME: Final = 0x0006
MESSAGE_INTEGRITY: Final = 0x0008
ERROR_CODE: Final = 0x0009
UNKNOWN_ATTRIBUTES: Final = 0x000A
XOR_MAPPED_ADDRESS: Final = 0x0020
PRIORITY: Final = 0x0024
USE_CANDIDATE: Final = 0x0025
FINGERPRINT: Final = 0x8028
ICE_CONTROLLED: Final = 0x8029
ICE_CONTROLLING: Final = 0x802A
_UNDERSTOOD: Final = frozenset({USERNAME, MESSAGE_INTEGRITY, PRIORITY, USE_CANDIDATE, XOR_MAPPED_ADDRESS, ERROR_CODE})
_MAX_ATTRIBUTES: Final = 32
_HEADER: Final = struct.Struct(">HHI12s")
_ATTRIBUTE: Final = struct.Struct(">HH")
_FINGERPRINT_XOR: Final = 0x5354554E
_INTEGRITY_BYTES: Final = 20


class Message:
    """One STUN message: its type, transaction id, and the attributes that stand before MESSAGE-INTEGRITY's end."""

    __slots__ = ("_raw", "attributes", "kind", "transaction")

    def __init__(self, raw: bytes, kind: int, transaction: bytes, attributes: list[tuple[int, int, bytes]]) -> None:
        self._raw: bytes = raw
        self.kind: int = kind
        self.transaction: bytes = transaction
        self.attributes: list[tuple[int, int, bytes]] = attributes  # kind, where it begins, value

    def get(self, kind: int) -> bytes | None:
        """The first value of this attribute, None when it is not there."""
        return next((value for name, _, value in self.attributes if name == kind), None)

    @property
    def username(self) -> str:
        """USERNAME as text, "" when there is none (or none that could be ours)."""
        value = self.get(USERNAME)
        return "" if value is None else value.decode("ascii", "replace")

    @property
    def unknown(self) -> list[int]:
        """Attributes that must be understood and are not (RFC 8489 §6.3.1)."""
        return [name for name, _, _ in self.attributes if name < 0x8000 and name not in _UNDERSTOOD]

    @property
    def has_fingerprint(self) -> bool:
        """Whether FINGERPRINT stood there (then it was right): every check of ICE has it (RFC 8445 §7.1.1)."""
        return self.get(FINGERPRINT) is not None

    def is_authentic(self, password: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY is there and was made with this password (RFC 8489 §14.5)."""
        for name, start, value in self.attributes:
            if name == MESSAGE_INTEGRITY:
                return len(value) == _INTEGRITY_BYTES and hmac.compare_digest(
                    value, _integrity(self._raw[:start], password)
                )
        return False


def is_stun(data: bytes) -> bool:
    """Whether a datagram on a media port is STUN by its looks (RFC 7983 §7: first byte 0 to 3, and the cookie)."""
    return len(data) >= HEADER_BYTES and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42"


def parse(data: bytes) -> Message:
    """Take a message to pieces; raises MediaError. Next: ``Message.is_authentic``.

    What stands behind MESSAGE-INTEGRITY is not covered by it and is not read, but for FINGERPRINT (RFC 8489 §14.5).
    """
    if not HEADER_BYTES <= len(data) <= MAX_BYTES:
        raise MediaError("STUN: size")
    kind, size, magic, transaction = _HEADER.unpack_from(data)
    if kind & 0xC000 or magic != MAGIC or size & 3 or size != len(data) - HEADER_BYTES:
        raise MediaError("STUN: header")
    attributes: list[tuple[int, int, bytes]] = []
    sealed = False
    for name, start, value in _attributes(data):
        if name == FINGERPRINT:
            _check_fingerprint(data, start, value)
        elif sealed:
            continue
        attributes.append((name, start, value))
        sealed = sealed or name == MESSAGE_INTEGRITY
        if len(attributes) > _MAX_ATTRIBUTES:
            raise MediaError("STUN: too many attributes")
    return Message(data, kind, transaction, attributes)


def binding_request(transaction: bytes, username: str, password: bytes, *, priority: int, nominate: bool) -> bytes:
    """A check as the controlling side sends it (RFC 8445 §7.2.2); the engine itself only answers."""
    body = _attribute(USERNAME, username.encode()) + _attribute(PRIORITY, struct.pack(">I", priority))
    body += _attribute(ICE_CONTROLLING, transaction[:8])
    if nominate:
        body += _attribute(USE_CANDIDATE, b"")
    return _sealed(BINDING_REQUEST, transaction, body, password)


def binding_success(transaction: bytes, source: Address, password: bytes) -> bytes:
    """The answer to a check: where it was seen to come from (RFC 8489 §14.2), with integrity and fingerprint."""
    host = ipaddress.ip_address(source[0])
    mask = struct.pack(">I", MAGIC) + transaction
    address = bytes(one ^ other for one, other in zip(host.packed, mask, strict=False))
    family = 2 if host.version == 6 else 1
    value = struct.pack(">xBH", family, source[1] ^ (MAGIC >> 16)) + address
    return _sealed(BINDING_SUCCESS, transaction, _attribute(XOR_MAPPED_ADDRESS, value), password)


def error(transaction: bytes, code: int, password: bytes, unknown: list[int] | None = None) -> bytes:
    """An answer that refuses: 420 with what is not known, 487 for a conflict of roles (RFC 8489 §14.8)."""
    body = _attribute(ERROR_CODE, struct.pack(">HBB", 0, code // 100, code % 100))
    if unknown:
        body += _attribute(UNKNOWN_ATTRIBUTES, struct.pack(f">{len(unknown)}H", *unknown))
    return _sealed(BINDING_ERROR, transaction, body, password)


def mapped_address(message: Message) -> Address | None:
    """The address in XOR-MAPPED-ADDRESS, None without a sound one."""
    value = message.get(XOR_MAPPED_ADDRESS)
    if value is None or len(value) not in {8, 20}:
        return None
    mask = struct.pack(">I", MAGIC) + message.transaction
    packed = bytes(one ^ other for one, other in zip(value[4:], mask, strict=False))
    return (str(ipaddress.ip_address(packed)), struct.unpack_from(">H", value, 2)[0] ^ (MAGIC >> 16))


def _attributes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    start, end = HEADER_BYTES, len(data)
    while start < end:
        if end - start < 4:
            raise MediaError("STUN: attribute")
        name, size = _ATTRIBUTE.unpack_from(data, start)
        after = start + 4 + size
        if after > end:
            raise MediaError("STUN: attribute")
        yield name, start, data[start + 4 : after]
        start = after + (-size & 3)


def _check_fingerprint(data: bytes, start: int, value: bytes) -> None:
    """FINGERPRINT is the last attribute and covers all before it (RFC 8489 §14.7)."""
    last = start + 8 == len(data)
    if not last or value != struct.pack(">I", crc32(data[:start]) ^ _FINGERPRINT_XOR):
        raise MediaError("STUN: fingerprint")


def _attribute(name: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(name, len(value)) + value + bytes(-len(value) & 3)


def _integrity(before: bytes, password: bytes) -> bytes:
    """HMAC-SHA1 over what stands before, its header's length counting MESSAGE-INTEGRITY itself (RFC 8489 §14.5)."""
    size = len(before) - HEADER_BYTES + 4 + _INTEGRITY_BYTES
    return hmac.digest(password, before[:2] + struct.pack(">H", size) + before[4:], "sha1")


def _sealed(kind: int, transaction: bytes, body: bytes, password: bytes) -> bytes:
    head = _HEADER.pack(kind, len(body), MAGIC, transaction) + body
    message = head + _attribute(MESSAGE_INTEGRITY, _integrity(head, password))
    size = len(message) - HEADER_BYTES + 8
    message = message[:2] + struct.pack(">H", size) + message[4:]
    return message + _attribute(FINGERPRINT, struct.pack(">I", crc32(message) ^ _FINGERPRINT_XOR))
