"""Session timers: finding out that a call is dead although nobody said BYE (RFC 4028).

Theory of operation: the two ends agree on an interval and on who refreshes. As UAS call ``negotiate_uas`` with every
INVITE and UPDATE and put ``response_headers`` into the 2xx; as UAC put ``request_headers`` into them and read the 2xx
with ``from_response``. The outcome, a ``SessionTimer``, says when: the refresher sends a re-INVITE or UPDATE after
``refresh_after_s``; who hears nothing for ``expire_after_s`` sends BYE (§10). Each 2xx starts both anew. No interval is
ever below 90 s (§4), so that nobody can make us refresh like mad.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.errors import ParseError, RemoteProtocolError
from routerd.sip import grammar

if TYPE_CHECKING:
    from routerd.sip.message import Message, Request, Response

MIN_SE: Final = 90
"""The least interval that may be asked for, seconds (RFC 4028 §4)."""
_MAX_INTERVAL: Final = 2**32 - 1
_BYE_AHEAD_S: Final = 32.0

Headers = list[tuple[str, str]]


class SessionTimerOffer:
    """What we want: ``interval_s``, at least ``min_se_s``, and as ``refresher`` one of ``us``, ``peer`` or nothing."""

    __slots__ = ("interval_s", "min_se_s", "refresher")

    def __init__(self, interval_s: int = 1800, min_se_s: int = MIN_SE, refresher: str = "") -> None:
        self.min_se_s: int = max(min_se_s, MIN_SE)
        self.interval_s: int = max(interval_s, self.min_se_s)
        self.refresher: str = refresher

    def after_422(self, response: Response) -> SessionTimerOffer | None:
        """Make the offer for the next try after a 422 (§7.3); None when its Min-SE gives us nothing new to try."""
        try:
            least = _min_se(response)
        except ParseError:
            return None
        if least <= self.min_se_s and least <= self.interval_s:
            return None
        return SessionTimerOffer(max(self.interval_s, least), least, self.refresher)


class SessionTimer:
    """An agreement: the interval in seconds, and whether it is us who refreshes."""

    __slots__ = ("interval_s", "refresher_is_us")

    def __init__(self, interval_s: int, *, refresher_is_us: bool) -> None:
        self.interval_s: int = max(interval_s, MIN_SE)
        self.refresher_is_us: bool = refresher_is_us

    @property
    def refresh_after_s(self) -> float:
        """When the refresher refreshes: at half the interval (§7.4)."""
        return self.interval_s / 2

    @property
    def expire_after_s(self) -> float:
        """When to send BYE if no refresh came: a third of the interval before its end, 32 s at most (§10)."""
        return self.interval_s - min(_BYE_AHEAD_S, self.interval_s / 3)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, SessionTimer)
            and self.interval_s == other.interval_s
            and self.refresher_is_us == other.refresher_is_us
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SessionTimer({self.interval_s}, refresher_is_us={self.refresher_is_us})"


def negotiate_uas(request: Request, ours: SessionTimerOffer | None) -> SessionTimer | None:
    """Agree, as UAS, on the timer of an INVITE or UPDATE (§9); None when there is to be none (``ours`` is None).

    We may shorten what the UAC asks for, down to its Min-SE, and never lengthen it. Raises ``RemoteProtocolError``:
    422 when the interval is below our least (answer with ``too_small_headers``), 400 when a header is malformed.
    """
    if ours is None:
        return None
    peer_knows = "timer" in request.supported or "timer" in request.require
    try:
        asked, refresher = _session_expires(request)
        least = _min_se(request)
    except ParseError as error:
        raise RemoteProtocolError(str(error), 400) from error
    if asked is not None and asked < ours.min_se_s:
        if peer_knows:
            raise RemoteProtocolError(f"Session-Expires {asked} below {ours.min_se_s}", 422)
        # A proxy's wish that we may neither refuse with 422 (§9) nor follow: as if it had not been there.
        asked = None
    wanted = max(ours.interval_s, least)
    interval = wanted if asked is None else min(asked, wanted)
    return SessionTimer(interval, refresher_is_us=_uas_refreshes(refresher, ours, peer_knows=peer_knows))


def too_small_headers(ours: SessionTimerOffer) -> Headers:
    """Make the header that a 422 must bear (§6)."""
    return [("Min-SE", str(ours.min_se_s))]


def response_headers(timer: SessionTimer | None, request: Request) -> Headers:
    """Make the headers of our 2xx to ``request`` (§9): Session-Expires, and Require where the UAC knows timers."""
    if timer is None:
        return []
    refresher = "uas" if timer.refresher_is_us else "uac"
    headers: Headers = [("Session-Expires", f"{timer.interval_s};refresher={refresher}")]
    if "timer" in request.supported or "timer" in request.require:
        headers.append(("Require", "timer"))
    return headers


def request_headers(ours: SessionTimerOffer | None, current: SessionTimer | None = None) -> Headers:
    """Make the headers of our INVITE or UPDATE (§7.1); within a call ``current`` keeps the roles as they are (§7.4).

    ``Supported: timer`` is among them; other option tags go to lines of their own or are joined by the caller.
    """
    if ours is None:
        return []
    interval = ours.interval_s if current is None else max(current.interval_s, ours.min_se_s)
    if current is not None:
        refresher = ";refresher=uac" if current.refresher_is_us else ";refresher=uas"
    else:
        refresher = {"us": ";refresher=uac", "peer": ";refresher=uas"}.get(ours.refresher, "")
    headers: Headers = [("Supported", "timer"), ("Session-Expires", f"{interval}{refresher}")]
    if ours.min_se_s > MIN_SE:
        headers.append(("Min-SE", str(ours.min_se_s)))
    return headers


def from_response(response: Response, ours: SessionTimerOffer | None, *, insist: bool = False) -> SessionTimer | None:
    """Read, as UAC, what a 2xx agreed on (§7.2); None when the session does not expire.

    A 2xx without Session-Expires comes from a peer that knows no timers: with ``insist`` we refresh all the same, which
    §7.2 allows and which finds a silent peer.
    """
    if ours is None:
        return None
    try:
        interval, refresher = _session_expires(response)
    except ParseError:
        interval, refresher = None, ""
    if interval is None:
        return SessionTimer(ours.interval_s, refresher_is_us=True) if insist else None
    return SessionTimer(interval, refresher_is_us=refresher != "uas")


def _uas_refreshes(refresher: str, ours: SessionTimerOffer, *, peer_knows: bool) -> bool:
    """Choose the refresher by table 2 of §9: the UAC's word counts; one that knows no timers cannot refresh."""
    if not peer_knows or refresher == "uas":
        return True
    return refresher != "uac" and ours.refresher == "us"


def _session_expires(message: Message) -> tuple[int | None, str]:
    """Read Session-Expires: interval and refresher parameter; (None, "") when there is none."""
    text = message.get("Session-Expires")
    if text is None:
        return None, ""
    digits, semicolon, params = text.partition(";")
    refresher = grammar.parse_params(semicolon + params).get("refresher") or ""
    return grammar.number(digits.strip(" \t"), _MAX_INTERVAL), refresher.lower()


def _min_se(message: Message) -> int:
    """Read Min-SE, never below 90 (§5: absent means 90)."""
    text = message.get("Min-SE")
    if text is None:
        return MIN_SE
    return max(MIN_SE, grammar.number(text.partition(";")[0].strip(" \t"), _MAX_INTERVAL))
