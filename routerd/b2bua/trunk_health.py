"""Is a trunk's far end there? OPTIONS at an interval (RFC 3261 §11).

Theory of operation. One OPTIONS is out at a time; what has not been answered when the next is due has failed. Any
final response but 408 and 503 is a sign of life, a challenge too, and is never answered. After ``down_after`` failures
in a row the trunk is down, with the first success it is up again. Calls skip a trunk that is down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua.keepalive import options
from routerd.b2bua.outgoing import Outgoing
from routerd.errors import ParseError
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange
    from routerd.b2bua.live_state import AccountState
    from routerd.rules.tables import Trunk
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request, Response
    from routerd.sip.timers import Timer

FAILING: Final = frozenset({408, 503})
FIRST_WITHIN_MS: Final = 1000


class HealthCheck:
    """The health of one trunk; begins with :meth:`start`."""

    __slots__ = (
        "_account",
        "_call_id",
        "_changed_at",
        "_cseq",
        "_down_after",
        "_exchange",
        "_failures",
        "_interval_s",
        "_last",
        "_outgoing",
        "_state",
        "_timer",
        "_trunk",
    )

    def __init__(self, exchange: Exchange, account: str, trunk: Trunk, state: AccountState) -> None:
        assert trunk.health is not None
        self._exchange = exchange
        self._account = account
        self._trunk = trunk
        self._state = state
        self._interval_s = max(1.0, trunk.health.interval_s)
        self._down_after = max(1, trunk.health.down_after)
        self._failures = 0
        self._last = "unknown"
        self._changed_at: float | None = None
        self._call_id = exchange.tokens.call_id()
        self._cseq = 0
        self._outgoing: Outgoing | None = None
        self._timer: Timer | None = None

    def start(self, now: float) -> None:
        """Begin; the first OPTIONS goes out within a second."""
        delay_s = self._exchange.tokens.number(FIRST_WITHIN_MS) / 1000
        self._timer = self._exchange.timers.after(delay_s, self, "check", now)

    def stop(self) -> None:
        """End; the trunk counts as up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._close()
        self._state.down.discard(self._trunk.id)

    def view(self) -> dict[str, Any]:
        """Return the health for people and programs."""
        changed = None if self._changed_at is None else self._exchange.wall(self._changed_at)
        return {"last": self._last, "failures": self._failures, "changed_at": changed}

    def timer_fired(self, _name: str, now: float) -> None:
        """Send the next OPTIONS."""
        self._timer = self._exchange.timers.after(self._interval_s, self, "check", now)
        if self._outgoing is not None:
            self._close()
            self._failed("timeout", now)
        outgoing = self._outgoing = Outgoing(self._exchange, self, self._recipe)
        outgoing.start(self._trunk.outbound_proxy or self._trunk.target, None, now)

    def _recipe(self, flow: Flow, branch: str) -> Request:
        self._cseq += 1
        uri = server_uri(self._trunk.target)
        routes = route_of(self._trunk)
        return options(self._exchange, flow, branch, uri, call_id=self._call_id, cseq=self._cseq, routes=routes)

    def _close(self) -> None:
        if self._outgoing is not None:
            self._outgoing.close()
            self._outgoing = None

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Take a final response as life or failure."""
        if response.status < 200 or outgoing is not self._outgoing:
            return
        self._close()
        if response.status in FAILING:
            self._failed(str(response.status), now)
        else:
            self._succeeded(str(response.status), now)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Take silence, a lost transport or an unknown name as failure."""
        if outgoing is self._outgoing:
            self._outgoing = None
            self._failed(cause, now)

    def _succeeded(self, what: str, now: float) -> None:
        self._failures = 0
        self._last = what
        if self._trunk.id in self._state.down:
            self._state.down.discard(self._trunk.id)
            self._tell("trunk.up", what, now)

    def _failed(self, why: str, now: float) -> None:
        self._failures += 1
        self._last = why
        if self._failures >= self._down_after and self._trunk.id not in self._state.down:
            self._state.down.add(self._trunk.id)
            self._tell("trunk.down", why, now)

    def _tell(self, event: str, why: str, now: float) -> None:
        self._changed_at = now
        self._exchange.note(event.replace(".", "_"), f"{self._account}/{self._trunk.id}: {why}")
        self._exchange.publish(event, {"account": self._account, "trunk": self._trunk.id, "reason": why})


def server_uri(target: str) -> str:
    """Return a trunk's target without user and headers: whom REGISTER and OPTIONS address (RFC 3261 §10.2)."""
    try:
        uri = Uri.parse(target)
    except ParseError:
        return target
    port = "" if uri.port is None else f":{uri.port}"
    transport = "" if uri.transport is None else f";transport={uri.transport}"
    return f"{uri.scheme}:{uri.host_text}{port}{transport}"


def route_of(trunk: Trunk) -> tuple[str, ...]:
    """Return the Route that leads over a trunk's outbound proxy, if it has one."""
    proxy = trunk.outbound_proxy
    if not proxy:
        return ()
    return (f"<{proxy}>",) if ";lr" in proxy else (f"<{proxy};lr>",)
