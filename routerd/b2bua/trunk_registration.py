"""A REGISTER of ours, kept alive at a provider (RFC 3261 §10.2).

Theory of operation. A *try* is one REGISTER and what follows at once from its answer: one more for a challenge of our
realm, one more for a 423. It ends in a binding, refreshed when 80 to 90 % of what was granted has gone by, or in a
failure, after which the next try waits: 30 s at first, twice as long each time, ten minutes at most, never two
machines in step. Credentials are shown to the trunk's own registrar only. Call-ID and From tag stay the same for all
of a trunk's life, the CSeq grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua.exchange import SERVER
from routerd.b2bua.outgoing import Outgoing, answer_challenge
from routerd.b2bua.trunk_health import route_of, server_uri
from routerd.errors import ParseError
from routerd.sip import build
from routerd.sip.message import delta_seconds
from routerd.sip.uri import Uri, escape_user

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange
    from routerd.rules.tables import Trunk, TrunkAuth
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request, Response
    from routerd.sip.timers import Timer

WANTED_S: Final = 3600
MOST_S: Final = 604_800
FIRST_RETRY_S: Final = 30.0
LONGEST_RETRY_S: Final = 600.0
FLOW_LOST_RETRY_S: Final = 2.0
_STEPS: Final = 1000


class TrunkRegistration:
    """The registration of one trunk at its provider; begins with :meth:`start`, ends with :meth:`stop`."""

    __slots__ = (
        "_auth",
        "_authorization",
        "_call_id",
        "_challenged",
        "_contact",
        "_cseq",
        "_ending",
        "_exchange",
        "_expires_at",
        "_failures",
        "_last",
        "_lengthened",
        "_name",
        "_outgoing",
        "_tag",
        "_timer",
        "_trunk",
        "_wanted_s",
        "flow",
    )

    def __init__(self, exchange: Exchange, account: str, trunk: Trunk) -> None:
        assert trunk.auth is not None
        self._exchange = exchange
        self._name = f"{account}/{trunk.id}"
        self._trunk = trunk
        self._auth: TrunkAuth = trunk.auth
        self._call_id = exchange.tokens.call_id()
        self._tag = exchange.tokens.tag()
        self._cseq = 0
        self._wanted_s = WANTED_S
        self._failures = 0
        self._last = "not tried yet"
        self._expires_at = 0.0
        self._ending = False
        self._challenged = False
        self._lengthened = False
        self._authorization: tuple[str, str] | None = None
        self._contact = ""
        self._outgoing: Outgoing | None = None
        self._timer: Timer | None = None
        self.flow: Flow | None = None

    # -- for the upkeep --

    def start(self, now: float) -> None:
        """Begin the first try."""
        self._try(now)

    def stop(self, now: float) -> None:
        """Take the binding back, where there may be one, and try no more."""
        if self._ending:
            return
        self._ending = True
        self._stop_timer()
        if self._outgoing is not None or self._expires_at > now:
            self._try(now)

    def flow_lost(self, now: float) -> None:
        """Register anew soon: the provider cannot reach us over the connection that it knows."""
        if not self._ending and self._outgoing is None:
            self._later(FLOW_LOST_RETRY_S, now)

    def registered(self, now: float) -> bool:
        """Whether the provider holds a binding of ours."""
        return not self._ending and self._expires_at > now

    def view(self, now: float) -> dict[str, Any]:
        """Return the registration for people and programs."""
        registered = self.registered(now)
        return {
            "state": "registered" if registered else "failed" if self._failures else "trying",
            "last": self._last,
            "failures": self._failures,
            "expires_at": self._exchange.wall(self._expires_at) if registered else None,
            "next_try_in_s": None if self._timer is None else max(0.0, round(self._timer.deadline - now, 1)),
        }

    # -- a try --

    def timer_fired(self, _name: str, now: float) -> None:
        """Begin the next try."""
        self._timer = None
        self._try(now)

    def _try(self, now: float) -> None:
        self._challenged = False
        self._lengthened = False
        self._authorization = None
        self._send(now)

    def _send(self, now: float) -> None:
        if self._outgoing is not None:
            self._outgoing.close()
        outgoing = self._outgoing = Outgoing(self._exchange, self, self._recipe)
        outgoing.start(self._trunk.outbound_proxy or self._trunk.target, None, now)

    def _recipe(self, flow: Flow, branch: str) -> Request:
        self._cseq += 1
        self.flow = flow
        self._contact = self._exchange.flows.contact(flow, contact_user(self._trunk))
        address = f"<{self._address_of_record()}>"
        extra = [("Expires", "0" if self._ending else str(self._wanted_s)), ("User-Agent", SERVER)]
        if self._authorization is not None:
            extra.append(self._authorization)
        return build.request(
            "REGISTER",
            server_uri(self._trunk.target),
            via=self._exchange.flows.via(flow, branch),
            from_=f"{address};tag={self._tag}",
            to=address,
            call_id=self._call_id,
            cseq=self._cseq,
            routes=route_of(self._trunk),
            contact=self._contact,
            extra=extra,
        )

    def _address_of_record(self) -> str:
        uri = Uri.parse(server_uri(self._trunk.target))
        return f"{uri.scheme}:{escape_user(self._auth.username)}@{self._trunk.from_domain or uri.host_text}"

    # -- its answers --

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Take an answer: a binding, something to be tried once more, or a failure."""
        status = response.status
        if status < 200 or outgoing is not self._outgoing:
            return
        if (status in {401, 407} and self._answer(response)) or (status == 423 and self._lengthen(response)):
            self._send(now)
            return
        self._close()
        if self._ending:
            self._expires_at = 0.0
        elif status < 300:
            self._granted(response, now)
        else:
            if status in {401, 403, 404, 407}:
                self._expires_at = 0.0
            self._failed(str(status), _retry_after_s(response), now)

    def _answer(self, response: Response) -> bool:
        """Answer a challenge once a try, with this trunk's credentials, where its realm is the configured one."""
        if self._challenged:
            return False
        self._challenged = True
        auth, uri = self._auth, server_uri(self._trunk.target)
        cnonce = self._exchange.tokens.nonce()
        self._authorization = answer_challenge(
            response, "REGISTER", uri, auth.username, auth.password, auth.realm, cnonce
        )
        return self._authorization is not None

    def _lengthen(self, response: Response) -> bool:
        """Ask once a try for as long as the registrar wants (§10.2.8)."""
        least_s = delta_seconds(response.get("Min-Expires") or "", 0)
        if self._lengthened or self._ending or not self._wanted_s < least_s <= MOST_S:
            return False
        self._lengthened = True
        self._wanted_s = least_s
        # the answer to a challenge was for this nonce's first use; a new one will be asked for
        self._authorization = None
        self._challenged = False
        return True

    def _granted(self, response: Response, now: float) -> None:
        granted_s = min(self._lifetime(response), MOST_S)
        if granted_s <= 0:
            self._failed("granted 0 s", 0.0, now)
            return
        self._failures = 0
        self._last = str(response.status)
        self._expires_at = now + granted_s
        share = 0.8 + self._exchange.tokens.number(_STEPS) / (10 * _STEPS)
        self._later(granted_s * share, now)

    def _lifetime(self, response: Response) -> int:
        """Return what was granted to our own Contact, else to all (§10.2.4)."""
        ours = Uri.parse(self._contact[1:-1])
        try:
            for address in response.contacts:
                if "expires" in address.params and _same_place(address.uri, ours):
                    return delta_seconds(address.params["expires"] or "", self._wanted_s)
        except ParseError as error:
            self._exchange.note("trunk_contacts_malformed", f"{self._name}: {error}")
        header = response.get("Expires")
        return self._wanted_s if header is None else delta_seconds(header, self._wanted_s)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Take silence, a lost transport or an unknown name as failure."""
        if outgoing is self._outgoing:
            self._outgoing = None
            if not self._ending:
                self._failed(cause, 0.0, now)

    def _failed(self, why: str, not_before_s: float, now: float) -> None:
        self._last = why
        base_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._exchange.note("trunk_not_registered", f"{self._name}: {why}")
        jitter = 0.9 + self._exchange.tokens.number(_STEPS) / (5 * _STEPS)
        self._later(max(base_s * jitter, min(not_before_s, LONGEST_RETRY_S)), now)

    def _later(self, delay_s: float, now: float) -> None:
        self._stop_timer()
        self._timer = self._exchange.timers.after(delay_s, self, "register", now)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        if self._outgoing is not None:
            self._outgoing.close()
            self._outgoing = None


def contact_user(trunk: Trunk) -> str:
    """Return the user part of the Contact that a registering trunk's provider sends calls to."""
    return escape_user(trunk.auth.username) if trunk.auth is not None else ""


def _same_place(one: Uri, other: Uri) -> bool:
    return (one.user, one.host, one.port or 5060) == (other.user, other.host, other.port or 5060)


def _retry_after_s(response: Response) -> float:
    text = (response.get("Retry-After") or "").partition(";")[0].partition("(")[0]
    return float(delta_seconds(text, 0))
