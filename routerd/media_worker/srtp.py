"""SRTP of one side of a line: packets in with the party's key, packets out with ours (RFC 3711, RFC 7714).

Nothing here raises on a packet: what is forged, replayed, too old or too long is None, and counted. A sender who begins
his sequence anew under the same SSRC cannot be encrypted under the same key without using a key stream twice; he
gets another SSRC on the secured side after ``RESTART_AFTER`` packets.
"""

from __future__ import annotations

import secrets
from typing import Final

from pylibsrtp import Error, Policy, Session

from routerd.errors import MediaError

MAX_BYTES: Final = 1300
RESTART_AFTER: Final = 25
MAX_ALIASES: Final = 64
PROFILES: Final = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
_SSRC: Final = slice(8, 12)


class Srtp:
    """Both directions. ``matches`` tells whether keys are still those of the last negotiation: then state is kept."""

    __slots__ = ("_aliases", "_decrypt", "_decrypt_rtcp", "_encrypt", "_encrypt_rtcp", "_keys", "_stuck", "refused")

    def __init__(self, suite: str, theirs: bytes, ours: bytes) -> None:
        """``theirs`` and ``ours`` are master key and salt; raises MediaError for a suite or length not served."""
        profile = PROFILES.get(suite)
        if profile is None:
            raise MediaError("SRTP: unknown suite")
        try:
            inbound = Session(Policy(theirs, Policy.SSRC_ANY_INBOUND, 0, profile))
            outbound = Session(Policy(ours, Policy.SSRC_ANY_OUTBOUND, 0, profile))
        except (Error, ValueError) as error:
            raise MediaError("SRTP: unusable key") from error
        self._keys: tuple[str, bytes, bytes] = (suite, theirs, ours)
        self._decrypt = inbound.unprotect
        self._decrypt_rtcp = inbound.unprotect_rtcp
        self._encrypt = outbound.protect
        self._encrypt_rtcp = outbound.protect_rtcp
        self._aliases: dict[bytes, bytes] = {}
        self._stuck: int = 0
        self.refused: int = 0  # forged, replayed, or without our key

    def matches(self, suite: str, theirs: bytes, ours: bytes) -> bool:
        """Whether these are the keys in use."""
        return self._keys == (suite, theirs, ours)

    def unprotect(self, data: bytes, *, rtcp: bool) -> bytes | None:
        """The plain packet, None when it is not authentic or was heard before."""
        try:
            plain = self._decrypt_rtcp(data) if rtcp else self._decrypt(data)
        except (Error, ValueError):
            self.refused += 1
            return None
        return bytes(plain)

    def protect(self, data: bytes, *, rtcp: bool) -> bytes | None:
        """The secured packet, None when it cannot be secured: too long, or sent before."""
        if len(data) > MAX_BYTES:
            return None
        if self._aliases:
            place = slice(4, 8) if rtcp else _SSRC
            alias = self._aliases.get(data[place])
            if alias is not None:
                data = data[: place.start] + alias + data[place.stop :]
        try:
            secured = self._encrypt_rtcp(data) if rtcp else self._encrypt(data)
        except (Error, ValueError):
            self._note_stuck(data, rtcp=rtcp)
            return None
        if not rtcp:
            self._stuck = 0
        return bytes(secured)

    def _note_stuck(self, data: bytes, *, rtcp: bool) -> None:
        """A packet was refused by its number; when many in a row are, the sender has begun anew."""
        if rtcp or len(data) < _SSRC.stop:
            return
        self._stuck += 1
        if self._stuck < RESTART_AFTER or len(self._aliases) >= MAX_ALIASES:
            return
        self._stuck = 0
        shown = data[_SSRC]
        known = next((ssrc for ssrc, alias in self._aliases.items() if alias == shown), shown)
        self._aliases[known] = secrets.token_bytes(4)
