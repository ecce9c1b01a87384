"""The house's own descriptions, and the re-INVITE by which it takes a leg that talks elsewhere.

Theory of operation. The house has no socket: its descriptions go to an engine, which puts its own address in their
place and sends what the leg says nowhere. An :class:`Anchor` is a joining with one leg only: the house offers, the leg
answers, the engine has both. Another joining of the same call waits until it is done: one leg takes one re-INVITE at
a time (RFC 3261 §14.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from routerd.b2bua.call_media import HOUSE
from routerd.b2bua.joining import Join
from routerd.errors import SdpError
from routerd.media import offer_answer, sdp

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.leg import Leg
    from routerd.sip.message import Response

NOWHERE: Final = ("127.0.0.1", 9)
"""Where the house listens: the discard port of the engine's own machine (RFC 863)."""
SPOKEN: Final = ("PCMA", "PCMU", "G722", "telephone-event")
_HEAD: Final = f"v=0\r\no=house 1 1 IN IP4 {NOWHERE[0]}\r\ns=-\r\nc=IN IP4 {NOWHERE[0]}\r\nt=0 0\r\n".encode()
_OFFER: Final = (
    _HEAD
    + (
        f"m=audio {NOWHERE[1]} RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    ).encode()
)

Anchored = Callable[[bool, float], None]


def house_offer() -> bytes:
    """Return what the house offers to the engine."""
    return _OFFER


def house_answer(offered: bytes) -> bytes:
    """Return the house's answer to an offer that came out of the engine: its first audio line, all others refused.

    Raises SdpError when it has no speech that an engine can play.
    """
    session = sdp.parse(offer_answer.filter_codecs(offered, SPOKEN))
    taken = next((media for media in session.media if media.kind == "audio" and media.port and media.is_rtp), None)
    if taken is None:
        raise SdpError("no audio line that the house could take")
    lines = []
    for media in session.media:
        if media is not taken:
            offer_answer.refuse_line(media)
            lines.append(media.lines[0])
            continue
        direction = offer_answer.answer_direction(session.direction_of(media))
        kept = [line for line in media.lines[1:] if line.startswith(("a=rtpmap:", "a=fmtp:", "a=ptime:"))]
        media.port = NOWHERE[1]
        lines += [media.lines[0], *kept, f"a={direction}"]
    return _HEAD + "".join(f"{line}\r\n" for line in lines).encode()


class Anchor(Join):
    """One leg on its way to the house; ``then(there, now)`` once, unless the call ends first."""

    __slots__ = ("_next", "_then")

    def __init__(self, call: Call, leg: Leg, then: Anchored) -> None:
        super().__init__(call, leg, leg)
        self._then = then
        self._next: Callable[[float], None] | None = None

    def start(self, now: float) -> None:
        """Offer, through the engine."""
        self.call.join = self
        self.phase = "offering"
        self.call.media.offer(house_offer(), HOUSE, self.first, self._relayed, now)

    def follow(self, step: Callable[[float], None]) -> bool:
        """Let ``step(now)`` come when this is done, however it ends."""
        self._next = step
        return True

    def _answered(self, response: Response, now: float) -> None:
        self.first.acknowledge_response(response)
        self.first.local_sdp = self.offer
        if not response.body:
            self._fail(488, now)
            return
        self.first.remote_sdp = response.body
        self.phase = "answering"
        self.call.media.answer(response.body, HOUSE, self.first, self._finished, now)

    def _finished(self, answer: bytes | None, now: float) -> None:
        if not self.done:
            self._over(there=answer is not None, now=now)

    def _fail(self, status: int, now: float) -> None:
        self.call.exchange.note("anchor_failed", str(status))
        self._over(there=False, now=now)

    def _over(self, *, there: bool, now: float) -> None:
        self._end()
        step, self._next = self._next, None
        if step is not None:
            step(now)
        else:
            self._then(there, now)
