"""REGISTER: who is where, in the order of RFC 3261 §10.3; with Path (RFC 3327) and outbound (RFC 5626).

Theory of operation. The sender has been authenticated; here it is checked that it registers itself and nobody else.
What the request wants is first worked out whole, as a list of changes against the bindings that there are, and refused
whole when one part of it is wrong; only then is anything changed. So an update is atomic (§10.3 step 7).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from routerd.b2bua.exchange import SERVER
from routerd.b2bua.location import Binding
from routerd.errors import ParseError, RemoteProtocolError
from routerd.sip import build
from routerd.sip.grammar import quote
from routerd.sip.message import delta_seconds

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange
    from routerd.b2bua.location import LocationService
    from routerd.rules.tables import AccountTables, Extension
    from routerd.sip.message import Request
    from routerd.sip.name_addr import NameAddr
    from routerd.sip.transaction_layer import ServerTransaction
    from routerd.sip.uri import Uri

SUPPORTED: Final = ("path", "outbound")
HOUR_S: Final = 3600
MAX_PATH: Final = 16
MAX_URI: Final = 1024
RETRY_AFTER_S: Final = "30"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class _Change:
    """One Contact of a request: the binding it makes (None: removes) and the one it meets."""

    __slots__ = ("met", "new")

    def __init__(self, new: Binding | None, met: Binding | None) -> None:
        self.new = new
        self.met = met


class Registrar:
    """Serves REGISTER requests of authenticated phones; keeps what they say in a LocationService."""

    __slots__ = ("_exchange", "_location")

    def __init__(self, exchange: Exchange, location: LocationService) -> None:
        self._exchange = exchange
        self._location = location

    def serve(
        self,
        tx: ServerTransaction,
        request: Request,
        account: AccountTables,
        extension: Extension,
        now: float,
        source: str = "",
    ) -> None:
        """Answer ``tx``: ``extension`` is who the sender proved to be, ``source`` where from if not from the flow."""
        tx.to_tag = tx.to_tag or self._exchange.tokens.tag()
        try:
            check_address(request, account, extension, self._exchange)
            headers = self._update(tx, request, account.account.id, extension, now, source)
        except ParseError as error:
            self._refuse(tx, request, error.status_hint, str(error), now)
        except RemoteProtocolError as error:
            self._refuse(tx, request, error.status_hint, str(error), now)
        else:
            answer = build.response(request, 200, to_tag=tx.to_tag, extra=headers)
            self._exchange.layer.respond(tx, answer, now)

    def _refuse(self, tx: ServerTransaction, request: Request, status: int, why: str, now: float) -> None:
        extra = [("Server", SERVER)]
        if status == 421:
            extra.append(("Require", "path"))
        elif status == 423:
            extra.append(("Min-Expires", str(self._exchange.settings.min_expires_s)))
        elif status == 503:
            extra.append(("Retry-After", RETRY_AFTER_S))
        self._exchange.note("register_refused", f"{status} {why}")
        self._exchange.layer.respond(tx, build.response(request, status, to_tag=tx.to_tag, extra=extra), now)

    # -- the update --

    def _update(
        self, tx: ServerTransaction, request: Request, account: str, extension: Extension, now: float, source: str
    ) -> list[tuple[str, str]]:
        """Do what the request wants; return the 200's headers. Raises before anything was changed."""
        path = _path(request)
        found = self._location.all_of(account, extension.id, now)
        outbound = False
        if request.contact_is_star:
            self._remove_all(request, found, now)
        else:
            changes = _Update(self._exchange, tx, request, found, path, source, now).plan(account, extension.id)
            self._check_room(changes)
            outbound = any(change.new is not None and change.new.reg_id is not None for change in changes)
            self._apply(changes, now)
            self._trim(account, extension, now)
        return self._listing(account, extension.id, path, outbound=outbound, now=now)

    def _remove_all(self, request: Request, found: list[Binding], now: float) -> None:
        """Serve ``Contact: *``: only with Expires 0, and with a newer CSeq than each binding's (§10.3 step 6)."""
        if (request.get("Expires") or "").strip() != "0":
            raise RemoteProtocolError("Contact: * wants Expires: 0", 400)
        for binding in found:
            _check_order(binding, request)
        for binding in found:
            self._location.drop(binding, "unregistered", now)

    def _check_room(self, changes: list[_Change]) -> None:
        more = sum((change.new is not None) - (change.met is not None) for change in changes)
        if more > 0 and len(self._location) + more > self._exchange.settings.limits.max_registrations:
            raise RemoteProtocolError("no room for more registrations", 503)

    def _apply(self, changes: list[_Change], now: float) -> None:
        for change in changes:
            if change.new is not None:
                self._location.add(change.new, now, change.met)
            elif change.met is not None:
                self._location.drop(change.met, "unregistered", now)

    def _trim(self, account: str, extension: Extension, now: float) -> None:
        """Let the oldest contacts make room when the extension has more than it may."""
        for binding in self._location.all_of(account, extension.id, now)[max(1, extension.max_contacts) :]:
            self._location.drop(binding, "replaced", now)

    def _listing(
        self, account: str, extension: str, path: tuple[str, ...], *, outbound: bool, now: float
    ) -> list[tuple[str, str]]:
        """Make the 200's headers: all contacts with their lifetimes (§10.3 step 8), Path, Require, Date."""
        headers = [("Contact", _written(b, now)) for b in self._location.all_of(account, extension, now)]
        headers += [("Path", route) for route in path]
        if outbound:
            headers.append(("Require", "outbound"))
        headers.append(("Supported", ", ".join(SUPPORTED)))
        headers.append(("Date", http_date(self._exchange.wall(now))))
        headers.append(("Server", SERVER))
        return headers


class _Update:
    """What one REGISTER wants, worked out against the bindings that there are."""

    __slots__ = ("_exchange", "_found", "_now", "_outbound", "_path", "_request", "_source", "_tx")

    def __init__(
        self,
        exchange: Exchange,
        tx: ServerTransaction,
        request: Request,
        found: list[Binding],
        path: tuple[str, ...],
        source: str,
        now: float,
    ) -> None:
        self._exchange = exchange
        self._tx = tx
        self._request = request
        self._found = list(found)
        self._path = path
        self._source = source
        self._now = now
        self._outbound = "outbound" in request.supported

    def plan(self, account: str, extension: str) -> list[_Change]:
        """Return the changes in the order of the Contacts. Raises ParseError or RemoteProtocolError for any bad one."""
        contacts = self._request.contacts
        changes: list[_Change] = []
        for address in contacts:
            expires_s = self._lifetime(address)
            new = self._binding(account, extension, address, expires_s)
            again = next((c for c in changes if c.new is not None and c.new.contact.equals(new.contact)), None)
            if again is not None:
                # the same contact twice in one request: the later wins
                again.new = new if expires_s else None
                continue
            met = self._met(new, alone=len(contacts) == 1)
            if met is not None:
                _check_order(met, self._request)
                self._found.remove(met)
            changes.append(_Change(new if expires_s else None, met))
        if len(contacts) > 1 and any(c.new is not None and c.new.reg_id is not None for c in changes):
            raise RemoteProtocolError("a reg-id beside other contacts (RFC 5626 §6)", 400)
        return changes

    def _lifetime(self, address: NameAddr) -> int:
        """Return the seconds that a contact is granted; 0 removes it. Raises 423 when too brief (§10.3 step 7)."""
        settings = self._exchange.settings
        default_s = settings.default_expires_s
        text = address.params.get("expires")
        header = self._request.get("Expires")
        if "expires" in address.params:
            wanted_s = delta_seconds(text or "", default_s)
        else:
            wanted_s = default_s if header is None else delta_seconds(header, default_s)
        if 0 < wanted_s < min(settings.min_expires_s, HOUR_S):
            raise RemoteProtocolError(f"{wanted_s} s is too brief", 423)
        return min(wanted_s, settings.max_expires_s)

    def _binding(self, account: str, extension: str, address: NameAddr, expires_s: int) -> Binding:
        request = self._request
        contact = address.uri
        self._check_contact(contact)
        instance = address.params.get("+sip.instance") or None
        reg_id = self._reg_id(address) if instance is not None else None
        return Binding(
            account,
            extension,
            contact,
            self._tx.flow,
            expires_at=self._now + expires_s,
            registered_at=self._now,
            call_id=request.call_id,
            cseq=request.cseq.number,
            path=self._path,
            q=_q_value(address),
            instance=instance,
            reg_id=reg_id,
            user_agent=(request.get("User-Agent") or "")[:200],
            source=self._source,
            pings=self._outbound or "ob" in contact.params,
            sent_by=_sent_by(request),
        )

    def _check_contact(self, contact: Uri) -> None:
        """Refuse what could never be reached: sips over an open way (RFC 5630 §5.1.1), no host; and giants."""
        if (contact.is_sip and not contact.host) or len(contact.raw) > MAX_URI:
            raise RemoteProtocolError(f"contact {contact.raw[:60]}", 400)
        open_way = not self._tx.flow.secure and not self._path
        if contact.scheme == "sips" and open_way:
            raise RemoteProtocolError("a sips contact over an open transport", 400)
        if self._request.to.uri.scheme == "sips" and contact.scheme == "sip" and open_way:
            raise RemoteProtocolError("a sip contact of a sips address", 400)

    def _reg_id(self, address: NameAddr) -> int | None:
        """Return the flow's number where outbound is in use; 439 when the first hop cannot keep flows (RFC 5626 §6)."""
        text = address.params.get("reg-id")
        if text is None or not self._outbound:
            return None
        if not (text.isascii() and text.isdigit()) or not 0 < len(text) <= 10 or not 0 < int(text) < 2**31:
            raise RemoteProtocolError("reg-id", 400)
        if len(self._request.vias) > 1 and not _keeps_flows(self._path):
            raise RemoteProtocolError("the first hop lacks outbound support", 439)
        return int(text)

    def _met(self, new: Binding, *, alone: bool) -> Binding | None:
        """Return the binding that ``new`` refreshes or succeeds: by instance and reg-id, else by URI (§19.1.4)."""
        if new.reg_id is not None:
            for binding in self._found:
                if binding.instance == new.instance and binding.reg_id == new.reg_id:
                    return binding
        for binding in self._found:
            if binding.contact.equals(new.contact):
                return binding
        if new.instance is None or new.reg_id is not None or not alone:
            return None
        # a phone that was started again: same instance, another port
        for binding in self._found:
            if binding.instance == new.instance and binding.reg_id is None and binding.call_id != new.call_id:
                return binding
        return None


# -- the parts of a REGISTER --


def check_address(request: Request, account: AccountTables, extension: Extension, exchange: Exchange) -> None:
    """Check that the address of record is the sender's own (§10.3 steps 4 and 5).

    Raises 400 for a To that is no SIP URI, 404 for a domain that is not ours, 403 for somebody else's address.
    """
    to = request.to.uri
    if not to.is_sip:
        raise RemoteProtocolError(f"To with the scheme {to.scheme}", 400)
    owner = exchange.snapshot.account_by_domain.get(to.host)
    if owner is None and not _is_here(to, request.request_uri, account, exchange):
        raise RemoteProtocolError(f"no domain of ours: {to.host[:60]}", 404)
    if owner not in {None, account.account.id} or to.user not in {extension.id, extension.username}:
        raise RemoteProtocolError(f"{extension.id} may not register {to.raw[:60]}", 403)


def _is_here(to: Uri, request_uri: Uri, account: AccountTables, exchange: Exchange) -> bool:
    """Whether a host that is no configured domain means this server: our address, our realm, or what was asked for."""
    if not account.account.domains or to.host == exchange.settings.realm.lower():
        return True
    return exchange.flows.ours(to.host, to.port) or to.host == request_uri.host


def _sent_by(request: Request) -> str:
    """Return the address that the phone itself wrote into its Via (the last one)."""
    via = request.vias[-1]
    host = f"[{via.host}]" if ":" in via.host else via.host
    return host if via.port is None else f"{host}:{via.port}"


def _path(request: Request) -> tuple[str, ...]:
    """Return the Path values to be stored; 421 when the phone does not understand them (RFC 3327 §5.3)."""
    if request.get("Path") is None:
        return ()
    if "path" not in request.supported:
        raise RemoteProtocolError("Path without Supported: path", 421)
    routes = request.addresses("Path")
    if len(routes) > MAX_PATH or not all(route.uri.is_sip for route in routes):
        raise RemoteProtocolError("Path", 400)
    return tuple(str(route) for route in routes)


def _keeps_flows(path: tuple[str, ...]) -> bool:
    """Whether the first hop said that it keeps the phone's flow: ``ob`` in the Path's last value (RFC 5626 §5.1)."""
    return bool(path) and ";ob" in path[-1].lower()


def _check_order(binding: Binding, request: Request) -> None:
    """Refuse what is older than what we know (§10.3 step 7)."""
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise RemoteProtocolError(f"CSeq {request.cseq.number} after {binding.cseq}", 500)


def _q_value(address: NameAddr) -> float:
    """Return the preference of a contact, 0 to 1, 1 when none is given (§20.10). Raises 400 for another value."""
    text = address.params.get("q")
    if text is None:
        return 1.0
    whole, _, decimals = text.partition(".")
    if whole not in {"0", "1"} or len(decimals) > 3 or (decimals and not (decimals.isascii() and decimals.isdigit())):
        raise RemoteProtocolError(f"q={text[:20]}", 400)
    value = float(text)
    if value > 1.0:
        raise RemoteProtocolError(f"q={text[:20]}", 400)
    return value


def _written(binding: Binding, now: float) -> str:
    """Write a binding as a Contact value of a 200."""
    # never more than is left, and never 0, which would read as removed
    text = f"<{binding.uri}>;expires={max(1, int(binding.expires_at - now))}"
    if binding.q != 1.0:
        text += f";q={binding.q:g}"
    if binding.instance is not None:
        text += f";+sip.instance={quote(binding.instance)}"
    if binding.reg_id is not None:
        text += f";reg-id={binding.reg_id}"
    return text


def http_date(wall: float) -> str:
    """Write an instant (UTC seconds) as Date wants it (RFC 3261 §20.17)."""
    at = datetime.fromtimestamp(int(wall), UTC)
    return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} GMT"
