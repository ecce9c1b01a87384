"""Where a request goes: RFC 3263 §4 as question and answer, without a socket.

Theory of operation. A ``Location`` is one resolution of one URI. It starts in the first stage that the URI calls for
and moves on by itself as soon as the last outstanding question is answered::

    NAPTR ──► SRV ──► ADDRESS ──► DONE        no transport, no port, a name
              SRV ──► ADDRESS ──► DONE        a transport, no port, a name
                      ADDRESS ──► DONE        a port and a name
                                  DONE        an IP literal; or nothing that we can speak

Every stage leaves *services* behind (transport, SRV name) or *hosts* (transport, host, port), in the order in which
they are to be tried; the addresses only fill the hosts in. Whoever resolves follows CNAMEs, keeps time, and answers
``None`` for a failure: an unanswered question would hold the resolution for ever. A hostile zone is bounded by
``MAX_RECORDS`` an answer, ``MAX_QUESTIONS`` and ``MAX_TARGETS`` a resolution; there is no recursion to bound.

How to use: ask what ``next_questions()`` gives, hand every result to ``answer()``, repeat until ``finished``, then walk
``targets()`` with a ``Failover`` (§4.3). ``numeric_target`` is the quick way for URIs that need no question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from routerd.sip.grammar import is_hostname, is_ipv6

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.sip.tokens import Tokens
    from routerd.sip.uri import Uri

MAX_RECORDS = 32
MAX_QUESTIONS = 64
MAX_TARGETS = 64
MAX_NAME = 253

DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}  # RFC 3261 §19.1.2, RFC 7118 §5.5
SRV_PREFIXES = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}  # WebSockets have no SRV
NAPTR_TRANSPORTS = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls", "SIP+D2W": "ws", "SIPS+D2W": "wss"}
SECURED = {"tcp": "tls", "tls": "tls", "ws": "wss", "wss": "wss"}  # what a transport means in a sips URI (§4.1)


class Target:
    """One place to send to: ``transport`` udp|tcp|tls|ws|wss, ``host`` an IP literal, ``port``.

    ``server_name`` is the name that a TLS peer's certificate must bear: the URI's, not the SRV's (RFC 5922 §4).
    """

    __slots__ = ("host", "port", "server_name", "transport")

    def __init__(self, transport: str, host: str, port: int, server_name: str) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.server_name = server_name

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Target)
            and self.transport == other.transport
            and self.host == other.host
            and self.port == other.port
            and self.server_name == other.server_name
        )

    def __hash__(self) -> int:
        return hash((self.transport, self.host, self.port, self.server_name))

    def __repr__(self) -> str:
        return f"{self.transport}:{self.host}:{self.port}({self.server_name})"


@dataclass(frozen=True, slots=True)
class DnsQuestion:
    """A question for the resolver; ``kind`` is NAPTR, SRV, A or AAAA."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Service:
    """A transport and the SRV name that lists its servers."""

    transport: str
    name: str


@dataclass(frozen=True, slots=True)
class _Host:
    """A server whose addresses are wanted."""

    transport: str
    name: str
    port: int


class Location:
    """One resolution. ``supported`` are our transports; ``ipv6`` says whether we can send to it.

    Where the URI leaves the transport open, its scheme's default goes first (§4.1), then the others as given. Ask
    ``next_questions()``, give every ``answer()``, and take ``targets()`` when ``finished``. Raises nothing.
    """

    __slots__ = (
        "_answers",
        "_candidates",
        "_hosts",
        "_kinds",
        "_new",
        "_pending",
        "_questions_left",
        "_server_name",
        "_services",
        "_stage",
        "_target",
        "_tokens",
    )

    def __init__(
        self, uri: Uri, tokens: Tokens, *, supported: Sequence[str] = ("udp", "tcp", "tls"), ipv6: bool = True
    ) -> None:
        self._tokens = tokens
        self._kinds: tuple[str, ...] = ("AAAA", "A") if ipv6 else ("A",)
        self._target = _target_name(uri)
        self._server_name = uri.host
        self._candidates = _candidate_transports(uri, supported)
        self._services: list[_Service] = []
        self._hosts: list[_Host] = []
        self._answers: dict[DnsQuestion, list[tuple[Any, ...]] | None] = {}
        self._pending: dict[DnsQuestion, None] = {}
        self._new: list[DnsQuestion] = []
        self._questions_left = MAX_QUESTIONS
        self._stage = "DONE"
        if self._target and self._candidates:
            self._begin(uri)

    def _begin(self, uri: Uri) -> None:
        """Enter the first stage that the URI calls for (§4.1, §4.2)."""
        first = self._candidates[0]
        if is_ip_literal(self._target):
            port = uri.port if uri.port is not None else DEFAULT_PORTS[first]
            self._hosts = [_Host(first, self._target, port)]
        elif uri.port is not None:
            self._ask_addresses([_Host(first, self._target, uri.port)])
        elif uri.transport is not None:
            self._ask_services(self._own_services())
        else:
            self._stage = "NAPTR"
            self._ask(self._target, "NAPTR")

    @property
    def finished(self) -> bool:
        """Whether every question is answered and ``targets()`` is final."""
        return self._stage == "DONE"

    def questions(self) -> list[DnsQuestion]:
        """Give every question still unanswered, asked or not; empty when finished."""
        return list(self._pending)

    def next_questions(self) -> list[DnsQuestion]:
        """Give the unanswered questions that this method has not given before: each is to be asked once."""
        new = [question for question in self._new if question in self._pending]
        self._new.clear()
        return new

    def answer(self, question: DnsQuestion, records: list[tuple[Any, ...]] | None) -> None:
        """Take the ``records`` that answer ``question``; None or empty: no such name, no data, failure, timeout.

        SRV: (priority, weight, port, target); NAPTR: (order, preference, flags, service, replacement); A and AAAA:
        (address,). Answers to what was not asked, and second answers, are ignored.
        """
        if question not in self._pending:
            return
        del self._pending[question]
        self._answers[question] = records
        if not self._pending:
            self._advance()

    def _advance(self) -> None:
        if self._stage == "NAPTR":
            self._end_naptr()
        elif self._stage == "SRV":
            self._end_srv()
        else:
            self._stage = "DONE"

    def _ask(self, name: str, kind: str) -> None:
        question = DnsQuestion(name, kind)
        if question in self._answers or question in self._pending or self._questions_left == 0:
            return
        self._questions_left -= 1
        self._pending[question] = None
        self._new.append(question)

    def _own_services(self) -> list[_Service]:
        """Give the SRV names that we make up ourselves, for want of NAPTR (§4.1)."""
        made = [_Service(one, SRV_PREFIXES[one] + self._target) for one in self._candidates if one in SRV_PREFIXES]
        # A plain sip URI is asked for under _sip only; TLS is taken when it is all that we speak.
        return [service for service in made if service.transport != "tls"] or made

    def _end_naptr(self) -> None:
        """Keep the best order that names a transport of ours (RFC 3403 §4.1), its preferences ascending."""
        best: list[tuple[int, _Service | _Host]] = []
        best_order = -1
        records = self._answers[DnsQuestion(self._target, "NAPTR")] or []
        for order, preference, flags, service, replacement in sorted(records)[:MAX_RECORDS]:
            transport = NAPTR_TRANSPORTS.get(str(service).upper())
            name = _dns_name(replacement)
            if transport not in self._candidates or transport is None or not name:
                continue
            if best and order != best_order:
                break
            best_order = order
            if str(flags).lower() == "s":
                best.append((preference, _Service(transport, name)))
            elif str(flags).lower() == "a":
                best.append((preference, _Host(transport, name, DEFAULT_PORTS[transport])))
        services = [entry for _, entry in best if isinstance(entry, _Service)]
        self._hosts = [entry for _, entry in best if isinstance(entry, _Host)]
        self._ask_services(services if best else self._own_services())

    def _ask_services(self, services: list[_Service]) -> None:
        self._stage = "SRV"
        self._services = list(dict.fromkeys(services))
        for service in self._services:
            self._ask(service.name, "SRV")
        if not self._pending:
            self._end_srv()

    def _end_srv(self) -> None:
        """Turn the SRV answers into hosts; fall back to the name itself when no answer had a record (§4.2)."""
        hosts: list[_Host] = []
        any_record = False
        for service in self._services:
            records = self._answers.get(DnsQuestion(service.name, "SRV")) or []
            any_record = any_record or bool(records)
            hosts += [_Host(service.transport, name, port) for name, port in order_srv(records, self._tokens)]
        hosts += self._hosts
        if not any_record and not hosts:
            fallback = self._services[0].transport if self._services else self._candidates[0]
            hosts = [_Host(fallback, self._target, DEFAULT_PORTS[fallback])]
        self._ask_addresses(hosts)

    def _ask_addresses(self, hosts: list[_Host]) -> None:
        self._stage = "ADDRESS"
        self._hosts = list(dict.fromkeys(hosts))
        for host in self._hosts:
            if not is_ip_literal(host.name):
                for kind in self._kinds:
                    self._ask(host.name, kind)
        if not self._pending:
            self._stage = "DONE"

    def targets(self) -> list[Target]:
        """Give where to send, best first, without duplicates; empty before ``finished`` or when nothing was found."""
        if not self.finished:
            return []
        found: dict[Target, None] = {}
        for host in self._hosts:
            for address in self._addresses_of(host.name):
                found[Target(host.transport, address, host.port, self._server_name)] = None
        return list(found)[:MAX_TARGETS]

    def _addresses_of(self, name: str) -> list[str]:
        """Give a host's addresses, the families taking turns so that one dead family costs one attempt at a time."""
        if is_ip_literal(name):
            return [name] if _is_ipv4(name) or "AAAA" in self._kinds else []
        families: list[list[str]] = []
        for kind in self._kinds:
            records = self._answers.get(DnsQuestion(name, kind)) or []
            families.append([str(record[0]) for record in records[:MAX_RECORDS] if _is_address(str(record[0]), kind)])
        longest = max(len(family) for family in families)
        return [family[index] for index in range(longest) for family in families if index < len(family)]


class Failover:
    """Walks the targets of one request: the next one when the current is dead (§4.3).

    A target is dead when the transport failed, the transaction timed out, or it answered 503. The retry is a new
    transaction with a new branch; ACK and CANCEL go where their INVITE went.
    """

    __slots__ = ("_index", "targets")

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = tuple(targets)
        self._index = 0

    @property
    def current(self) -> Target | None:
        """The target in use; None when there was none, or none is left."""
        return self.targets[self._index] if self._index < len(self.targets) else None

    def next(self) -> Target | None:
        """Give up the current target and give the next, or None when none is left."""
        if self._index < len(self.targets):
            self._index += 1
        return self.current


def numeric_target(uri: Uri) -> Target | None:
    """Give the target of a URI whose host (or maddr) is an IP literal; None when a ``Location`` is needed.

    None also for a transport that does not go with the URI: the ``Location`` then finds no target either.
    """
    known = _numeric.get(uri.raw, _UNKNOWN)
    if known is _UNKNOWN:
        known = _numeric_target(uri)
        if len(_numeric) >= _MAX_NUMERIC:
            _numeric.clear()
        _numeric[uri.raw] = known
    return known


# Where a call goes is where the next one goes; and a dialog's requests all have one target.
_MAX_NUMERIC: Final = 2_000
_UNKNOWN: Final = Target("", "", 0, "")
_numeric: dict[str, Target | None] = {}


def _numeric_target(uri: Uri) -> Target | None:
    target = _target_name(uri)
    if not is_ip_literal(target):
        return None
    candidates = _candidate_transports(uri, ("udp", "tls") if uri.transport is None else tuple(DEFAULT_PORTS))
    if not candidates:
        return None
    port = uri.port if uri.port is not None else DEFAULT_PORTS[candidates[0]]
    return Target(candidates[0], target, port, uri.host)


def order_srv(records: Sequence[tuple[Any, ...]], tokens: Tokens) -> list[tuple[str, int]]:
    """Order SRV records (priority, weight, port, target) as (target, port): RFC 2782, priorities and random weights.

    At most ``MAX_RECORDS`` are regarded; the target "." (no service here) and unusable records are left out.
    """
    by_priority: dict[int, list[tuple[int, str, int]]] = {}
    for priority, weight, port, target in sorted(records)[:MAX_RECORDS]:
        name = _dns_name(target)
        if name and 0 < port <= 0xFFFF:
            by_priority.setdefault(priority, []).append((max(0, weight), name, port))
    ordered: list[tuple[str, int]] = []
    for _, group in sorted(by_priority.items()):
        ordered += _draw_by_weight(group, tokens)
    return ordered


def _draw_by_weight(group: list[tuple[int, str, int]], tokens: Tokens) -> list[tuple[str, int]]:
    """Draw the records of one priority without putting back, each as likely as its weight (RFC 2782, "Weight")."""
    left = sorted(group, key=lambda record: record[0])  # weight 0 comes first: a very small chance, not none
    ordered: list[tuple[str, int]] = []
    while left:
        drawn = tokens.number(sum(weight for weight, _, _ in left) + 1) if len(left) > 1 else 0
        running = 0
        for index, (weight, name, port) in enumerate(left):
            running += weight
            if running >= drawn:
                ordered.append((name, port))
                del left[index]
                break
    return ordered


def _target_name(uri: Uri) -> str:
    """Give what §4 calls TARGET: maddr when present, else the host."""
    target = (uri.params.get("maddr") or uri.host).strip("[]").lower()
    return target if is_ipv6(target) else _dns_name(target)


def _candidate_transports(uri: Uri, supported: Sequence[str]) -> list[str]:
    """Give the transports of ours that the URI allows, the default one first (§4.1); empty: it cannot be reached."""
    if uri.scheme not in {"sip", "sips"} or uri.port == 0:
        return []
    secure = uri.scheme == "sips"
    wanted = uri.transport
    if wanted is not None:
        transport = SECURED.get(wanted) if secure else wanted
        return [transport] if transport in supported and transport in DEFAULT_PORTS else []
    usable = [one for one in supported if one in DEFAULT_PORTS and (not secure or one in {"tls", "wss"})]
    default = "tls" if secure else "udp"
    return sorted(usable, key=lambda one: one != default)


def _dns_name(name: object) -> str:
    """Give a name in lower case without its root dot; empty when it is the root, or none that can be asked for."""
    text = str(name).lower().removesuffix(".")
    return text if len(text) <= MAX_NAME and is_hostname(text) else ""


def is_ip_literal(host: str) -> bool:
    """Whether ``host`` (IPv6 without brackets) is an address and needs no question."""
    return _is_ipv4(host) or is_ipv6(host)


def _is_ipv4(host: str) -> bool:
    parts = host.split(".")
    return len(parts) == 4 and all(
        part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 255 for part in parts
    )


def _is_address(text: str, kind: str) -> bool:
    """Whether an A or AAAA record bears an address of its own family."""
    return _is_ipv4(text) if kind == "A" else is_ipv6(text)
