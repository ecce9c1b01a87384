"""Who hears the answers of our own requests within a dialog: death, session refreshes, goodbyes.

Theory of operation. Each class is the :class:`routerd.b2bua.outgoing.Sender` of one kind of request. 481 and silence
mean that the dialog is gone (RFC 3261 §12.2.1.2), whatever was asked; a refresh that was refused for another reason is
tried again before the session expires (RFC 4028 §7.3, §10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.sip import session_timer

if TYPE_CHECKING:
    from routerd.b2bua.leg import Leg
    from routerd.b2bua.outgoing import Outgoing
    from routerd.sip.message import Response

DEAD: Final = frozenset({481, 408})
METHOD_REFUSED: Final = frozenset({405, 501})
REFRESH_AGAIN_S: Final = 10.0


class Watcher:
    """Looks at the responses of requests within a dialog for one thing: whether the dialog still lives (§12.2.1.2)."""

    __slots__ = ("leg",)

    def __init__(self, leg: Leg) -> None:
        self.leg = leg

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Take 481 and 408 as the peer's death."""
        if response.status >= 200:
            outgoing.close()
        if response.status in DEAD:
            self.lost(now)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:  # noqa: ARG002
        """Take silence as the peer's death."""
        self.lost(now)

    def lost(self, now: float) -> None:
        """Tell the call, where the leg still has one."""
        leg = self.leg
        if leg.call is not None and leg.talking:
            leg.call.leg_lost(leg, "dialog_gone", now)


def refresh(leg: Leg, now: float) -> None:
    """Refresh the session: by UPDATE where the peer knows it, else by a re-INVITE with what it has (RFC 4028 §7.4)."""
    if leg.outgoing_offer is not None or leg.incoming is not None:
        leg.refresh_again(REFRESH_AGAIN_S, now)
        return
    headers = leg.offer_headers()
    if leg.peer_updates or not leg.local_sdp:
        leg.send("UPDATE", now, extra=headers, sender=Refresh(leg, "UPDATE"))
        return
    leg.outgoing_offer = leg.send(
        "INVITE",
        now,
        extra=headers,
        body=leg.local_sdp,
        content_type="application/sdp",
        sender=Refresh(leg, "INVITE"),
    )


class Refresh(Watcher):
    """Hears the answers to session refreshes: a new interval, or 422 with a larger minimum (RFC 4028 §7.3)."""

    __slots__ = ("_accepted", "_method")

    def __init__(self, leg: Leg, method: str) -> None:
        super().__init__(leg)
        self._method = method
        self._accepted = False

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Run the interval that the answer names; try again where it was refused."""
        leg, status = self.leg, response.status
        if status < 200:
            return
        if self._accepted:
            leg.repeat_ack(response)
            return
        if leg.outgoing_offer is outgoing:
            leg.outgoing_offer = None
        if status >= 300:
            super().response_received(outgoing, response, now)
            self._refused(response, now)
            return
        self._accepted = True
        if self._method == "INVITE":
            leg.acknowledge_response(response)
        else:
            outgoing.close()
        leg.offer_accepted(response, now)

    def _refused(self, response: Response, now: float) -> None:
        leg = self.leg
        if not leg.talking or leg.session is None or response.status in DEAD:
            return
        if response.status in METHOD_REFUSED and self._method == "UPDATE":
            leg.peer_updates = False
            refresh(leg, now)
            return
        if response.status == 422:
            longer = leg.timer_offer().after_422(response)
            if longer is not None:
                interval_s = max(leg.session.interval_s, longer.min_se_s)
                leg.session = session_timer.SessionTimer(interval_s, refresher_is_us=True)
        leg.refresh_again(REFRESH_AGAIN_S, now)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Nobody there: the session is over."""
        if self.leg.outgoing_offer is outgoing:
            self.leg.outgoing_offer = None
        super().unanswered(outgoing, cause, now)


class Goodbye:
    """Closes the leg when its BYE is answered, whatever the answer, or given up (§15.1.1)."""

    __slots__ = ("leg",)

    def __init__(self, leg: Leg) -> None:
        self.leg = leg

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Any final response ends the dialog."""
        if response.status >= 200:
            outgoing.close()
            self.leg.close(now)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:  # noqa: ARG002
        """Silence ends it too."""
        self.leg.close(now)
