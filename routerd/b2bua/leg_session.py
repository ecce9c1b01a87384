"""The session timer of a leg's dialog (RFC 4028): what is offered, who refreshes, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.b2bua.exchange import ALLOW
from routerd.sip import session_timer

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange
    from routerd.sip.message import Request
    from routerd.sip.session_timer import SessionTimer, SessionTimerOffer
    from routerd.sip.timers import Timer


class SessionLeg:
    """The part of a leg that keeps its session alive; see :class:`routerd.b2bua.leg.Leg`."""

    __slots__ = ("exchange", "name", "session", "session_timer")

    def __init__(self, exchange: Exchange, name: str) -> None:
        self.exchange = exchange
        self.name = name
        self.session: SessionTimer | None = None
        self.session_timer: Timer | None = None

    def timer_fired(self, name: str, now: float) -> None:  # noqa: ARG002 - the leg's
        """Hear ``refresh`` or ``expire``: the leg's."""
        raise AssertionError

    def timer_offer(self) -> SessionTimerOffer:
        """Return what we want of the session timer."""
        return session_timer.SessionTimerOffer(self.exchange.settings.session_expires_s)

    def _session_headers(self, request: Request) -> list[tuple[str, str]]:
        return session_timer.response_headers(self.session, request)

    def start_session(self, session: SessionTimer | None, now: float) -> None:
        """Run (or run anew) the session timer that was negotiated; None: none."""
        self._stop_session()
        self.session = session
        if session is not None:
            delay = session.refresh_after_s if session.refresher_is_us else session.expire_after_s
            name = "refresh" if session.refresher_is_us else "expire"
            self.session_timer = self.exchange.timers.after(delay, self, name, now)

    def _stop_session(self) -> None:
        if self.session_timer is not None:
            self.session_timer.cancel()
            self.session_timer = None

    def offer_headers(self) -> list[tuple[str, str]]:
        """Return the headers of a re-INVITE or UPDATE of ours: each is a refresh of the session too (RFC 4028 §7.4)."""
        headers = [("Allow", ALLOW), ("Supported", "replaces")]
        return [*headers, *session_timer.request_headers(self.timer_offer(), self.session)]

    def refresh_again(self, delay_s: float, now: float) -> None:
        """Try the refresh once more after ``delay_s``: glare, or a refusal that may pass."""
        if self.session_timer is not None:
            self.session_timer.cancel()
        self.session_timer = self.exchange.timers.after(delay_s, self, "refresh", now)
