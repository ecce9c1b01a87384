"""ICE of a side whose party has it: we are lite (RFC 8445 §2.5), so we answer checks and send none.

Theory of operation. A check is answered when it bears our user name, a seal made with our password, and a fingerprint.
Its source is then *validated* (handshakes may come from there); when it nominates, packets go there. Everything
else is counted and not answered, wrong credentials too: nobody learns from us whether a name was right, and an answer
never is longer than its question.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from routerd.errors import MediaError
from routerd.media import stun
from routerd.media.profiles import Ice

if TYPE_CHECKING:
    from routerd.media.relay_lane import Address

UFRAG_BYTES: Final = 6
PASSWORD_BYTES: Final = 18
MAX_VALIDATED: Final = 16
_ROLE_CONFLICT: Final = 487
_UNKNOWN_ATTRIBUTE: Final = 420


def fresh_credentials() -> Ice:
    """Credentials of ours, in characters that ICE allows (RFC 8839 §5.4): 48 and 144 bits of chance."""
    text = secrets.token_hex(UFRAG_BYTES), secrets.token_hex(PASSWORD_BYTES)
    return Ice(text[0], text[1], lite=True)


class IceLite:
    """One party's checks. ``nominated`` is where packets go, None before the first nomination."""

    __slots__ = ("_password", "_validated", "checks", "garbage", "nominated", "ours", "theirs", "wrong")

    def __init__(self, ours: Ice) -> None:
        self.ours: Ice = ours
        self._password: bytes = ours.password.encode()
        self.theirs: Ice | None = None
        self._validated: dict[Address, None] = {}
        self.nominated: Address | None = None
        self.checks: int = 0
        self.wrong: int = 0  # credentials that are not ours, or not theirs
        self.garbage: int = 0

    def meet(self, theirs: Ice) -> None:
        """The party's credentials came; others than before are another party, or one that began anew."""
        if self.theirs is not None and theirs.ufrag != self.theirs.ufrag:
            self._validated.clear()
            self.nominated = None
        self.theirs = theirs

    def is_validated(self, source: Address) -> bool:
        """Whether this source has proven that it knows our password."""
        return source in self._validated

    def take(self, data: bytes, source: Address) -> bytes | None:
        """Take a STUN datagram; the answer to send back to ``source``. Next: look at ``nominated``."""
        try:
            message = stun.parse(data)
        except MediaError:
            self.garbage += 1
            return None
        if message.kind != stun.BINDING_REQUEST or not message.has_fingerprint:
            self.garbage += message.kind != stun.BINDING_INDICATION  # that is a keep-alive
            return None
        if not self._is_addressed(message.username) or not message.is_authentic(self._password):
            self.wrong += 1
            return None
        self.checks += 1
        unknown = message.unknown
        if unknown:
            return stun.error(message.transaction, _UNKNOWN_ATTRIBUTE, self._password, unknown[:4])
        if message.get(stun.ICE_CONTROLLED) is not None:
            return stun.error(message.transaction, _ROLE_CONFLICT, self._password)
        self._validate(source)
        if message.get(stun.USE_CANDIDATE) is not None:
            self.nominated = source
        return stun.binding_success(message.transaction, source, self._password)

    def _is_addressed(self, username: str) -> bool:
        ours, colon, theirs = username.partition(":")
        return bool(colon) and ours == self.ours.ufrag and (self.theirs is None or theirs == self.theirs.ufrag)

    def _validate(self, source: Address) -> None:
        self._validated.pop(source, None)
        self._validated[source] = None
        if len(self._validated) > MAX_VALIDATED:
            oldest = next(one for one in self._validated if one != self.nominated)
            del self._validated[oldest]
