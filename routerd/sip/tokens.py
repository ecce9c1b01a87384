"""Where branch, tag, Call-ID and cnonce come from (RFC 3261 §8.1.1.7, §19.3; RFC 7616 §3.4).

The SIP floor draws no chance by itself: whoever builds a switch hands it a ``Tokens``. ``PoolTokens`` asks the injected
``draw`` for thousands of random bytes at a time, writes them down as hexadecimal digits once, and gives every digit out
exactly once; a token therefore costs one slice. ``SeededTokens`` is the same with a deterministic stream, for simulated
worlds: equal seeds give equal tokens in equal order.

The process id stands in branch (after the magic cookie), tag and Call-ID, before the first ``-``, so that a dispatcher
in front of several processes can route by it (``process_of``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from routerd.errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

MAGIC_COOKIE = "z9hG4bK"
TOKEN_DIGITS = 16  # 64 bits: branch, tag, cnonce
CALL_ID_DIGITS = 32  # 128 bits: two elements may never draw the same (RFC 3261 §8.1.1.4)
POOL_BYTES = 4096
SEEDED_POOL_BYTES = 512
MASK_64 = (1 << 64) - 1


class Tokens(Protocol):
    """A source of chance; every method draws anew."""

    def branch(self) -> str:
        """Give a Via branch with the magic cookie (RFC 3261 §8.1.1.7)."""
        ...

    def tag(self) -> str:
        """Give a From or To tag of at least 64 random bits (RFC 3261 §19.3)."""
        ...

    def call_id(self) -> str:
        """Give a Call-ID, unique over space and time (RFC 3261 §8.1.1.4)."""
        ...

    def nonce(self) -> str:
        """Give a client nonce for digest credentials (RFC 7616 §3.4)."""
        ...

    def number(self, below: int) -> int:
        """Give a whole number from 0 to ``below - 1``, evenly; ``LocalProtocolError`` when ``below`` is under 1."""
        ...

    def shuffle(self, items: list[Any]) -> None:
        """Put ``items`` into an even random order, in place."""
        ...


class PoolTokens:
    """Tokens from pools of random bytes: one call of ``draw`` a pool.

    ``draw(size_bytes)`` gives that many unguessable bytes (the edge injects the operating system's source).
    ``process_id`` is letters and digits only. Raises ``LocalProtocolError`` when one of both does not hold.
    """

    __slots__ = ("_branch_prefix", "_digits", "_draw", "_position", "_prefix", "_size_bytes")

    def __init__(self, draw: Callable[[int], bytes], process_id: str = "0", size_bytes: int = POOL_BYTES) -> None:
        if not (process_id.isascii() and process_id.isalnum()):
            raise LocalProtocolError(f"process id {process_id!r} is not letters and digits")
        if size_bytes * 2 < CALL_ID_DIGITS:
            raise LocalProtocolError(f"a pool of {size_bytes} bytes does not hold one Call-ID")
        self._draw = draw
        self._size_bytes = size_bytes
        self._prefix = process_id + "-"
        self._branch_prefix = MAGIC_COOKIE + self._prefix
        self._digits = ""
        self._position = 0

    def _take(self, count: int) -> str:
        """Give ``count`` digits that were never given before."""
        start = self._position
        end = start + count
        if end > len(self._digits):
            self._refill()
            start, end = 0, count
        self._position = end
        return self._digits[start:end]

    def _refill(self) -> None:
        pool = self._draw(self._size_bytes)
        if len(pool) != self._size_bytes:
            raise LocalProtocolError(f"asked for {self._size_bytes} random bytes, got {len(pool)}")
        self._digits = pool.hex()
        self._position = 0

    def branch(self) -> str:
        """Give a Via branch with the magic cookie (RFC 3261 §8.1.1.7)."""
        return self._branch_prefix + self._take(TOKEN_DIGITS)

    def tag(self) -> str:
        """Give a From or To tag of 64 random bits (RFC 3261 §19.3)."""
        return self._prefix + self._take(TOKEN_DIGITS)

    def call_id(self) -> str:
        """Give a Call-ID of 128 random bits, without a host: topology stays at home (RFC 3261 §8.1.1.4)."""
        return self._prefix + self._take(CALL_ID_DIGITS)

    def nonce(self) -> str:
        """Give a client nonce of 64 random bits for digest credentials (RFC 7616 §3.4)."""
        return self._take(TOKEN_DIGITS)

    def number(self, below: int) -> int:
        """Give a whole number from 0 to ``below - 1``; ``LocalProtocolError`` when ``below`` is not in 1…2**64."""
        if not 1 <= below <= MASK_64 + 1:
            raise LocalProtocolError(f"no number below {below}")
        usable = (MASK_64 + 1) - (MASK_64 + 1) % below  # the rest above would favour small numbers
        while True:
            drawn = int(self._take(TOKEN_DIGITS), 16)
            if drawn < usable:
                return drawn % below

    def shuffle(self, items: list[Any]) -> None:
        """Put ``items`` into an even random order, in place (Fisher and Yates)."""
        for last in range(len(items) - 1, 0, -1):
            other = self.number(last + 1)
            items[last], items[other] = items[other], items[last]


class SeededTokens(PoolTokens):
    """Tokens of a simulated world: the same ``seed`` gives the same tokens. Guessable, so never for a network."""

    __slots__ = ("_state",)

    def __init__(self, seed: int, process_id: str = "0") -> None:
        self._state = seed & MASK_64
        super().__init__(self._stream, process_id, SEEDED_POOL_BYTES)

    def _stream(self, size_bytes: int) -> bytes:
        """Give the stream's next bytes: splitmix64 (Steele, Lea, Flood 2014)."""
        words: list[bytes] = []
        state = self._state
        for _ in range((size_bytes + 7) // 8):
            state = (state + 0x9E3779B97F4A7C15) & MASK_64
            word = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK_64
            word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK_64
            words.append((word ^ (word >> 31)).to_bytes(8, "big"))
        self._state = state
        return b"".join(words)[:size_bytes]


def process_of(token: str) -> str | None:
    """Give the process id in a branch, tag or Call-ID of ours, or None when it bears none."""
    process_id, dash, rest = token.removeprefix(MAGIC_COOKIE).partition("-")
    if not dash or not rest or not process_id.isalnum():
        return None
    return process_id
