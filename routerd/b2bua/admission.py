"""Who is asking: bans and rates before anything is remembered, then a trunk by address, or credentials (RFC 3261 §22).

Theory of operation. :meth:`Admission.quick` looks at a request before it has a transaction; what it refuses leaves
nothing behind, and its answer is a function of the request, so that every retransmission gets the same To tag.
:meth:`Admission.identify` judges credentials. Each challenge bears in ``opaque`` a seal of the address it was sent to:
whoever returns it has received it, so only such failures ban an address and nobody is banned by somebody who merely
writes that address into his packets. Failures without the seal shut out only requests without the seal. A user whose
password is being guessed from many places stays reachable from where it was right before.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING, Final

from routerd.b2bua import effects as fx
from routerd.b2bua.amplification import fits
from routerd.b2bua.limits import Bans, Failures, GoodSources, Rates
from routerd.b2bua.trunk_sources import TrunkSources
from routerd.errors import ParseError
from routerd.rules import addresses
from routerd.sip import build, digest

# the tag by which the layer knows the ACK of a stateless answer
from routerd.sip.transaction_layer import fill_via, stateless_tag

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange
    from routerd.b2bua.trunk_sources import Candidate
    from routerd.rules.tables import AccountTables, Extension, Trunk
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request

CREDENTIALS: Final = ("Authorization", "Proxy-Authorization")
RETRY_AFTER_S: Final = "5"
SEAL_DIGITS: Final = 16
# libre before 2.0 refuses to go on where anything but MD5 is offered, even beside it (RFC 8760 §2.4 wants it ignored)
MD5_ONLY: Final = ("baresip v0.", "baresip v1.")
_DEFAULT_PORTS: Final = {5060, 5061}


class Party:
    """Who sent a request: ``kind`` is trunk, extension, or anyone (an OPTIONS to the server itself).

    ``source`` is the address it came from, as far as it can be believed. ``account`` is there for the first two kinds.
    """

    __slots__ = ("_account", "extension", "kind", "source", "trunk")

    def __init__(
        self,
        kind: str,
        account: AccountTables | None,
        source: str,
        extension: Extension | None = None,
        trunk: Trunk | None = None,
    ) -> None:
        self.kind = kind
        self._account = account
        self.source = source
        self.extension = extension
        self.trunk = trunk

    @property
    def account(self) -> AccountTables:
        """The account of a trunk or an extension."""
        assert self._account is not None
        return self._account


class Refusal:
    """What to answer statelessly (see :meth:`Admission.answer`)."""

    __slots__ = ("headers", "reason", "status", "to_tag")

    def __init__(self, status: int, headers: list[tuple[str, str]], to_tag: str, reason: str) -> None:
        self.status = status
        self.headers = headers
        self.to_tag = to_tag
        self.reason = reason


class Admission:
    """The door. ``challenger`` must offer the algorithms of the settings."""

    __slots__ = (
        "_bans",
        "_challenger",
        "_exchange",
        "_failures",
        "_good",
        "_guarded",
        "_proxies",
        "_rates",
        "_seal_key",
        "_trunks",
        "_user_failures",
    )

    def __init__(self, exchange: Exchange, challenger: digest.Challenger) -> None:
        limits = exchange.settings.limits
        self._exchange = exchange
        self._challenger = challenger
        self._seal_key = (exchange.tokens.nonce() + exchange.tokens.nonce()).encode()
        self._rates: Rates[str] = Rates(limits.requests_per_second_by_source, limits.request_burst_by_source)
        self._bans: Bans[tuple[str, bool]] = Bans()
        self._failures: Failures[tuple[str, bool]] = Failures(limits.failures_before_ban, limits.failure_window_s)
        self._user_failures: Failures[tuple[str, str]] = Failures(limits.failures_before_ban, limits.failure_window_s)
        self._guarded: Bans[tuple[str, str]] = Bans()
        self._good: GoodSources[tuple[str, str]] = GoodSources()
        self._proxies = tuple(_network(text) for text in exchange.settings.trusted_proxies)
        self._trunks = TrunkSources(exchange.snapshot)

    # -- the two questions --

    def quick(self, request: Request, flow: Flow, now: float, size_bytes: int = 0) -> Refusal | None:
        """Look at a request outside a dialog before it has a transaction; None: go on to :meth:`identify`.

        ``size_bytes`` is how long the request was: an answer over UDP is at most three times as long.
        """
        source = self.source_of(request, flow)
        candidates = self._candidates(source)
        if not candidates and self._bans.holds((source, True), now):
            return self._refusal(request, 403, [], "banned")
        if not candidates and not self._rates.take(source, now):
            return self._refusal(request, 503, [("Retry-After", RETRY_AFTER_S)], "source_rate")
        try:
            if request.method == "REGISTER" and not request.to.uri.is_sip:
                return self._refusal(request, 400, [], "to_scheme")
            if _for_the_server(request) or not request.names.keys().isdisjoint(CREDENTIALS):
                return None
            if candidates and not self._must_prove(request, candidates):
                return None
        except ParseError as error:
            return self._refusal(request, error.status_hint, [], "malformed")
        return self._challenge(request, flow, source, now, size_bytes=size_bytes)

    def identify(self, request: Request, flow: Flow, now: float) -> Party | Refusal:
        """Say who sent the request, within its transaction; a Refusal is to be answered statelessly."""
        source = self.source_of(request, flow)
        try:
            here = request.names
            headers = [value for name in CREDENTIALS if name in here for value in request.get_all(name)]
            credentials = digest.choose_credentials(headers, self.realm_of(request)) if headers else None
            if credentials is not None:
                return self._judge(request, credentials, flow, source, now)
            candidates = self._candidates(source)
            if candidates and not self._must_prove(request, candidates):
                account, trunk = self._trunks.choose(candidates, request, flow)
                return Party("trunk", account, source, trunk=trunk)
            if _for_the_server(request):
                return Party("anyone", self._account_of(request), source)
        except ParseError as error:
            return self._refusal(request, error.status_hint, [], "malformed")
        return self._challenge(request, flow, source, now)

    def answer(self, request: Request, refusal: Refusal, flow: Flow) -> None:
        """Send a refusal without keeping anything."""
        self._exchange.note(f"refused_{refusal.reason}", f"{refusal.status} {request.method} {flow!r}")
        fill_via(request, request.via, flow)
        response = build.response(request, refusal.status, to_tag=refusal.to_tag, extra=refusal.headers)
        self._exchange.layer.reply_stateless(request, response, flow)

    # -- by address --

    def source_of(self, request: Request, flow: Flow) -> str:
        """Return the source address: the packet's, or what a trusted proxy in front of us saw and wrote into Via."""
        source = flow.remote[0]
        if not self._proxies or not addresses.contains(self._proxies, source):
            return source
        try:
            vias = request.vias
        except ParseError:
            return source
        if len(vias) < 2:
            return source
        seen = vias[1].received or vias[1].host
        return seen if addresses.parse(seen) is not None else source

    def _candidates(self, source: str) -> tuple[Candidate, ...]:
        if self._trunks.snapshot is not self._exchange.snapshot:
            self._trunks = TrunkSources(self._exchange.snapshot)
        return self._trunks.at(source)

    def _must_prove(self, request: Request, candidates: tuple[Candidate, ...]) -> bool:
        """Whether a sender at a trunk's address wants to be one of our phones: those are challenged."""
        if request.method == "REGISTER":
            return True
        uri = request.from_.uri
        user = uri.user
        if not uri.is_sip or not user:
            return False
        owner = self._exchange.snapshot.account_by_domain.get(uri.host)
        if owner is not None:
            return _is_phone(self._exchange.snapshot.accounts.get(owner), user)
        if uri.port is None or uri.port in _DEFAULT_PORTS:
            here = any(uri.host in {one.host, one.advertise} for one in self._exchange.settings.listeners)
        else:
            here = self._exchange.flows.ours(uri.host, uri.port)
        return here and any(_is_phone(account, user) for account, _ in candidates)

    # -- by credentials --

    def realm_of(self, request: Request) -> str:
        """Return the realm in which this request is challenged: it depends on the domains that it names alone."""
        accounts = self._exchange.snapshot.accounts
        account = self._by_domain(request)
        if account is None and len(accounts) == 1:
            account = next(iter(accounts.values()))
        if account is None or not account.account.domains:
            return self._exchange.settings.realm
        return account.account.domains[0]

    def _by_domain(self, request: Request) -> AccountTables | None:
        snapshot = self._exchange.snapshot
        for uri in (request.from_.uri, request.to.uri, request.request_uri):
            owner = snapshot.account_by_domain.get(uri.host)
            if owner is not None:
                return snapshot.accounts.get(owner)
        return None

    def _account_of(self, request: Request, username: str = "") -> AccountTables | None:
        """Return the account by domain, else the single one that knows the username, else the first."""
        account = self._by_domain(request)
        if account is not None:
            return account
        accounts = self._exchange.snapshot.accounts
        knowing = [one for one in accounts.values() if username in one.extension_by_username]
        return knowing[0] if len(knowing) == 1 else next(iter(accounts.values()), None)

    def _judge(self, request: Request, credentials: str, flow: Flow, source: str, now: float) -> Party | Refusal:
        parameters = digest.parse_parameters(credentials) or {}
        sealed = hmac.compare_digest(parameters.get("opaque", "").encode("utf-8", "replace"), self._seal(source))
        if self._bans.holds((source, sealed), now):
            return self._challenge(request, flow, source, now)
        claimed = parameters.get("username", "")
        account = self._account_of(request, claimed)
        name = account.account.id if account is not None else ""
        verdict = self._challenger.verify(
            credentials,
            request.method,
            request.uri,
            lambda username: _password(account, username),
            self.realm_of(request),
            now,
        )
        user = (name, verdict.username)
        if self._guarded.holds(user, now) and not self._good.knows(user, source):
            self._exchange.note("auth_guarded", f"{verdict.username[:60]} from {source}")
            return self._challenge(request, flow, source, now)
        if verdict.good and account is not None:
            return self._admitted(account, verdict.username, source)
        if verdict.genuine and not verdict.stale:
            self._failed(user, source, sealed=sealed, now=now)
        self._exchange.note("auth_failed", f"{verdict.outcome.value} {verdict.username[:60]} from {source}")
        return self._challenge(request, flow, source, now, stale=verdict.stale)

    def _admitted(self, account: AccountTables, username: str, source: str) -> Party:
        self._good.add((account.account.id, username), source)
        self._failures.forgive((source, True))
        extension = account.extension_by_username.get(username)
        if extension is not None:
            return Party("extension", account, source, extension=account.extensions[extension])
        return Party("trunk", account, source, trunk=_trunk_with(account, username))

    def _failed(self, user: tuple[str, str], source: str, *, sealed: bool, now: float) -> None:
        """Count a guess against where it came from and, when that is certain, against the name that was guessed at."""
        limits = self._exchange.settings.limits
        if sealed and self._user_failures.add(user, now):
            self._guarded.ban(user, now + limits.ban_s)
            self._exchange.publish(
                "security.ban", {"account": user[0], "user": user[1], "for_s": limits.ban_s, "reason": "guessing"}
            )
        if self._failures.add((source, sealed), now):
            self._shut_out(source, sealed=sealed, for_s=limits.ban_s, reason="guessing", now=now)

    # -- bans --

    def ban(self, address: str, for_s: float, reason: str, now: float) -> None:
        """Shut an address out, for an admin or for what it did."""
        self._shut_out(address, sealed=True, for_s=for_s, reason=reason, now=now)

    def unban(self, address: str) -> bool:
        """Let an address in again; False when it was not shut out. The edge forgets its ban by a Ban of 0 seconds."""
        lifted = [self._bans.lift((address, sealed)) for sealed in (True, False)]
        self._exchange.effects.append(fx.Ban(address, 0.0, "lifted"))
        return any(lifted)

    def bans(self, now: float) -> list[dict[str, object]]:
        """Return the bans that hold, for people and programs."""
        wall = self._exchange.wall
        return [
            {"address": address, "sealed": sealed, "until": wall(until)}
            for (address, sealed), until in self._bans.listed(now)
        ]

    def _shut_out(self, address: str, *, sealed: bool, for_s: float, reason: str, now: float) -> None:
        self._bans.ban((address, sealed), now + for_s)
        # others speak through a proxy's or a trunk's address: there only credentials are refused
        if sealed and not addresses.contains(self._proxies, address) and not self._candidates(address):
            self._exchange.effects.append(fx.Ban(address, for_s, reason))
        self._exchange.publish("security.ban", {"address": address, "for_s": for_s, "reason": reason, "proven": sealed})

    # -- challenges --

    def _challenge(
        self, request: Request, flow: Flow, source: str, now: float, *, stale: bool = False, size_bytes: int = 0
    ) -> Refusal:
        opaque = self._seal(source).decode("ascii")
        values = self._challenger.challenges(self.realm_of(request), now, stale, self._algorithms(request, flow))
        headers = [("WWW-Authenticate", f'{value}, opaque="{opaque}"') for value in values]
        if not flow.reliable and not fits(request, headers, size_bytes):
            headers = headers[-1:]
            if not fits(request, headers, size_bytes):
                return self._refusal(request, 403, [], "too_short")
        return self._refusal(request, 401, headers, "unauthenticated")

    def _algorithms(self, request: Request, flow: Flow) -> tuple[str, ...]:
        """Return what to offer here: the listener's own list, but only MD5 to clients known to give up at others."""
        settings = self._exchange.settings
        offered = next((one.digest for one in settings.listeners if one.digest and one.serves(flow)), settings.digest)
        if "MD5" in offered and (request.get("User-Agent") or "").startswith(MD5_ONLY):
            return ("MD5",)
        return offered

    def _refusal(self, request: Request, status: int, headers: list[tuple[str, str]], reason: str) -> Refusal:
        return Refusal(status, headers, stateless_tag(request), reason)

    def _seal(self, source: str) -> bytes:
        mac = hmac.digest(self._seal_key, source.encode("utf-8", "surrogateescape"), "sha256")
        return mac.hex()[:SEAL_DIGITS].encode()


def _for_the_server(request: Request) -> bool:
    """Whether this is an OPTIONS that asks us ourselves, and nobody behind us (RFC 3261 §11)."""
    return request.method == "OPTIONS" and not request.request_uri.user


def _is_phone(account: AccountTables | None, user: str) -> bool:
    return account is not None and (user in account.extension_by_username or user in account.extensions)


def _trunk_with(account: AccountTables, username: str) -> Trunk | None:
    return next((t for t in account.trunks.values() if t.auth is not None and t.auth.username == username), None)


def _password(account: AccountTables | None, username: str) -> str | None:
    """Return the password of a phone or a trunk; known and unknown names cost the same look-ups."""
    if account is None:
        return None
    trunk = _trunk_with(account, username)
    extension = account.extension_by_username.get(username)
    if extension is not None:
        return account.extensions[extension].password
    return trunk.auth.password if trunk is not None and trunk.auth is not None else None


def _network(text: str) -> tuple[int, int, int]:
    network = ipaddress.ip_network(text, strict=False)
    return network.version, int(network.network_address), int(network.broadcast_address)
