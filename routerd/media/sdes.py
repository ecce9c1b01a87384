"""SRTP keys in descriptions: ``a=crypto`` (RFC 4568), with the suites of RFC 4568 §6.2 and RFC 7714 §14.

``offered`` reads what a party offers and leaves out what cannot be served: unknown suites, several keys or key
identifiers, and session parameters that would take encryption or authentication away. ``choose`` is the answerer's
pick, ``answered`` finds the offered key that an answer took up. Keys are never part of a message or of a ``repr``.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Suite(NamedTuple):
    """A suite by its SDP name, and how long its master key and salt are, in bytes."""

    name: str
    key_bytes: int
    salt_bytes: int

    @property
    def secret_bytes(self) -> int:
        """Key and salt together, as ``inline:`` has them."""
        return self.key_bytes + self.salt_bytes


SUITES: Final = {
    suite.name: suite
    for suite in (
        Suite("AES_CM_128_HMAC_SHA1_80", 16, 14),
        Suite("AES_CM_128_HMAC_SHA1_32", 16, 14),
        Suite("AEAD_AES_256_GCM", 32, 12),
        Suite("AEAD_AES_128_GCM", 16, 12),
    )
}
MAX_LINES: Final = 16
MAX_LINE: Final = 512
_HARMLESS: Final = ("WSH=", "KDR=0")


class Crypto:
    """One ``a=crypto`` that can be served: its tag, its suite, and the secret of whoever wrote it."""

    __slots__ = ("secret", "suite", "tag")

    def __init__(self, tag: int, suite: Suite, secret: bytes) -> None:
        self.tag: int = tag
        self.suite: Suite = suite
        self.secret: bytes = secret

    def __repr__(self) -> str:
        return f"Crypto({self.tag}, {self.suite.name})"

    @property
    def value(self) -> str:
        """The attribute's value (RFC 4568 §9.1)."""
        return f"{self.tag} {self.suite.name} inline:{base64.b64encode(self.secret).decode()}"


def parse(value: str) -> Crypto | None:
    """One attribute's value; None when it is malformed or asks for what is not served."""
    parts = value.split() if len(value) <= MAX_LINE else []
    if len(parts) < 3 or not (parts[0].isascii() and parts[0].isdigit() and len(parts[0]) <= 9):
        return None
    suite = SUITES.get(parts[1].upper())
    method, _, keys = parts[2].partition(":")
    if suite is None or method.lower() != "inline" or not all(_is_harmless(one) for one in parts[3:]):
        return None
    key, *more = keys.split("|")
    if any(":" in one for one in more) or ";" in keys:
        return None  # a key identifier (MKI) or several keys; a lifetime alone is longer than any call
    secret = _decode(key)
    return Crypto(int(parts[0]), suite, secret) if len(secret) == suite.secret_bytes else None


def offered(values: Sequence[str]) -> list[Crypto]:
    """Every line that can be served, in the party's order."""
    return [crypto for value in values[:MAX_LINES] if (crypto := parse(value)) is not None]


def choose(values: Sequence[str]) -> Crypto | None:
    """The line that an answer takes up: the first that can be served (RFC 4568 §5.1.2); None: refuse the media."""
    return next(iter(offered(values)), None)


def answered(offer: Sequence[Crypto], values: Sequence[str]) -> tuple[Crypto, Crypto] | None:
    """Ours that the answer took up, and theirs; None when it took up none, several, or another suite (§5.1.3)."""
    if len(values) != 1:
        return None
    theirs = parse(values[0])
    if theirs is None:
        return None
    ours = next((crypto for crypto in offer if crypto.tag == theirs.tag and crypto.suite == theirs.suite), None)
    return None if ours is None else (ours, theirs)


def _is_harmless(parameter: str) -> bool:
    return parameter.upper().startswith(_HARMLESS)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) & 3), validate=True)
    except (binascii.Error, ValueError):
        return b""
