"""Requests outside of dialogs, in the order of RFC 3261 §8.2: who, which method, URI, extensions, body.

What passes begins a call, a registration, a page-mode message, or is answered here (OPTIONS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.b2bua import attempt as attempts
from routerd.b2bua import media_profiles
from routerd.b2bua.admission import Party, Refusal
from routerd.b2bua.amplification import fits
from routerd.b2bua.call import Call
from routerd.b2bua.exchange import ALLOW, SERVER
from routerd.b2bua.header_policy import hops_left
from routerd.b2bua.inbound_leg import InboundLeg
from routerd.b2bua.live_state import LiveView
from routerd.b2bua.message_waiting import PACKAGE, SUMMARY
from routerd.b2bua.outgoing import Outgoing
from routerd.b2bua.subscriptions import event_of
from routerd.errors import ParseError, RemoteProtocolError, SdpError
from routerd.media import offer_answer
from routerd.rules import number
from routerd.sip import build, session_timer
from routerd.sip.transaction_layer import stateless_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.switch import Switch
    from routerd.rules.plan import Attempt
    from routerd.rules.tables import AccountTables
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request, Response
    from routerd.sip.transaction_layer import ServerTransaction

SDP: Final = "application/sdp"
SUPPORTED: Final = frozenset({"100rel", "timer", "replaces", "path", "outbound", "gruu", "norefersub"})
SCHEMES: Final = frozenset({"sip", "sips", "tel"})
WITHIN_DIALOG: Final = frozenset({"BYE", "PRACK", "UPDATE", "INFO", "NOTIFY"})
NOT_SUPPORTED: Final = frozenset({"PUBLISH", "REFER"})
RETRY_AFTER_S: Final = 5
MAX_MESSAGE_BYTES: Final = 16_384


def respond(
    switch: Switch,
    tx: ServerTransaction,
    request: Request,
    status: int,
    now: float,
    extra: Sequence[tuple[str, str]] = (),
) -> None:
    """Answer a request outside of a dialog."""
    headers = [("Server", SERVER), *extra]
    response = build.response(request, status, to_tag=switch.exchange.tokens.tag(), extra=headers)
    switch.layer.respond(tx, response, now)


def serve(switch: Switch, tx: ServerTransaction, request: Request, now: float) -> None:
    """Serve a request outside of any dialog; every path answers it."""
    party = switch.admission.identify(request, tx.flow, now)
    if isinstance(party, Refusal):
        response = build.response(request, party.status, to_tag=stateless_tag(request), extra=party.headers)
        switch.layer.reply_stateless(request, response, tx.flow)
        return
    refusal = check(request)
    if refusal is not None:
        respond(switch, tx, request, refusal[0], now, refusal[1])
    elif request.method == "OPTIONS":
        known = party.kind != "anyone" or tx.flow.reliable or fits(request, [("Server", SERVER), *capabilities()])
        respond(switch, tx, request, 503 if switch.draining else 200, now, capabilities() if known else [])
    elif request.method == "REGISTER":
        _register(switch, tx, request, party, now)
    elif request.method == "INVITE":
        _invite(switch, tx, request, party, now)
    elif request.method == "SUBSCRIBE":
        status = switch.waiting.subscribe_received(tx, request, party, now)
        if status is not None:
            respond(switch, tx, request, status, now, [("Accept", SUMMARY)] if status == 406 else [])
    else:
        _message(switch, tx, request, party, now)


def capabilities() -> list[tuple[str, str]]:
    """Return the headers that say what we can do (§11.2)."""
    return [
        ("Allow", ALLOW),
        ("Accept", SDP),
        ("Accept-Encoding", "identity"),
        ("Accept-Language", "en"),
        ("Supported", "100rel, timer, replaces, path, outbound"),
        ("Allow-Events", f"{PACKAGE}, refer"),
    ]


def check(request: Request) -> tuple[int, list[tuple[str, str]]] | None:
    """Return the refusal of a well-formed request that cannot be served (§8.2.1-§8.2.3), or None."""
    method = request.method
    if method in WITHIN_DIALOG:
        return 481, []
    if method == "SUBSCRIBE" and event_of(request)[0] != PACKAGE:
        return 489, [("Allow-Events", f"{PACKAGE}, refer")]
    if method in NOT_SUPPORTED:
        return 405, [("Allow", ALLOW)]
    if method not in {"INVITE", "OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE"}:
        return 501, [("Allow", ALLOW)]
    if request.request_uri.scheme not in SCHEMES:
        return 416, []
    unsupported = [tag for tag in request.require if tag not in SUPPORTED]
    if unsupported:
        return 420, [("Unsupported", ", ".join(unsupported))]
    if request.max_forwards == 0 and method in {"INVITE", "MESSAGE"}:
        return 483, []
    return _check_body(request)


def _check_body(request: Request) -> tuple[int, list[tuple[str, str]]] | None:
    encoding = (request.get("Content-Encoding") or "identity").strip().lower()
    if request.body and encoding != "identity":
        return 415, [("Accept-Encoding", "identity"), ("Accept", SDP)]
    if request.method != "INVITE" or not request.body:
        return None
    if request.content_type != SDP:
        if "handling=optional" in (request.get("Content-Disposition") or "").replace(" ", "").lower():
            request.body = b""
            return None
        return 415, [("Accept", SDP), ("Accept-Encoding", "identity")]
    try:
        offer_answer.check_offer(request.body)
    except SdpError:
        return 488, [("Warning", '399 routerd "Unusable session description"')]
    return None


# -- registrations --


def _register(switch: Switch, tx: ServerTransaction, request: Request, party: Party, now: float) -> None:
    if party.extension is None:
        respond(switch, tx, request, 403, now)
        return
    switch.registrar.serve(tx, request, party.account, party.extension, now, party.source)


# -- calls --


def _invite(switch: Switch, tx: ServerTransaction, request: Request, party: Party, now: float) -> None:
    if request.get("Replaces") is not None:
        switch.transfers.replaces_received(tx, request, party, now)
        return
    limits = switch.exchange.settings.limits
    if switch.draining or len(switch.call_by_id) >= limits.max_calls:
        switch.exchange.note("overload", "draining" if switch.draining else "max_calls")
        respond(switch, tx, request, 503, now, [("Retry-After", str(RETRY_AFTER_S))])
        return
    if party.kind not in {"trunk", "extension"}:
        respond(switch, tx, request, 403, now)
        return
    attempt = attempts.from_invite(request, party, switch.exchange.wall(now))
    call = make_call(switch, party.account, attempt, now)
    leg = InboundLeg(switch.exchange, call, tx, request)
    switch.exchange.ladders.join(call.id, request.call_id, _origin(party), request)
    try:
        leg.take(now)
    except (RemoteProtocolError, ParseError) as error:
        headers = session_timer.too_small_headers(leg.timer_offer()) if error.status_hint == 422 else []
        switch.call_by_id.pop(call.id, None)
        switch.exchange.ladders.forget(call.id)
        respond(switch, tx, request, error.status_hint, now, headers)
        return
    describe(leg, party, attempt.dialled)
    call.caller = leg
    call.request = request
    call.trusted = party.trunk is not None
    call.dialled_max_forwards = hops_left(request)
    switch.leg_known(leg)
    call.start(now)


def _origin(party: Party) -> str:
    """Name the caller's leg as the callees' are named."""
    if party.trunk is not None:
        return f"trunk:{party.trunk.id}"
    return f"extension:{party.extension.id}" if party.extension is not None else party.kind


def describe(leg: InboundLeg, party: Party, dialled: str) -> None:
    """Say how the caller's leg is reached and what its media may be."""
    source = party.trunk or party.extension
    assert source is not None
    leg.media = source.media
    leg.codecs = source.codecs
    leg.profile = media_profiles.expected(source.srtp, leg.flow)
    leg.trunk = party.trunk
    leg.extension = party.extension.id if party.extension is not None else None
    leg.pinned = party.trunk is None or (leg.flow is not None and leg.flow.reliable)
    leg.party = dialled if dialled.removeprefix("+").isalnum() else ""


def make_call(switch: Switch, tables: AccountTables, attempt: Attempt, now: float) -> Call:
    """Return a new call of an account, known to the switch but not started."""
    state = switch.state_of(tables.account.id)

    def rate(trunk: str) -> float | None:
        found = tables.trunks.get(trunk)
        return None if found is None else found.calls_per_second

    view = LiveView(state, switch.location, "", switch.exchange.tokens, rate)
    call = Call(switch, tables, attempt, state, view, now)
    view.call = call.id
    switch.exchange.ladders.begin(call.id)
    switch.call_by_id[call.id] = call
    return call


# -- page-mode messages (RFC 3428) --


def _message(switch: Switch, tx: ServerTransaction, request: Request, party: Party, now: float) -> None:
    """Carry a MESSAGE from one extension to another; nothing is stored."""
    target = _extension_dialled(request, party)
    if party.extension is None or target is None:
        respond(switch, tx, request, 403 if party.extension is None else 404, now)
        return
    if len(request.body) > MAX_MESSAGE_BYTES:
        respond(switch, tx, request, 413, now)
        return
    contacts = switch.location.contacts(party.account.account.id, target, now)
    if not contacts:
        respond(switch, tx, request, 480, now)
        return
    domains = party.account.account.domains
    domain = domains[0] if domains else switch.exchange.settings.realm
    sender = _shown(party)
    binding = contacts[0]
    exchange = switch.exchange

    def recipe(flow: Flow, branch: str) -> Request:
        return build.request(
            "MESSAGE",
            binding.target,
            via=exchange.flows.via(flow, branch),
            from_=f"<sip:{sender}@{domain}>;tag={exchange.tokens.tag()}",
            to=f"<sip:{target}@{domain}>",
            call_id=exchange.tokens.call_id(),
            cseq=1,
            max_forwards=hops_left(request),
            routes=binding.path,
            body=request.body,
            content_type=request.get("Content-Type"),
        )

    Outgoing(exchange, Page(switch, tx), recipe).start(binding.uri, binding.flow, now)


def _extension_dialled(request: Request, party: Party) -> str | None:
    tables = party.account
    dialled = number.classify(tables, request.request_uri.user or "")
    if dialled.kind == "extension":
        return str(dialled.value)
    agent = tables.agents.get(tables.agent_by_intercom.get(dialled.value, ""))
    return agent.extension if agent is not None else None


def _shown(party: Party) -> str:
    assert party.extension is not None
    agent = party.account.agents.get(party.extension.agent or "")
    return agent.intercom if agent is not None and agent.intercom else party.extension.id


class Page:
    """Carries the answer of a passed-on MESSAGE back."""

    __slots__ = ("switch", "tx")

    def __init__(self, switch: Switch, tx: ServerTransaction) -> None:
        self.switch = switch
        self.tx = tx

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Answer with the same status, but never with a challenge of somebody else's."""
        if response.status >= 200:
            outgoing.close()
            self._answer(500 if response.status in {401, 407} else response.status, now)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:  # noqa: ARG002
        """Nobody there."""
        self._answer(480, now)

    def _answer(self, status: int, now: float) -> None:
        if self.tx.request is not None:
            respond(self.switch, self.tx, self.tx.request, status, now)
