"""The two client transactions of RFC 3261 §17.1: what the actions of their tables do.

Theory of operation
-------------------
``ClientTransaction.step`` looks the event up in the table of ``state_tables`` and performs the row's actions. A
transaction holds its request as bytes for retransmission until a response made that needless, and the request itself
until the final response has been handed up; what lingers after that (INVITE: the ACK for timer D or the further 2xx for
timer M; other methods: timer K) is the key, the flow and at most one ACK.

Who sent the request is told through ``ClientUser``. CANCEL (§9.1) is a transaction of its own: here it is only
remembered while no provisional response has come, because it may not be sent earlier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from routerd.sip import build
from routerd.sip.serializer import serialize
from routerd.sip.state_tables import (
    ACCEPTED,
    CALLING,
    COMPLETED,
    INVITE_CLIENT,
    NON_INVITE_CLIENT,
    TERMINATED,
    TRYING,
    Table,
)
from routerd.sip.timers import T1, T2, T4, TIMEOUT, TIMER_D, Timer

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.sip.flow import Flow
    from routerd.sip.message import Request, Response
    from routerd.sip.transaction_layer import TransactionLayer

ClientKey = tuple[str, str, int | None, str]
"""Branch and sent-by of the top Via, method of CSeq (RFC 3261 §17.1.3, §18.1.2)."""


class ClientUser(Protocol):
    """Who sent a request."""

    def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:
        """Take every provisional response, the final one, and for INVITE every further 2xx (RFC 6026)."""

    def timed_out(self, tx: ClientTransaction, now: float) -> None:
        """Take note that no final response came: timer B or F, or nothing within 64*T1 of our CANCEL."""

    def transport_failed(self, tx: ClientTransaction, now: float) -> None:
        """Take note that the flow was lost before a final response came."""


class ClientTransaction:
    """One request of ours; made by ``TransactionLayer.send_request``.

    ``request`` is None once the final response has been handed up, ``user`` once nobody is to be told any more.
    """

    __slots__ = (
        "ack",
        "cancelled",
        "data",
        "ender",
        "flow",
        "interval",
        "is_invite",
        "key",
        "layer",
        "request",
        "resender",
        "state",
        "table",
        "user",
        "waiting_cancel",
    )

    def __init__(
        self, layer: TransactionLayer, request: Request, flow: Flow, user: ClientUser | None, key: ClientKey
    ) -> None:
        self.layer: TransactionLayer = layer
        self.request: Request | None = request
        self.flow: Flow = flow
        self.user: ClientUser | None = user
        self.key: ClientKey = key
        self.is_invite: bool = key[3] == "INVITE"
        self.state: str = CALLING if self.is_invite else TRYING
        self.cancelled: bool = False
        self.waiting_cancel: Request | None = None
        self.table: Table = INVITE_CLIENT if self.is_invite else NON_INVITE_CLIENT
        self.data: bytes = b""
        self.ack: bytes = b""
        self.interval: float = T1
        self.resender: Timer | None = None
        self.ender: Timer | None = None

    def start(self, now: float, data: bytes) -> None:
        """Send the request, whose bytes ``data`` are, and start timers A and B, or E and F (A, E: unreliable only)."""
        timers = self.layer.timers
        self.ender = timers.after(TIMEOUT, self, "B" if self.is_invite else "F", now)
        if not self.flow.reliable:
            self.data = data
            self.resender = timers.after(T1, self, "A" if self.is_invite else "E", now)
        self.layer.send(data, self.flow)

    def receive(self, response: Response, now: float) -> None:
        """Take a response that matches this transaction."""
        status = response.status
        if status < 200:
            event = "1xx"
        elif not self.is_invite:
            event = "final"
        else:
            event = "2xx" if status < 300 else "failure"
        self.step(event, response, now)

    def timer_fired(self, name: str, now: float) -> None:
        """Feed an expired timer to the table (``TimerTarget``)."""
        self.step(name, None, now)

    def step(self, event: str, response: Response | None, now: float) -> None:
        """Perform the row of the table for ``event``; events that the state does not list are ignored."""
        rows = self.table.get(self.state)
        row = None if rows is None else rows.get(event)
        if row is None:
            return
        user = self.user
        state, actions = row
        self.state = state
        if state == TERMINATED:
            self.end()
        for action in actions:
            _ACTIONS[action](self, response, user, now)
        if self.state in _REQUEST_IS_DONE:
            self.request = None

    def await_cancelled(self, now: float) -> None:
        """Run timer B once more: a cancelled INVITE is given up 64*T1 after its CANCEL (RFC 3261 §9.1)."""
        if self.ender is not None:
            self.ender.cancel()
        self.ender = self.layer.timers.after(TIMEOUT, self, "B", now)

    def end(self) -> None:
        """Leave the tables and forget everybody."""
        self.state = TERMINATED
        self.stop_timers()
        self.user = None
        self.waiting_cancel = None
        self.layer.forget_client(self)

    def stop_timers(self) -> None:
        """Stop both timers; what only a retransmission needed goes too."""
        if self.resender is not None:
            self.resender.cancel()
            self.resender = None
        if self.ender is not None:
            self.ender.cancel()
            self.ender = None
        self.data = b""

    def linger(self, name: str, delay_s: float, now: float) -> None:
        """Start the timer that ends this machine; with no delay it ends within the step."""
        if delay_s == 0:
            self.end()
        else:
            self.ender = self.layer.timers.after(delay_s, self, name, now)

    def resend_after(self, interval: float, now: float) -> None:
        """Run the timer that has just fired once more, for ``interval`` seconds."""
        self.interval = interval
        assert self.resender is not None
        self.layer.timers.again(self.resender, interval, self, now)

    def __repr__(self) -> str:
        return f"ClientTransaction({self.key[3]} {self.key[0]} {self.state})"


_REQUEST_IS_DONE = frozenset({ACCEPTED, COMPLETED, TERMINATED})


def _send_request(tx: ClientTransaction, _response: Response | None, _user: ClientUser | None, _now: float) -> None:
    tx.layer.retransmissions += 1
    tx.layer.send(tx.data, tx.flow)


def _double_a(tx: ClientTransaction, _response: Response | None, _user: ClientUser | None, now: float) -> None:
    tx.resend_after(2 * tx.interval, now)


def _double_e(tx: ClientTransaction, _response: Response | None, _user: ClientUser | None, now: float) -> None:
    tx.resend_after(min(2 * tx.interval, T2), now)


def _slow_e(tx: ClientTransaction, _response: Response | None, _user: ClientUser | None, now: float) -> None:
    tx.resend_after(T2, now)


def _stop_timers(tx: ClientTransaction, _response: Response | None, _user: ClientUser | None, _now: float) -> None:
    tx.stop_timers()


def _start_d(tx: ClientTransaction, _response: Response | None, _user: ClientUser | None, now: float) -> None:
    tx.user = None
    tx.linger("D", 0 if tx.flow.reliable else TIMER_D, now)


def _start_k(tx: ClientTransaction, _response: Response | None, _user: ClientUser | None, now: float) -> None:
    tx.user = None
    tx.linger("K", 0 if tx.flow.reliable else T4, now)


def _start_m(tx: ClientTransaction, _response: Response | None, _user: ClientUser | None, now: float) -> None:
    tx.waiting_cancel = None
    tx.linger("M", TIMEOUT, now)


def _send_waiting_cancel(
    tx: ClientTransaction, _response: Response | None, _user: ClientUser | None, now: float
) -> None:
    cancel = tx.waiting_cancel
    if cancel is not None:
        tx.waiting_cancel = None
        tx.layer.send_cancel(tx, cancel, now)


def _make_ack(tx: ClientTransaction, response: Response | None, _user: ClientUser | None, _now: float) -> None:
    assert tx.request is not None
    assert response is not None
    tx.waiting_cancel = None
    tx.ack = serialize(build.ack_for_failure(tx.request, response))


def _send_ack(tx: ClientTransaction, _response: Response | None, _user: ClientUser | None, _now: float) -> None:
    tx.layer.send(tx.ack, tx.flow)


def _pass_up(tx: ClientTransaction, response: Response | None, user: ClientUser | None, now: float) -> None:
    if user is not None and response is not None:
        user.response_received(tx, response, now)


def _pass_up_2xx(tx: ClientTransaction, response: Response | None, user: ClientUser | None, now: float) -> None:
    assert response is not None
    if user is not None:
        user.response_received(tx, response, now)
    else:
        tx.layer.user.stray_response(response, tx.flow, now)


def _inform_timeout(tx: ClientTransaction, _response: Response | None, user: ClientUser | None, now: float) -> None:
    if user is not None:
        user.timed_out(tx, now)


def _inform_transport_error(
    tx: ClientTransaction, _response: Response | None, user: ClientUser | None, now: float
) -> None:
    if user is not None:
        user.transport_failed(tx, now)


_ACTIONS: dict[str, Callable[[ClientTransaction, Response | None, ClientUser | None, float], None]] = {
    "send request": _send_request,
    "double A": _double_a,
    "double E": _double_e,
    "slow E": _slow_e,
    "stop timers": _stop_timers,
    "start D": _start_d,
    "start K": _start_k,
    "start M": _start_m,
    "send waiting CANCEL": _send_waiting_cancel,
    "make ACK": _make_ack,
    "send ACK": _send_ack,
    "pass up": _pass_up,
    "pass up 2xx": _pass_up_2xx,
    "inform timeout": _inform_timeout,
    "inform transport error": _inform_transport_error,
}
