"""Reliable provisional responses: RSeq, RAck and PRACK (RFC 3262).

Theory of operation: the UAS keeps one ``ReliableSender`` an INVITE. It numbers the responses, repeats the first that no
PRACK has acknowledged (T1, doubling, given up after 64*T1) and holds the next one back until then (§3). The UAC keeps
one ``ReliableReceiver`` an early dialog; it lets responses through in order and once, and says what RAck the PRACK of
each must bear (§4). Neither sends PRACK or its 200: these are ordinary requests of the dialog.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from routerd.errors import LocalProtocolError, ParseError, RemoteProtocolError
from routerd.sip import grammar
from routerd.sip.timers import T1, TIMEOUT, Timer, TimerQueue

if TYPE_CHECKING:
    from routerd.sip.message import Request, Response

MAX_RSEQ: Final = 2**32 - 1
FIRST_RSEQ_BELOW: Final = 2**31
"""The first RSeq is to be drawn from 1 to 2**31 - 1 (§3)."""


class ReliableSenderUser(Protocol):
    """Who has responses sent reliably: the leg that serves the INVITE."""

    def send_reliable(self, response: Response, now: float) -> None:
        """Send or repeat the response, by ``TransactionLayer.respond``."""

    def prack_timed_out(self, sender: ReliableSender, now: float) -> None:
        """Take note that no PRACK came within 64*T1; reject the INVITE with a 5xx next (§3)."""


class ReliableSender:
    """The UAS's side for one INVITE.

    ``cseq`` is the INVITE's number, ``first_rseq`` an injected random number from 1 to 2**31 - 1.
    Call ``stop`` when the final response goes out: a PRACK that is under way still matches after it.
    """

    __slots__ = ("_cseq", "_due", "_interval", "_queue", "_rseq", "_timer", "_timers", "_user")

    def __init__(self, user: ReliableSenderUser, timers: TimerQueue, cseq: int, first_rseq: int) -> None:
        self._user: ReliableSenderUser | None = user
        self._timers: TimerQueue = timers
        self._cseq: int = cseq
        self._rseq: int = first_rseq
        self._queue: deque[tuple[int, Response]] = deque()
        self._interval: float = T1
        self._due: float = 0.0
        self._timer: Timer | None = None

    @property
    def pending(self) -> bool:
        """Whether a response waits for its PRACK; a 2xx must wait too if that one bears a description (§3)."""
        return bool(self._queue)

    def send(self, response: Response, now: float) -> int:
        """Send a response of 101 to 199 reliably, now or after those before it; return its RSeq.

        Adds Require and RSeq. Raises ``LocalProtocolError`` for another status and after ``stop``.
        """
        if not 100 < response.status < 200 or self._user is None:
            raise LocalProtocolError(f"{response.status} cannot be sent reliably now")
        rseq = self._rseq
        self._rseq += 1
        response.add("Require", "100rel")
        response.add("RSeq", str(rseq))
        self._queue.append((rseq, response))
        if len(self._queue) == 1:
            self._start(now)
        return rseq

    def prack(self, request: Request, now: float) -> bool:
        """Match a PRACK; answer it with 200 if True, with 481 if False (§3). The next response goes out.

        Raises ``RemoteProtocolError`` (400) when its RAck is missing or malformed.
        """
        rseq, cseq, method = parse_rack(request)
        queue = self._queue
        if not queue or (rseq, cseq, method) != (queue[0][0], self._cseq, "INVITE"):
            return False
        queue.popleft()
        self._stop_timer()
        if queue and self._user is not None:
            self._start(now)
        return True

    def stop(self) -> None:
        """Repeat nothing more: the final response goes out. What was not sent yet never will be."""
        self._stop_timer()
        self._user = None
        while len(self._queue) > 1:
            self._queue.pop()

    def timer_fired(self, _name: str, now: float) -> None:
        """Repeat the response, or give up after 64*T1 (``TimerTarget``)."""
        user = self._user
        timer = self._timer
        if user is None or timer is None or not self._queue:
            return
        if now >= self._due:
            self.stop()
            self._queue.clear()
            user.prack_timed_out(self, now)
            return
        self._interval *= 2
        self._timers.again(timer, min(self._interval, self._due - now), self, now)
        user.send_reliable(self._queue[0][1], now)

    def _start(self, now: float) -> None:
        assert self._user is not None
        self._interval = T1
        self._due = now + TIMEOUT
        self._timer = self._timers.after(T1, self, "reliable", now)
        self._user.send_reliable(self._queue[0][1], now)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ReliableReceiver:
    """The UAC's side for one early dialog."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int = 0

    def take(self, response: Response) -> str | None:
        """Take a reliable provisional response; return the RAck value of the PRACK to send next.

        None means: drop the response. It came before (its PRACK transaction repeats by itself), out of order (the
        peer will repeat it, §4), or without a usable RSeq.
        """
        try:
            rseq = grammar.number(response.get("RSeq") or "", MAX_RSEQ)
            cseq = response.cseq
        except ParseError:
            return None
        if rseq == 0 or (self._last and rseq != self._last + 1):
            return None
        self._last = rseq
        return f"{rseq} {cseq.number} {cseq.method}"


def is_reliable(response: Response) -> bool:
    """Whether a response is a reliable provisional one, to be given to ``ReliableReceiver.take`` (§4)."""
    return 100 < response.status < 200 and response.get("RSeq") is not None and "100rel" in response.require


def parse_rack(request: Request) -> tuple[int, int, str]:
    """Read the RAck of a PRACK: RSeq, CSeq number, method (§7.2). Raises ``RemoteProtocolError`` (400)."""
    words = (request.get("RAck") or "").split()
    if len(words) != 3:
        raise RemoteProtocolError("PRACK without a proper RAck", 400)
    try:
        return grammar.number(words[0], MAX_RSEQ), grammar.number(words[1], 2**31 - 1), words[2]
    except ParseError as error:
        raise RemoteProtocolError(str(error), 400) from error
