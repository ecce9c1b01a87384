"""The transaction layer: which message belongs to which transaction, and where a response goes (RFC 3261 §17, §18).

Theory of operation
-------------------
``receive`` takes every parsed message. A *request* first gets ``received`` and ``rport`` into its top Via (§18.2.1,
RFC 3581), then meets, in this order: the server transactions by ``branch``, sent-by and method (§17.2.3; clients of
RFC 2543 by Request-URI, tags, Call-ID, CSeq and Via); for CANCEL the INVITE of the same name (§9.2); the merged
requests (§8.2.2.2); the bound on transactions. Only what is new after that reaches ``LayerUser.request_received``.
A *response* meets the client transactions by ``branch``, sent-by and CSeq method (§17.1.3, §18.1.2), else it is a
stray: the 2xx of a fork after timer M, or noise.

The core answers within ``request_received`` or later by ``respond``, or at once by ``reply_stateless``, which takes the
transaction back: nothing lingers for a challenge or a refusal.

What the layer answers itself is stateless: a repeated CANCEL gets the same 200 or 481 again, and the To tag of such an
answer is computed from the request, so that a retransmission gets the same one (§8.2.7) and its ACK is known.
"""

from __future__ import annotations

from hashlib import blake2s
from typing import TYPE_CHECKING, Protocol

from routerd.errors import LocalProtocolError, ParseError
from routerd.sip import build
from routerd.sip.client_transaction import ClientKey, ClientTransaction, ClientUser
from routerd.sip.flow import Flow
from routerd.sip.message import Request, Response
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize
from routerd.sip.server_transaction import MergeKey, ServerKey, ServerTransaction, ServerUser
from routerd.sip.state_tables import CALLING, COMPLETED, PROCEEDING, TERMINATED, TRYING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.sip.timers import TimerQueue
    from routerd.sip.via import Via

__all__ = [
    "ClientTransaction",
    "ClientUser",
    "LayerUser",
    "ServerTransaction",
    "ServerUser",
    "TransactionLayer",
    "reply_flow",
]

_COOKIE = "z9hG4bK"
_RETRY_AFTER_S = "5"
_STATELESS_TAG_LENGTH = 9


class LayerUser(Protocol):
    """The core above the layer: the switch."""

    def request_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """Serve a new request, neither ACK nor CANCEL; answer with ``respond`` or ``reply_stateless``."""

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        """Take an ACK that ended no transaction of ours, that is the ACK for a 2xx; then call ``acknowledge``."""

    def stray_response(self, response: Response, flow: Flow, now: float) -> None:
        """Take a response that nobody waits for; a 2xx to INVITE wants ACK and BYE (§13.2.2.4)."""

    def note(self, reason: str, detail: str) -> None:
        """Count something that was dropped or refused below the core."""


class TransactionLayer:
    """All transactions of one switch.

    ``user`` is told of what is new, ``send`` takes bytes and the flow they go to, ``timers`` is the switch's queue;
    beyond ``max_transactions`` new requests are refused with a stateless 503.
    """

    __slots__ = (
        "_aliases",
        "_by_flow",
        "_client",
        "_fresh",
        "_merge",
        "_server",
        "max_transactions",
        "retransmissions",
        "send",
        "timers",
        "user",
    )

    def __init__(
        self,
        user: LayerUser,
        send: Callable[[bytes, Flow], None],
        timers: TimerQueue,
        max_transactions: int = 100_000,
    ) -> None:
        self.user: LayerUser = user
        self.send: Callable[[bytes, Flow], None] = send
        self.timers: TimerQueue = timers
        self.max_transactions: int = max_transactions
        self.retransmissions: int = 0  # requests and responses of ours that went out once more
        self._client: dict[ClientKey, ClientTransaction] = {}
        self._server: dict[ServerKey, ServerTransaction] = {}
        self._aliases: dict[ServerKey, ServerTransaction] = {}
        self._merge: dict[MergeKey, ServerTransaction] = {}
        self._by_flow: dict[Flow, dict[ClientKey | ServerKey, ClientTransaction | ServerTransaction]] = {}
        self._fresh: ServerTransaction | None = None

    def __len__(self) -> int:
        return len(self._client) + len(self._server)

    # Messages from the network

    def receive(self, message: Request | Response, flow: Flow, now: float) -> None:
        """Take a parsed message from the network; ``now`` in monotonic seconds. Never raises for what a peer sent."""
        try:
            if isinstance(message, Request):
                self._receive_request(message, flow, now)
            else:
                self._receive_response(message, flow, now)
        except ParseError as error:
            self.user.note("malformed", str(error))

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        via = request.via
        key = _server_key(request, via)
        tx = self._server.get(key)
        fill_via(request, via, flow)
        method = request.method
        if method == "ACK":
            if tx is None:
                tx = self._aliases.get(key)
            self._receive_ack(tx, request, flow, now)
        elif method == "CANCEL":
            self._receive_cancel(key, request, flow, now)
        elif tx is not None:
            self.retransmissions += bool(tx.data)
            back = reply_flow(via, flow)
            if back == tx.reply_flow or not tx.data:
                tx.step("request", request, now)
            else:
                # asked again from elsewhere: a connection anew, a NAT that moved; answered there, this once
                self.send(tx.data, back)
        else:
            self._receive_new(key, request, reply_flow(via, flow), flow, now)

    def _receive_ack(self, tx: ServerTransaction | None, request: Request, flow: Flow, now: float) -> None:
        if tx is not None and tx.is_invite and tx.last_status >= 200:
            tx.step("ack", request, now)
        elif _is_stateless_ack(request):
            self.user.note("ack_stateless", request.call_id)
        else:
            self.user.ack_received(request, flow, now)

    def _receive_cancel(self, key: ServerKey, request: Request, flow: Flow, now: float) -> None:
        tx = self._server.get((*key[:-1], "INVITE"))
        if tx is None:
            self.user.note("cancel_unmatched", request.call_id)
            self._refuse(request, 481, flow)
            return
        answer = build.response(request, 200, to_tag=self._tag_of(tx, request))
        self.send(serialize(answer), reply_flow(request.via, flow))
        if tx.cancelled or tx.last_status >= 200:
            return
        tx.cancelled = True
        if tx.user is None:
            self.user.note("cancel_unserved", request.call_id)
        else:
            tx.user.cancel_received(tx, request, now)

    def _receive_new(self, key: ServerKey, request: Request, back: Flow, flow: Flow, now: float) -> None:
        merge_key: MergeKey | None = None
        if not request.to.tag:
            cseq = request.cseq
            merge_key = (request.from_.tag, request.call_id, cseq.number, cseq.method)
            if merge_key in self._merge:
                self.user.note("merged", request.call_id)
                self._refuse(request, 482, flow)
                return
        if len(self._server) + len(self._client) >= self.max_transactions:
            self.user.note("overload", f"{request.method} {flow!r}")
            self._refuse(request, 503, flow, (("Retry-After", _RETRY_AFTER_S),))
            return
        tx = ServerTransaction(self, request, flow, back, key)
        self._server[key] = tx
        if merge_key is not None:
            tx.merge_key = merge_key
            self._merge[merge_key] = tx
        if flow.connection:
            self._by_flow.setdefault(flow, {})[key] = tx
        self._fresh = tx
        try:
            self.user.request_received(tx, request, now)
        finally:
            self._fresh = None
        if tx.state == TRYING:
            tx.await_core(now)

    def _receive_response(self, response: Response, flow: Flow, now: float) -> None:
        via = response.via
        if len(response.vias) > 1:
            # Whoever sent it took us for a proxy (§8.1.3.3)
            self.user.note("via_not_ours", response.call_id)
            return
        tx = self._client.get((via.branch or "", via.host, via.port, response.cseq.method))
        if tx is None:
            self.user.stray_response(response, flow, now)
        else:
            tx.receive(response, now)

    def _refuse(self, request: Request, status: int, flow: Flow, extra: Sequence[tuple[str, str]] = ()) -> None:
        """Answer without a transaction; the To tag is a function of the request (§8.2.7)."""
        response = build.response(request, status, to_tag=stateless_tag(request), extra=list(extra))
        self.send(serialize(response), reply_flow(request.via, flow))

    def _tag_of(self, tx: ServerTransaction, cancel: Request) -> str:
        """Find the To tag with which the INVITE is answered, for the 200 to its CANCEL (§9.2)."""
        if not tx.to_tag and tx.data:
            tx.to_tag = parse(tx.data).to.tag or ""
        return tx.to_tag or stateless_tag(cancel)

    # The core's answers

    def respond(self, tx: ServerTransaction, response: Response, now: float) -> None:
        """Send a provisional or final response by §18.2.2; a 2xx to INVITE is repeated until ``acknowledge``.

        What the state no longer allows is dropped and noted (a second final response, anything after the end). To a
        non-INVITE a 408 is never sent, and no provisional one but a 100, over UDP not before 3.5 s (RFC 4320 §4).
        """
        status = response.status
        if not tx.is_invite and (status < 200 or status == 408) and not self._may_send(tx, status):
            self.user.note("rfc4320", f"{status} withheld")
            if status == 408:
                tx.step("refuse 408", None, now)
            return
        if not tx.respond(status, serialize(response), now):
            self.user.note("response_late", f"{status} in state {tx.state}")
        elif tx.state == COMPLETED and tx.is_invite and tx.key[0] == _OLD:
            self._alias_ack(tx, response)

    def acknowledge(self, tx: ServerTransaction) -> None:
        """Stop repeating the 2xx of ``tx``: its ACK has come."""
        tx.step("acknowledged", None, 0.0)

    def reply_stateless(self, request: Request, response: Response, flow: Flow) -> None:
        """Answer without a transaction (challenges, refusals); within ``request_received`` the new one is taken back.

        Give such a response the same To tag each time (§8.2.7): its ACK comes up as ``ack_received``.
        """
        fresh = self._fresh
        if fresh is not None and fresh.request is request:
            fresh.end()
            self._fresh = None
        self.send(serialize(response), reply_flow(request.via, flow))

    def discard(self, tx: ServerTransaction) -> None:
        """Drop a request without any answer, or one that was answered by ``reply_stateless`` after its callback."""
        if tx.state != TERMINATED:
            tx.end()

    def reroute(self, tx: ServerTransaction, flow: Flow) -> None:
        """Send the rest of ``tx`` to ``flow``, its own being lost (§18.2.2); the last response goes out again."""
        if tx.state == TERMINATED:
            return
        self._leave_flow(tx.reply_flow, tx.key)
        tx.reply_flow = flow
        tx.flow_lost = False
        if flow.connection:
            self._by_flow.setdefault(flow, {})[tx.key] = tx
        tx.send_last()

    # Requests of ours

    def send_request(
        self, request: Request, flow: Flow, user: ClientUser, now: float, data: bytes = b""
    ) -> ClientTransaction:
        """Send a request that already has its Via with a new branch; the result is told to ``user``.

        ``data`` are the request's bytes, where the caller has written them already.
        ACK for a failure is sent by the layer. Raises ``LocalProtocolError`` for ACK, CANCEL (see ``cancel``), a
        request without a branch, and a branch that is in use.
        """
        if request.method in {"ACK", "CANCEL"}:
            raise LocalProtocolError(f"{request.method} is not sent through send_request")
        return self._start_client(request, flow, user, now, data)

    def cancel(self, tx: ClientTransaction, now: float, extra: Sequence[tuple[str, str]] = ()) -> None:
        """Cancel an INVITE of ours (§9.1): at once after a provisional response, else as soon as one comes.

        ``extra`` are header fields of the CANCEL (Reason, RFC 3326). Without effect after a final response and the
        second time. The INVITE still ends by its final response, or by ``timed_out`` 64*T1 after the CANCEL.
        """
        request = tx.request
        if not tx.is_invite or tx.cancelled or request is None or tx.state not in {CALLING, PROCEEDING}:
            return
        tx.cancelled = True
        cancel = build.cancel(request)
        for name, value in extra:
            cancel.add(name, value)
        if tx.state == CALLING:
            tx.waiting_cancel = cancel
        else:
            self.send_cancel(tx, cancel, now)

    def send_cancel(self, tx: ClientTransaction, cancel: Request, now: float) -> None:
        """Send the CANCEL of ``tx`` in a transaction of its own that nobody waits for."""
        tx.await_cancelled(now)
        self._start_client(cancel, tx.flow, None, now)

    def abandon(self, tx: ClientTransaction | ServerTransaction) -> None:
        """Tell the user of ``tx`` nothing more; the machine lives on. A 2xx then comes up as ``stray_response``."""
        tx.user = None

    def _start_client(
        self, request: Request, flow: Flow, user: ClientUser | None, now: float, data: bytes = b""
    ) -> ClientTransaction:
        via = request.via
        branch = via.branch
        key = (branch or "", via.host, via.port, request.method)
        if not branch or key in self._client:
            raise LocalProtocolError(f"branch {branch!r} of {request.method} is missing or in use")
        tx = ClientTransaction(self, request, flow, user, key)
        self._client[key] = tx
        if flow.connection:
            self._by_flow.setdefault(flow, {})[key] = tx
        tx.start(now, data or serialize(request))
        return tx

    # Flows and ends

    def lose_flow(self, flow: Flow, now: float) -> None:
        """Take note that ``flow`` is gone: our unanswered requests fail, responses to its requests stay unsent."""
        if flow.connection:
            lost = list(self._by_flow.pop(flow, {}).values())
        else:
            lost = [tx for tx in self._client.values() if tx.flow == flow]
        for tx in lost:
            if isinstance(tx, ClientTransaction):
                tx.step("transport error", None, now)
            else:
                tx.flow_lost = True
                self.user.note("flow_lost", repr(tx))

    def forget_client(self, tx: ClientTransaction) -> None:
        """Take an ended transaction out of the tables; called by itself."""
        self._client.pop(tx.key, None)
        self._leave_flow(tx.flow, tx.key)

    def forget_server(self, tx: ServerTransaction) -> None:
        """Take an ended transaction out of the tables; called by itself."""
        self._server.pop(tx.key, None)
        if tx.alias is not None:
            self._aliases.pop(tx.alias, None)
        if tx.merge_key is not None:
            self._merge.pop(tx.merge_key, None)
        self._leave_flow(tx.reply_flow, tx.key)

    def _leave_flow(self, flow: Flow, key: ClientKey | ServerKey) -> None:
        if flow.connection:
            members = self._by_flow.get(flow)
            if members is not None:
                members.pop(key, None)
                if not members:
                    del self._by_flow[flow]

    def _may_send(self, tx: ServerTransaction, status: int) -> bool:
        """Whether RFC 4320 §4 lets this response to a non-INVITE go out now."""
        return status == 100 and (tx.reply_flow.reliable or tx.last_status == 100)

    def _alias_ack(self, tx: ServerTransaction, response: Response) -> None:
        """Let the ACK of an RFC 2543 client, which bears our To tag, find its INVITE (§17.2.3)."""
        tx.alias = (*tx.key[:2], response.to.tag or "", *tx.key[3:])
        self._aliases[tx.alias] = tx


_OLD = ""


def _server_key(request: Request, via: Via) -> ServerKey:
    """Compute the name of a request's server transaction (§17.2.3); that of ACK is the name of its INVITE."""
    method = request.method
    if method == "ACK":
        method = "INVITE"
    branch = via.branch
    if branch is not None and branch.startswith(_COOKIE) and len(branch) > len(_COOKIE):
        return (branch, via.host, via.port, method)
    return (
        _OLD,
        request.uri,
        request.to.tag or "",
        request.from_.tag or "",
        request.call_id,
        request.cseq.number,
        str(via),
        method,
    )


def fill_via(request: Request, via: Via, flow: Flow) -> None:
    """Write ``received`` and ``rport`` into the top Via (RFC 3261 §18.2.1, RFC 3581 §4)."""
    params = via.params
    host = flow.remote[0]
    if "rport" in params:
        params["rport"] = str(flow.remote[1])
    elif via.host == host and "received" not in params:
        return
    params["received"] = host
    request.replace_via(via)


def reply_flow(via: Via, flow: Flow) -> Flow:
    """Where the response to a request with this top Via goes that came by ``flow`` (RFC 3261 §18.2.2, RFC 3581 §4).

    Streams: back on the same one. Datagrams: from the same socket to the source address, to its port with ``rport``,
    else to the port of sent-by. ``maddr`` is ignored: it would let anybody aim our responses at others.
    """
    port = via.port or 5060
    if port == flow.remote[1] or "rport" in via.params or flow.reliable:
        return flow
    return Flow(flow.transport, flow.local, (flow.remote[0], port))


def _is_stateless_ack(request: Request) -> bool:
    """Whether an ACK is for a refusal of the layer's own, by its To tag."""
    tag = request.to.tag
    return tag is not None and len(tag) == _STATELESS_TAG_LENGTH and tag == stateless_tag(request)


def stateless_tag(request: Request) -> str:
    """Compute a To tag that every retransmission of the request, its CANCEL and its ACK have in common (§8.2.7)."""
    text = f"{request.via.branch}|{request.call_id}|{request.cseq.number}|{request.from_.tag}"
    return f"s{blake2s(text.encode('utf-8', 'surrogateescape'), digest_size=4).hexdigest()}"
