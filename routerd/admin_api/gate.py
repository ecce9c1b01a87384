"""The tokens in memory, and how often each may ask: the :class:`~routerd.admin_api.authentication.Gatekeeper`.

Theory of operation. All tokens are read at the start and kept by digest, so a request costs no disk. The token file's
token stands beside them: it is the first one, has the scope ``admin``, and works as long as the file says so. What was
used when is gathered and written down once in a while (``take_used``).
"""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING, Final

from routerd.admin_api.authentication import EVERY, Caller, digest_of
from routerd.admin_api.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from routerd.store.tokens import Token

TOKEN_BYTES: Final = 32
FILE_TOKEN: Final = "file"  # noqa: S105 - the id of the token file's token
REFUSED_PER_SECOND: Final = 0.5  # wrong tokens of one source
REFUSED_BURST: Final = 20


def token_of(path: Path) -> str:
    """Read the first token, making one (0600) when there is none; raises ``OSError``."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(token + "\n")
        return token


class Gate:
    """Knows who may ask. ``first`` is the token file's token; ``per_second`` and ``burst`` bound each token."""

    def __init__(
        self,
        first: str,
        *,
        per_second: float = 100.0,
        burst: float = 400.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._rates = Rates(per_second, burst)
        self._refused = Rates(REFUSED_PER_SECOND, REFUSED_BURST)
        self._callers: dict[bytes, Caller] = {}
        self._open = Rates(per_second, burst)
        self._used: dict[str, float] = {}
        self._fresh: dict[str, float] = {}
        self._take(Caller(FILE_TOKEN, "token file", frozenset({"admin"}), frozenset({EVERY}), digest_of(first)))

    def load(self, tokens: Iterable[Token]) -> None:
        """Know these tokens, too."""
        for token in tokens:
            self.add(token)

    def add(self, token: Token) -> None:
        """Know one more token."""
        scopes, accounts = frozenset(token.scopes), frozenset(token.accounts)
        self._take(Caller(token.id, token.name, scopes, accounts, token.digest, token.expires_at))

    def remove(self, token_id: str) -> None:
        """Forget a token."""
        self._callers = {digest: caller for digest, caller in self._callers.items() if caller.id != token_id}
        self._used.pop(token_id, None)

    def find(self, digest: bytes) -> Caller | None:
        """Give who has the token of that digest, unless it is over."""
        caller = self._callers.get(digest)
        if caller is None or (caller.expires_at is not None and caller.expires_at <= self._wall()):
            return None
        return caller

    def count(self, key: str) -> float:
        """Count one request of ``key``; the seconds after which it may ask again (0: it may now)."""
        wait_s = self._rates.take(key, self._clock())
        if not wait_s:
            self._used[key] = self._wall()
            if key != FILE_TOKEN:
                self._fresh[key] = self._used[key]
        return wait_s

    def open(self, source: str) -> float:
        """Count one request of ``source`` that needs no token; the seconds after which it may ask again."""
        return self._open.take(source, self._clock())

    def fail(self, source: str) -> float:
        """Count one refused token of ``source``; the seconds for which it gets 429 instead (0: none)."""
        return self._refused.take(source, self._clock())

    def used_at(self, token_id: str) -> float | None:
        """Give when a token was used last, since this process began."""
        return self._used.get(token_id)

    def take_used(self) -> dict[str, float]:
        """Give when tokens were used since the last time, by id, for the store."""
        used, self._fresh = self._fresh, {}
        return used

    def _take(self, caller: Caller) -> None:
        self._callers[caller.digest] = caller
