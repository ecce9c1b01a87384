"""The two server transactions of RFC 3261 §17.2: what the actions of their tables do.

Theory of operation
-------------------
``ServerTransaction.step`` looks the event up in the table of ``state_tables`` and performs the row's actions. The
request is kept until the final response, for the core builds its responses from it; after that a transaction is its
key, its flow and the bytes of its last response, which answer retransmissions. Unlike in the RFCs the 2xx to INVITE is
retransmitted here and not by the core (§13.3.1.4), over every transport, until ``TransactionLayer.acknowledge``.

A stream that is lost ends nothing: the machine goes on silently, and ``TransactionLayer.reroute`` gives it another
flow, should the switch have opened one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from routerd.sip import build
from routerd.sip.serializer import serialize
from routerd.sip.state_tables import INVITE_SERVER, NON_INVITE_SERVER, PROCEEDING, TERMINATED, TRYING, Row, Table
from routerd.sip.timers import T1, T2, T4, TIMEOUT, TRYING_DELAY, Timer

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.sip.flow import Flow
    from routerd.sip.message import Request
    from routerd.sip.transaction_layer import TransactionLayer

MergeKey = tuple[str | None, str, int, str]
"""From tag, Call-ID, CSeq number and method (RFC 3261 §8.2.2.2)."""
ServerKey = tuple[str | int | None, ...]
"""RFC 3261 §17.2.3: branch, sent-by host and port, method; for RFC 2543 clients the parts of §17.2.3's second half."""


class ServerUser(Protocol):
    """Who serves an INVITE; the core puts itself into ``ServerTransaction.user`` when it takes the request."""

    def cancel_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """Take a CANCEL that came before our final response; the layer has answered it with 200. Send 487 next."""

    def ack_timed_out(self, tx: ServerTransaction, now: float) -> None:
        """Take note that no ACK came within 64*T1: of a 2xx (send BYE next, §13.3.1.4) or of a failure (timer H)."""


class ServerTransaction:
    """One request of a peer; made by ``TransactionLayer.receive`` and handed to ``LayerUser.request_received``.

    ``request`` is None after the final response. ``to_tag`` is the core's to set and use; the layer answers a CANCEL
    with it. ``cancelled`` says that a CANCEL came (for a core that sets ``user`` late). ``flow`` is where the request
    came from, ``reply_flow`` where responses go (RFC 3261 §18.2.2, RFC 3581).
    """

    __slots__ = (
        "alias",
        "cancelled",
        "data",
        "ender",
        "flow",
        "flow_lost",
        "interval",
        "is_invite",
        "key",
        "last_status",
        "layer",
        "merge_key",
        "reply_flow",
        "request",
        "resender",
        "state",
        "table",
        "to_tag",
        "user",
    )

    def __init__(self, layer: TransactionLayer, request: Request, flow: Flow, reply_flow: Flow, key: ServerKey) -> None:
        self.layer: TransactionLayer = layer
        self.request: Request | None = request
        self.flow: Flow = flow
        self.reply_flow: Flow = reply_flow
        self.key: ServerKey = key
        self.alias: ServerKey | None = None
        self.merge_key: MergeKey | None = None
        self.is_invite: bool = request.method == "INVITE"
        self.state: str = PROCEEDING if self.is_invite else TRYING
        self.table: Table = INVITE_SERVER if self.is_invite else NON_INVITE_SERVER
        self.user: ServerUser | None = None
        self.last_status: int = 0
        self.to_tag: str = ""
        self.cancelled: bool = False
        self.flow_lost: bool = False
        self.data: bytes = b""
        self.interval: float = T1
        self.resender: Timer | None = None
        self.ender: Timer | None = None

    def respond(self, status: int, data: bytes, now: float) -> bool:
        """Send a response of ours, already serialised; False when the state allows none."""
        if status < 200:
            event = "1xx"
        elif not self.is_invite:
            event = "final"
        else:
            event = "2xx" if status < 300 else "failure"
        rows = self.table.get(self.state)
        row = None if rows is None else rows.get(event)
        if row is None:
            return False
        self.data = data
        self.last_status = status
        if status >= 200:
            self.request = None
        self._perform(row, None, now)
        return True

    def await_core(self, now: float) -> None:
        """Run the timers of a non-INVITE that the core has not answered at once (RFC 4320 §4)."""
        timers = self.layer.timers
        self.resender = timers.after(TRYING_DELAY, self, "trying", now)
        self.ender = timers.after(TIMEOUT, self, "silence", now)

    def timer_fired(self, name: str, now: float) -> None:
        """Feed an expired timer to the table (``TimerTarget``)."""
        self.step(name, None, now)

    def step(self, event: str, request: Request | None, now: float) -> None:
        """Perform the row of the table for ``event``; events that the state does not list are ignored."""
        rows = self.table.get(self.state)
        row = None if rows is None else rows.get(event)
        if row is not None:
            self._perform(row, request, now)

    def _perform(self, row: Row, request: Request | None, now: float) -> None:
        user = self.user
        state, actions = row
        self.state = state
        if state == TERMINATED:
            self.end()
        for action in actions:
            _ACTIONS[action](self, request, user, now)

    def end(self) -> None:
        """Leave the tables and forget everybody; the unacknowledged bytes stay for the row's last actions."""
        self.state = TERMINATED
        self.stop_timers()
        self.user = None
        self.request = None
        self.layer.forget_server(self)

    def stop_timers(self) -> None:
        """Stop both timers."""
        if self.resender is not None:
            self.resender.cancel()
            self.resender = None
        if self.ender is not None:
            self.ender.cancel()
            self.ender = None

    def start_resending(self, name: str, now: float) -> None:
        """Start the timer that sends the last response again, after T1."""
        self.interval = T1
        self.resender = self.layer.timers.after(T1, self, name, now)

    def double_resending(self, now: float) -> None:
        """Run that timer once more with twice its interval, T2 at most."""
        self.layer.retransmissions += 1
        self.interval = min(2 * self.interval, T2)
        assert self.resender is not None
        self.layer.timers.again(self.resender, self.interval, self, now)

    def linger(self, name: str, delay_s: float, now: float) -> None:
        """Start the timer that ends this machine; with no delay it ends within the step."""
        if delay_s == 0:
            self.end()
        else:
            self.ender = self.layer.timers.after(delay_s, self, name, now)

    def send_last(self) -> None:
        """Send the last response, once more or for the first time; silent while the flow is lost."""
        if not self.data:
            return
        if self.flow_lost:
            self.layer.user.note("flow_lost", f"response {self.last_status} unsent on {self.reply_flow!r}")
            return
        self.layer.send(self.data, self.reply_flow)

    def __repr__(self) -> str:
        return f"ServerTransaction({self.key[-1]} {self.key[0]} {self.state} {self.last_status})"


def _send_response(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, _now: float) -> None:
    tx.send_last()


def _make_100(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, _now: float) -> None:
    assert tx.request is not None
    tx.data = serialize(build.response(tx.request, 100))
    tx.last_status = 100


def _stop_timers(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, _now: float) -> None:
    tx.stop_timers()


def _start_g(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, now: float) -> None:
    if not tx.reply_flow.reliable:
        tx.start_resending("G", now)


def _double(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, now: float) -> None:
    tx.double_resending(now)


def _start_h(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, now: float) -> None:
    tx.linger("H", TIMEOUT, now)


def _start_i(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, now: float) -> None:
    tx.user = None
    tx.linger("I", 0 if tx.reply_flow.reliable else T4, now)


def _start_j(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, now: float) -> None:
    tx.user = None
    tx.linger("J", 0 if tx.reply_flow.reliable else TIMEOUT, now)


def _start_l(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, now: float) -> None:
    tx.linger("L", TIMEOUT, now)


def _start_resend(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, now: float) -> None:
    tx.start_resending("resend", now)


def _stop_resend(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, _now: float) -> None:
    if tx.resender is not None:
        tx.resender.cancel()
        tx.resender = None


def _forget_response(tx: ServerTransaction, _request: Request | None, _user: ServerUser | None, _now: float) -> None:
    tx.data = b""
    tx.user = None


def _pass_up_ack(tx: ServerTransaction, request: Request | None, _user: ServerUser | None, now: float) -> None:
    assert request is not None
    tx.layer.user.ack_received(request, tx.flow, now)


def _inform_unacknowledged(
    tx: ServerTransaction, _request: Request | None, user: ServerUser | None, now: float
) -> None:
    if tx.data and user is not None:
        user.ack_timed_out(tx, now)


def _inform_ack_timeout(tx: ServerTransaction, _request: Request | None, user: ServerUser | None, now: float) -> None:
    if user is not None:
        user.ack_timed_out(tx, now)


_ACTIONS: dict[str, Callable[[ServerTransaction, Request | None, ServerUser | None, float], None]] = {
    "send response": _send_response,
    "make 100": _make_100,
    "stop timers": _stop_timers,
    "start G": _start_g,
    "double G": _double,
    "start H": _start_h,
    "start I": _start_i,
    "start J": _start_j,
    "start L": _start_l,
    "start resend": _start_resend,
    "double resend": _double,
    "stop resend": _stop_resend,
    "forget response": _forget_response,
    "pass up ACK": _pass_up_ack,
    "inform unacknowledged": _inform_unacknowledged,
    "inform ACK timeout": _inform_ack_timeout,
}
