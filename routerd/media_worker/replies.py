"""Replies by cookie: a command that is sent again because its reply was lost must not be done again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from routerd.media.relay_lane import Address

KEEP_S: Final = 10.0
MAX_REPLIES: Final = 20_000


class ReplyCache:
    """Two generations of replies, turned every ``KEEP_S`` or when one is full: each is kept that long at least."""

    __slots__ = ("_new", "_old", "_turned_s")

    def __init__(self) -> None:
        self._new: dict[tuple[Address, str], bytes] = {}
        self._old: dict[tuple[Address, str], bytes] = {}
        self._turned_s: float = 0.0

    def find(self, source: Address, cookie: str, now: float) -> bytes | None:
        """The reply that this command got before, None when it is new."""
        if now - self._turned_s > KEEP_S or len(self._new) > MAX_REPLIES:
            self._old, self._new, self._turned_s = self._new, {}, now
        key = (source, cookie)
        return self._new.get(key) or self._old.get(key)

    def keep(self, source: Address, cookie: str, reply: bytes, now: float) -> None:
        """Remember a reply."""
        if not self._new and not self._old:
            self._turned_s = now
        self._new[source, cookie] = reply

    def __len__(self) -> int:
        """Replies kept."""
        return len(self._new) + len(self._old)
