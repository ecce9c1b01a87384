"""Which SIP messages a call has seen: method or status, when, which way, on which leg; no headers and no bodies.

Theory of operation. A call tells of each leg's Call-ID (:meth:`Ladders.join`). Every message that goes out or comes in
is looked up by its Call-ID, which is found in the bytes by two searches; what belongs to a call becomes a step of seven
bytes. Repeated messages are steps of their own: they are what one looks for. The record takes the steps along
(:meth:`Ladders.take`), at most ``most`` of them and the number of those left out; :func:`rows` reads them back.

The same table tells to which call a message belongs (:meth:`Ladders.call_of`), so that all legs of a call can be told
by one name to whoever captures SIP; with ``linger_s`` for a while after the call, too.
"""

from __future__ import annotations

from collections import deque
from struct import Struct
from struct import error as StructError  # noqa: N812 - a class, whatever the library calls it
from typing import TYPE_CHECKING, Any, Final

from routerd.sip.message import Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from routerd.sip.message import Request

METHODS: Final = (
    "", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY", "MESSAGE",
    "SUBSCRIBE", "REGISTER", "PUBLISH",
)  # fmt: skip
MOST_LEGS: Final = 100
_STEP: Final = Struct("<IBH")
_PACK: Final = _STEP.pack
_SHIFTED_TEXT: Final = {name: number << 10 for number, name in enumerate(METHODS)}
_SHIFTED: Final = {name[:3].encode(): number << 10 for number, name in enumerate(METHODS) if name}
_STATUSES: Final = {str(status).encode(): status for status in range(100, 700)}
_OUT: Final = 128
_STATUS: Final = 1023
_CALL_ID: Final = b"\r\nCall-ID: "
_CSEQ: Final = b"\r\nCSeq: "


class Ladder:
    """The steps of one call so far."""

    __slots__ = ("call", "left_out", "legs", "names", "start", "steps")

    def __init__(self, call: str, start: float) -> None:
        self.call = call
        self.start = start
        self.names: list[str] = []
        self.legs: list[tuple[bytes, str]] = []  # their Call-IDs
        self.steps = bytearray()
        self.left_out = 0


class Ladders:
    """The ladders of all calls of a switch; ``now`` is set by the switch whenever something happens."""

    __slots__ = ("_by_call", "_heard", "_linger_s", "_most_bytes", "_over", "legs", "now")

    def __init__(self, most: int, linger_s: float = 0.0) -> None:
        self._most_bytes = most * _STEP.size
        self._linger_s = linger_s
        self._by_call: dict[str, Ladder] = {}
        self._over: deque[tuple[float, Ladder]] = deque()
        self.legs: dict[bytes, tuple[Ladder, int]] = {}
        self._heard: dict[str, tuple[Ladder, int]] = {}  # the same, for what is parsed already
        self.now = 0.0

    def __len__(self) -> int:
        return len(self._by_call)

    # -- calls --

    def begin(self, call: str) -> None:
        """Begin the ladder of a new call."""
        if self._most_bytes or self._linger_s:
            self._by_call[call] = Ladder(call, self.now)
        while self._over and self._over[0][0] <= self.now:
            self._forget_legs(self._over.popleft()[1])

    def join(self, call: str, call_id: str, name: str, first: Request | None = None) -> None:
        """Tell of a leg with this Call-ID; ``first`` is the request that it began with, where that came in."""
        ladder = self._by_call.get(call)
        if ladder is None or len(ladder.legs) >= MOST_LEGS:
            return
        key = call_id.encode("utf-8", "surrogateescape")
        self.legs[key] = self._heard[call_id] = (ladder, len(ladder.legs))
        ladder.legs.append((key, call_id))
        ladder.names.append(name)
        if first is not None:
            self.heard(first)

    def take(self, call: str) -> dict[str, Any] | None:
        """Give what the record keeps of a call's ladder: ``legs``, ``steps``, ``left_out``."""
        ladder = self._by_call.get(call)
        if ladder is None or not ladder.steps:
            return None
        return {"legs": list(ladder.names), "steps": bytes(ladder.steps), "left_out": ladder.left_out}

    def forget(self, call: str) -> None:
        """The call is over."""
        ladder = self._by_call.pop(call, None)
        if ladder is None:
            return
        if self._linger_s:
            self._over.append((self.now + self._linger_s, ladder))
        else:
            self._forget_legs(ladder)

    def _forget_legs(self, ladder: Ladder) -> None:
        for key, text in ladder.legs:
            known = self.legs.get(key)
            if known is not None and known[0] is ladder:
                del self.legs[key], self._heard[text]

    def call_of(self, data: bytes) -> str:
        """Give the call to which a message belongs, else its own Call-ID ("": it has none)."""
        start = data.find(_CALL_ID) + len(_CALL_ID)
        if start < len(_CALL_ID):
            return ""
        key = data[start : data.find(b"\r", start)]
        known = self.legs.get(key)
        return known[0].call if known is not None else key.decode("utf-8", "replace")

    # -- messages --

    def heard(self, message: Request | Response) -> None:
        """Take a message that came in."""
        known = self._heard.get(message.call_id)
        if known is None:
            return
        code = _SHIFTED_TEXT.get(message.cseq.method, 0)
        if type(message) is Response:
            code |= message.status
        ladder = known[0]
        steps = ladder.steps
        if len(steps) < self._most_bytes:
            steps += _PACK(int((self.now - ladder.start) * 1000), known[1], code)
        else:
            ladder.left_out += 1

    def sent(self, data: bytes) -> None:
        """Take a message of ours that goes out: its parts stand where we write them."""
        start = data.find(_CALL_ID, 24) + 11
        end = data.find(b"\r", start)
        known = self.legs.get(data[start:end])
        if known is None:
            return
        if data.startswith(b"SIP/2.0 "):
            line = end if data.startswith(_CSEQ, end) else data.find(_CSEQ)
            start = data.find(b" ", line + 8) + 1
            code = _SHIFTED.get(data[start : start + 3], 0) | _STATUSES.get(data[8:11], 0)
        else:
            code = _SHIFTED.get(data[:3], 0)
        ladder = known[0]
        steps = ladder.steps
        if len(steps) < self._most_bytes:
            steps += _PACK(int((self.now - ladder.start) * 1000), known[1] | _OUT, code)
        else:
            ladder.left_out += 1


def rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the steps of a record's ladder: ``at_s`` since the call came, ``leg``, ``direction``, ``text``.

    ``direction`` is ``in`` (to us) or ``out``; ``method`` is the request's, for a response that of its CSeq.
    """
    kept = record.get("ladder")
    if isinstance(kept, list):
        return kept  # as the API tells them
    if not isinstance(kept, dict):
        return []
    names = [str(name) for name in kept.get("legs") or ()]
    try:
        return list(_read(kept.get("steps") or b"", names))
    except (StructError, TypeError):
        return []


def _read(steps: bytes, names: list[str]) -> Iterator[dict[str, Any]]:
    for ms, leg, code in _STEP.iter_unpack(steps):
        number, status = leg & ~_OUT, code & _STATUS
        method = METHODS[code >> 10] if code >> 10 < len(METHODS) else ""
        name = names[number] if number < len(names) else str(number)
        yield {
            "at_s": ms / 1000,
            "leg": name,
            "direction": "out" if leg & _OUT else "in",
            "method": method or "?",
            "status": status or None,
            "text": f"{status} ({method or '?'})" if status else method or "?",
        }
