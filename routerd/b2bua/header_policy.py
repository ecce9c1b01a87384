"""What leg B gets to see: numbers and identity per trunk, and the few headers that cross (RFC 3323, 3325, 3326, 5806).

Nothing crosses that is not on the list here: a header from outside is never copied by default, so nothing can be
smuggled under another spelling. Identity is always made anew from what routing decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.errors import ParseError
from routerd.sip.grammar import quote
from routerd.sip.uri import Uri, escape_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.rules.plan import Ring
    from routerd.rules.tables import NumberPlan, Trunk
    from routerd.sip.message import Message, Request

CROSSING: Final = ("Subject", "Priority", "Accept-Language", "User-to-User", "X-Call-Label")
FROM_TRUSTED: Final = ("Alert-Info", "Identity", "Geolocation")
ELSEWHERE: Final = 'SIP;cause=200;text="Call completed elsewhere"'


class InviteParts:
    """What an outgoing INVITE is made of, apart from what its flow decides (Via, Contact) and its body."""

    __slots__ = ("extra", "from_", "max_forwards", "next_hop", "routes", "to", "uri", "user")

    def __init__(
        self,
        *,
        uri: str,
        from_: str,
        to: str,
        next_hop: str,
        user: str,
        max_forwards: int,
        routes: Sequence[str] = (),
        extra: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.uri = uri
        self.from_ = from_
        self.to = to
        self.next_hop = next_hop
        self.user = user
        self.max_forwards = max_forwards
        self.routes = tuple(routes)
        self.extra = tuple(extra)


def hops_left(request: Request) -> int:
    """Return the Max-Forwards that a request bears on the other side; below 0 it goes no further (RFC 3261 §16.3)."""
    return min((70 if request.max_forwards is None else request.max_forwards) - 1, 70)


def crossing(request: Request | None, *, trusted: bool) -> list[tuple[str, str]]:
    """Return the headers of the caller's INVITE that leg B may see."""
    if request is None:
        return []
    names = CROSSING + FROM_TRUSTED if trusted else CROSSING
    here = request.names
    return [(name, value) for name in names if name in here for value in request.get_all(name)]


def reasons(message: Message) -> list[str]:
    """Return the Reason values of a message, which cross on BYE, CANCEL and responses (RFC 3326)."""
    return message.get_all("Reason")[:2]


def write_number(number: str, trunk: Trunk, plan: NumberPlan) -> str:
    """Write a called E.164 number as the trunk wants it: its format, then digits stripped, then prepended."""
    text = format_number(number, trunk, plan)
    if trunk.strip_digits:
        plus = "+" if text.startswith("+") else ""
        text = plus + text.removeprefix("+")[trunk.strip_digits :]
    return trunk.prepend_digits + text


def format_number(number: str, trunk: Trunk, plan: NumberPlan) -> str:
    """Write an E.164 number in the trunk's number format."""
    digits = number.removeprefix("+")
    if trunk.number_format == "plus_e164":
        return number
    if trunk.number_format == "national" and number.startswith("+"):
        if digits.startswith(plan.code):
            return plan.national_prefix + digits[len(plan.code) :]
        return (plan.international_prefixes[0] if plan.international_prefixes else "00") + digits
    return digits


def to_trunk(
    ring: Ring, trunk: Trunk, plan: NumberPlan, own_host: str, max_forwards: int, extra: Sequence[tuple[str, str]]
) -> InviteParts:
    """Make the INVITE's parts towards a trunk for a number. Raises ParseError when the trunk's target is no URI."""
    target = Uri.parse(trunk.target)
    port = f":{target.port}" if target.port is not None else ""
    host = f"[{target.host}]" if target.is_ipv6 else target.host
    transport = f";transport={target.transport}" if target.transport else ""
    number = write_number(ring.target, trunk, plan)
    uri = f"{target.scheme}:{number}@{host}{port}{transport}"
    headers = list(extra)
    from_ = _identity(ring, trunk, plan, trunk.from_domain or own_host, headers)
    if ring.diversion is not None:
        diverted = format_number(ring.diversion, trunk, plan)
        headers.append(
            ("Diversion", f"<sip:{escape_user(diverted)}@{trunk.from_domain or own_host}>;reason=unconditional")
        )
    return InviteParts(
        uri=uri,
        from_=from_,
        to=f"<{target.scheme}:{number}@{host}{port}>",
        next_hop=trunk.outbound_proxy or uri,
        user=trunk.from_user or (trunk.auth.username if trunk.auth is not None and trunk.register else ""),
        max_forwards=max_forwards,
        routes=(f"<{_loose(trunk.outbound_proxy)}>",) if trunk.outbound_proxy else (),
        extra=headers,
    )


def _loose(proxy: str) -> str:
    return proxy if ";lr" in proxy else f"{proxy};lr"


def _identity(ring: Ring, trunk: Trunk, plan: NumberPlan, domain: str, headers: list[tuple[str, str]]) -> str:
    """Return the From value; append the identity headers that the trunk wants (RFC 3325 §9, RFC 3323 §4.2)."""
    if ring.shown is None:
        headers.append(("Privacy", "id"))
        return '"Anonymous" <sip:anonymous@anonymous.invalid>'
    shown = format_number(ring.shown, trunk, plan)
    name = f"{quote(ring.shown_name)} " if ring.shown_name else ""
    address = f"<sip:{escape_user(shown)}@{domain}>"
    if trunk.identity == "p_asserted":
        headers.append(("P-Asserted-Identity", f"{name}{address}"))
    elif trunk.identity == "preferred":
        headers.append(("P-Preferred-Identity", f"{name}{address}"))
    elif trunk.identity == "remote_party":
        headers.append(("Remote-Party-ID", f"{name}{address};party=calling;screen=yes;privacy=off"))
    return f"{name}<sip:{trunk.from_user}@{domain}>" if trunk.from_user else f"{name}{address}"


def to_contact(
    ring: Ring,
    contact_uri: str,
    extension: str,
    domain: str,
    path: Sequence[str],
    max_forwards: int,
    extra: Sequence[tuple[str, str]],
) -> InviteParts:
    """Make the INVITE's parts towards a registered contact; ``path`` is its stored route (RFC 3327 §5.4)."""
    headers = list(extra)
    if ring.shown is None:
        from_ = '"Anonymous" <sip:anonymous@anonymous.invalid>'
    else:
        name = f"{quote(ring.shown_name)} " if ring.shown_name else ""
        from_ = f"{name}<sip:{escape_user(ring.shown)}@{domain}>"
    if ring.diversion is not None:
        headers.append(("Diversion", f"<sip:{escape_user(ring.diversion)}@{domain}>;reason=unconditional"))
    return InviteParts(
        uri=contact_uri,
        from_=from_,
        to=f"<sip:{extension}@{domain}>",
        next_hop=_first_uri(path[0]) if path else contact_uri,
        user=escape_user(ring.shown or ""),
        max_forwards=max_forwards,
        routes=path,
        extra=headers,
    )


def to_address(ring: Ring, domain: str, max_forwards: int, extra: Sequence[tuple[str, str]]) -> InviteParts:
    """Make the INVITE's parts towards an agent's ``sip_address`` outside."""
    parts = to_contact(ring, ring.target, "", domain, (), max_forwards, extra)
    parts.to = f"<{ring.target}>"
    return parts


def _first_uri(route: str) -> str:
    start, end = route.find("<"), route.find(">")
    return route[start + 1 : end] if 0 <= start < end else route


def asserted_number(request: Request) -> str | None:
    """Return the user part of the caller's asserted identity: PAI, else RPID (from trusted trunks only)."""
    for header in ("P-Asserted-Identity", "Remote-Party-ID"):
        for address in request.addresses(header):
            uri = address.uri
            if uri.user:
                return uri.user
    return None


def is_private(request: Request) -> bool:
    """Whether the caller wants to stay unknown (RFC 3323 §4.2: id, user or header)."""
    return any(word.strip().lower() in {"id", "user", "header"} for word in (request.get("Privacy") or "").split(";"))


def caller_of(request: Request, *, trusted: bool) -> str | None:
    """Return the caller's number as it came (None: anonymous): PAI where the source is trusted, else From."""
    try:
        if trusted:
            if is_private(request):
                return None
            number = asserted_number(request)
            if number is not None:
                return number
        user = request.from_.uri.user
    except ParseError:
        user = None
    return None if user is None or user.lower() in {"anonymous", "unavailable", "unknown", ""} else user


def dialled_of(request: Request, number_source: str) -> str:
    """Return what was dialled, as the trunk says where to look: request_uri, to, p_called_party_id or header:NAME."""
    try:
        return _source_of(request, number_source) or ""
    except ParseError:
        return ""


def _source_of(request: Request, number_source: str) -> str | None:
    if number_source == "to":
        return request.to.uri.user
    if number_source == "p_called_party_id":
        return next((address.uri.user for address in request.addresses("P-Called-Party-ID")), None)
    if number_source.startswith("header:"):
        value = request.get(number_source[7:]) or ""
        return Uri.parse(_first_uri(value)).user if ":" in value else value.strip()
    return request.request_uri.user
