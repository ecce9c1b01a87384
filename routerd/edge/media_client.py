"""The ng protocol's client side: commands to the media engines, answers and events back to the switch.

Theory of operation. One datagram socket for all engines. Each command gets a fresh cookie and is sent again with the
same cookie until the reply is there or its deadline has passed (then the switch gets None); the engine answers a
repeated cookie from its cache. Every ``PING_EVERY_S`` each engine is pinged: ``PINGS_LOST`` silent ones in a row, so at
most two seconds, make it ``lost``, whether it died, hangs or cannot be reached; what it was asked before is answered
with None then, what it is asked from then on has its deadline, in which it may come back. The first pong of all, and
the first after a loss, makes it ``up``; a pong whose ``started`` differs from the last ``restarted`` (its sessions are
gone). Both bear the pong, with the engine's ``capabilities``. Datagrams that bear an ``event`` are events of it.

An rtpengine's pong has no ``started``: now and then it is asked for its statistics in place of a ping, and an uptime
that went back says the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from routerd.b2bua.effects import MediaAnswer, MediaEvent
from routerd.edge import clock
from routerd.errors import MediaError
from routerd.media import ng

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.b2bua.effects import Answer, AskMedia
    from routerd.edge.metrics import Sample
    from routerd.sip.flow import Address

DEADLINE_S = 3.0
RETRY_S = (0.15, 0.3, 0.6, 1.0)
PING_EVERY_S = 0.45
PINGS_LOST = 3
PINGS_AN_UPTIME = 4
DIGITS = 16
PONG_COUNTS = {
    "media_sessions_active": "sessions",
    "media_packets_total": "packets-total",
}


class _Question:
    """One command that is out."""

    __slots__ = ("datagram", "deadline", "engine", "number", "timer", "tries")

    def __init__(self, number: int, engine: int, datagram: bytes, deadline: float) -> None:
        self.number = number
        self.engine = engine
        self.datagram = datagram
        self.deadline = deadline
        self.tries = 0
        self.timer: asyncio.TimerHandle | None = None


class _Engine:
    """What is known of one engine."""

    __slots__ = ("address", "cookie", "lost", "pings", "pong", "started", "unanswered", "uptime_s")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.cookie = ""
        self.unanswered = 0
        self.pings = 0
        self.uptime_s = 0
        self.lost = False
        self.started: str | None = None
        self.pong: dict[str, Any] = {}


class MediaClient(asyncio.DatagramProtocol):
    """Talks to ``engines`` (``(host, port)`` each, by index); ``answer`` hears MediaAnswer and MediaEvent.

    ``draw`` gives cookies' digits (``tokens.nonce``). Open with :func:`open_media`, then ``ask``; end with ``close``.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        engines: Sequence[Address],
        answer: Callable[[Answer], None],
        draw: Callable[[], str],
        *,
        deadline_s: float = DEADLINE_S,
        ping_every_s: float = PING_EVERY_S,
    ) -> None:
        self._loop = loop
        self._engines = [_Engine(address) for address in engines]
        self._by_address = {address: index for index, address in enumerate(engines)}
        self._answer = answer
        self._draw = draw
        self._prefix = draw()
        self._cookies = 0
        self._deadline_s = deadline_s
        self._ping_every_s = ping_every_s
        self._questions: dict[str, _Question] = {}
        self._one_way: Counter[tuple[str, str]] = Counter()
        self._transport: asyncio.DatagramTransport | None = None
        self._pinger: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to ping."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._ping()

    def ask(self, effect: AskMedia) -> None:
        """Send one command; the answer comes within the deadline, whatever happens."""
        if not 0 <= effect.engine < len(self._engines):
            self._loop.call_soon(self._answer, MediaAnswer(effect.number, None))
            return
        cookie = self._cookie()
        try:
            datagram = ng.encode_command(cookie, effect.command)
        except MediaError:
            self._loop.call_soon(self._answer, MediaAnswer(effect.number, None))
            return
        question = _Question(effect.number, effect.engine, datagram, clock.monotonic() + self._deadline_s)
        self._questions[cookie] = question
        self._try(cookie, question)

    def up(self, engine: int) -> bool:
        """Whether the engine answers pings."""
        state = self._engines[engine]
        return state.started is not None and not state.lost

    def samples(self) -> list[Sample]:
        """Give what the engines said of themselves in their last pongs, as sums, and the one-way calls they noticed."""
        pongs = [engine.pong for engine in self._engines if engine.pong and not engine.lost]
        told = {
            name: [pong[key] for pong in pongs if isinstance(pong.get(key), int)] for name, key in PONG_COUNTS.items()
        }
        one_way: list[Sample] = [
            ("media_one_way_total", {"direction": direction, "cause": cause}, float(count))
            for (direction, cause), count in sorted(self._one_way.items())
        ]
        return [*((name, {}, float(sum(counts))) for name, counts in told.items() if counts), *one_way]

    def close(self) -> None:
        """Close the socket; open questions are not answered any more."""
        if self._pinger is not None:
            self._pinger.cancel()
        for question in self._questions.values():
            if question.timer is not None:
                question.timer.cancel()
        self._questions.clear()
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Take a reply, a pong or an event; whatever is none of these is dropped."""
        engine = self._by_address.get((addr[0], addr[1]))
        if engine is None:
            return  # nobody else speaks for our engines
        try:
            cookie, reply = ng.decode_reply(data)
        except MediaError:
            return
        if ng.is_notification(reply):
            if reply["event"] == "one-way":
                heard = "callee" if str(reply.get("silent", "")).endswith("caller") else "caller"
                self._one_way[f"{heard} only", str(reply.get("cause", "unknown"))] += 1
            self._answer(MediaEvent(engine, str(reply["event"]), reply))
            return
        if cookie == self._engines[engine].cookie:
            self._pong(engine, reply)
            return
        question = self._questions.pop(cookie, None)
        if question is not None:
            if question.timer is not None:
                question.timer.cancel()
            self._answer(MediaAnswer(question.number, reply))

    def error_received(self, exc: Exception) -> None:
        """Let the retries and the deadline decide: an engine that restarts refuses for a moment."""
        _ = exc

    def _cookie(self) -> str:
        self._cookies += 1
        return f"{self._prefix}{self._cookies:x}"

    def _send(self, datagram: bytes, address: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(datagram, address)

    def _try(self, cookie: str, question: _Question) -> None:
        self._send(question.datagram, self._engines[question.engine].address)
        wait_s = RETRY_S[min(question.tries, len(RETRY_S) - 1)]
        question.tries += 1
        left_s = max(0.0, question.deadline - clock.monotonic())
        question.timer = self._loop.call_later(min(wait_s, left_s), self._again, cookie)

    def _again(self, cookie: str) -> None:
        question = self._questions.get(cookie)
        if question is None:
            return
        if clock.monotonic() >= question.deadline:
            del self._questions[cookie]
            self._answer(MediaAnswer(question.number, None))
        else:
            self._try(cookie, question)

    def _ping(self) -> None:
        for index, engine in enumerate(self._engines):
            if engine.unanswered >= PINGS_LOST and not engine.lost:
                self._lose(index, engine)
            engine.unanswered += 1
            engine.pings += 1
            engine.cookie = self._cookie()
            old_kind = engine.started == "" and engine.pings % PINGS_AN_UPTIME == 0
            self._send(ng.encode_command(engine.cookie, ng.statistics() if old_kind else ng.ping()), engine.address)
        self._pinger = self._loop.call_later(self._ping_every_s, self._ping)

    def _lose(self, index: int, engine: _Engine) -> None:
        engine.lost = True
        self._answer(MediaEvent(index, "lost", {}))
        for cookie in [cookie for cookie, question in self._questions.items() if question.engine == index]:
            question = self._questions.pop(cookie)
            if question.timer is not None:
                question.timer.cancel()
            self._answer(MediaAnswer(question.number, None))

    def _pong(self, index: int, reply: dict[str, Any]) -> None:
        engine = self._engines[index]
        engine.unanswered = 0
        known, was_lost = engine.started, engine.lost
        if reply.get("result") == "pong":
            engine.pong = reply
            engine.started = str(reply.get("started", ""))
        engine.lost = False
        anew = self._began_anew(engine, reply) or (known is not None and known != engine.started)
        if was_lost or known is None:
            self._answer(MediaEvent(index, "up", engine.pong))
        elif anew:
            self._answer(MediaEvent(index, "restarted", engine.pong))

    def _began_anew(self, engine: _Engine, reply: dict[str, Any]) -> bool:
        """Whether the uptime in an rtpengine's statistics is less than it was."""
        uptime_s = _uptime_s(reply)
        if uptime_s is None:
            return False
        before_s, engine.uptime_s = engine.uptime_s, uptime_s
        return uptime_s < before_s


def _uptime_s(reply: dict[str, Any]) -> int | None:
    """Seconds since an rtpengine began, which its statistics tell as text; None when this is something else."""
    statistics = reply.get("statistics")
    totals = statistics.get("totalstatistics") if isinstance(statistics, dict) else None
    uptime = totals.get("uptime") if isinstance(totals, dict) else None
    return int(uptime) if isinstance(uptime, str) and uptime.isdecimal() else None


async def open_media(
    engines: Sequence[Address], answer: Callable[[Answer], None], draw: Callable[[], str], host: str = "127.0.0.1"
) -> MediaClient:
    """Open the socket on ``host`` (the address that engines send to); raises ``OSError``."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_datagram_endpoint(
        lambda: MediaClient(loop, engines, answer, draw), local_addr=(host, 0)
    )
    return client
