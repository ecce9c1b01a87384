"""Who is reachable where: the bindings of all extensions (RFC 3261 §10, RFC 5626, RFC 3327).

Theory of operation. A binding is pinned to the flow by which its REGISTER came; that flow, not the Contact's address,
is where requests to it go, so NAT needs no guessing. Each change is journalled and published. One timer serves all
expiries: a heap holds one entry a binding, put back when the binding was refreshed in the meantime. A binding leaves
by :meth:`LocationService.drop`, whatever the reason. Whoever keeps bindings alive is told through :class:`Watcher`.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from routerd.b2bua import nat_verdict
from routerd.errors import ParseError
from routerd.sip.flow import Flow
from routerd.sip.server_location import Target
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange
    from routerd.sip.timers import Timer

PUSH_PREFIX = "pn-"
EXTENSIONS_A_PAGE: Final = 500  # about a millisecond
_Key = TypeVar("_Key")


class Binding:
    """One contact of one extension. Other schemes than SIP's are kept for who fetches, and never rung (§10.2.1).

    ``uri`` is the Contact's URI as it came, ``contact`` the same typed; ``flow`` the pinned flow; ``path`` the stored
    Route values; ``expires_at`` and ``registered_at`` (of the last REGISTER) are monotonic seconds; ``source`` is the
    address that admission believed; ``params`` holds the push parameters (RFC 8599); ``pings`` says that the phone
    wants CRLF instead of OPTIONS to keep its way open (RFC 5626). ``sent_by`` is what its Via said.
    """

    __slots__ = (
        "account",
        "call_id",
        "contact",
        "cseq",
        "expires_at",
        "extension",
        "flow",
        "instance",
        "live",
        "params",
        "path",
        "pings",
        "q",
        "reg_id",
        "registered_at",
        "sent_by",
        "source",
        "uri",
        "user_agent",
    )

    def __init__(
        self,
        account: str,
        extension: str,
        contact: Uri,
        flow: Flow,
        *,
        expires_at: float,
        registered_at: float,
        call_id: str,
        cseq: int,
        path: tuple[str, ...] = (),
        q: float = 1.0,
        instance: str | None = None,
        reg_id: int | None = None,
        user_agent: str = "",
        source: str = "",
        pings: bool = False,
        sent_by: str = "",
    ) -> None:
        self.account = account
        self.extension = extension
        self.contact = contact
        self.uri: str = contact.raw
        self.flow = flow
        self.path = path
        self.expires_at = expires_at
        self.registered_at = registered_at
        self.q = q
        self.instance = instance
        self.reg_id = reg_id
        self.call_id = call_id
        self.cseq = cseq
        self.user_agent = user_agent
        self.source: str = source or flow.remote[0]
        self.params: dict[str, str | None] = {k: v for k, v in contact.params.items() if k.startswith(PUSH_PREFIX)}
        self.pings = pings
        self.sent_by = sent_by
        self.live = False

    @property
    def target(self) -> str:
        """The URI as a Request-URI: without the headers behind ``?``, which might be any (RFC 3261 §19.1.5)."""
        return self.uri.partition("?")[0]

    @property
    def behind_nat(self) -> bool:
        """Whether the Contact names another place in SIP than the one the REGISTER came from."""
        if not self.contact.is_sip:
            return False
        port = self.contact.port or (5061 if self.flow.secure else 5060)
        return (self.contact.host, port) != self.flow.remote

    def __repr__(self) -> str:
        return f"Binding({self.account}/{self.extension} {self.uri} by {self.flow!r})"


Arrived = Callable[[Binding, float], None]


class Watcher(Protocol):
    """Who wants to know of bindings that come and go."""

    def binding_added(self, binding: Binding, now: float) -> None:
        """Hear of a new binding."""

    def binding_removed(self, binding: Binding, now: float) -> None:
        """Hear that a binding is gone."""


class LocationService:
    """All bindings of one switch."""

    __slots__ = (
        "_arrived",
        "_bindings",
        "_by_flow",
        "_count",
        "_exchange",
        "_expiries",
        "_order",
        "_timer",
        "_watcher",
    )

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._bindings: dict[tuple[str, str], list[Binding]] = {}  # newest first
        self._by_flow: dict[Flow, list[Binding]] = {}
        self._expiries: list[tuple[float, int, Binding]] = []
        self._timer: Timer | None = None
        self._watcher: Watcher | None = None
        self._arrived: Arrived | None = None
        self._order = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def watch(self, watcher: Watcher) -> None:
        """Tell ``watcher`` of every binding that comes or goes from now on."""
        self._watcher = watcher

    def hear_arrivals(self, arrived: Arrived) -> None:
        """Call ``arrived(binding, now)`` for each contact that registers and was not there before."""
        self._arrived = arrived

    # -- asking --

    def contacts(self, account: str, extension: str, now: float) -> list[Binding]:
        """Return the live bindings, newest first; only those of SIP whose flow can be sent on."""
        alive = self._exchange.flows.alive
        found = self._bindings.get((account, extension), ())
        return [b for b in found if b.expires_at > now and b.contact.is_sip and alive(b.flow)]

    def all_of(self, account: str, extension: str, now: float) -> list[Binding]:
        """Return the unexpired bindings, newest first, whatever became of their flow."""
        return [binding for binding in self._bindings.get((account, extension), ()) if binding.expires_at > now]

    def sources(self, account: str, extension: str) -> tuple[str, ...]:
        """Return the source addresses of the bindings, newest first."""
        return tuple(b.source for b in self._bindings.get((account, extension), ()) if b.contact.is_sip)

    def page(self, now: float, first: int) -> tuple[list[dict[str, Any]], int | None]:
        """Return a page of the bindings, for people and programs, and where the next page begins (None: there is none).

        ``first`` is the place of the page's first extension; times are UTC seconds.
        """
        further = first + EXTENSIONS_A_PAGE
        some = islice(self._bindings.values(), first, further)
        rows = [self._view(binding, now) for bindings in some for binding in bindings]
        return rows, further if len(self._bindings) > further else None

    def _view(self, binding: Binding, now: float) -> dict[str, Any]:
        wall, judged = self._exchange.wall, nat_verdict.verdict(binding)
        return {
            "account": binding.account,
            "extension": binding.extension,
            "contact": binding.uri,
            "transport": binding.flow.transport,
            "source": binding.source,
            "remote": f"{binding.flow.remote[0]}:{binding.flow.remote[1]}",
            "path": list(binding.path),
            "q": binding.q,
            "instance": binding.instance,
            "reg_id": binding.reg_id,
            "user_agent": binding.user_agent,
            "nat": judged.verdict,
            "nat_text": judged.text,
            "registered_at": wall(binding.registered_at),
            "expires_at": wall(binding.expires_at),
            "expires_in_s": max(0, round(binding.expires_at - now)),
        }

    # -- changing --

    def add(self, binding: Binding, now: float, replaced: Binding | None = None) -> None:
        """Put a binding before the others of its extension; ``replaced`` is the one that it refreshes or succeeds."""
        fresh = replaced is None or replaced.uri != binding.uri
        if replaced is not None and not fresh:
            self._take_out(replaced, now)
        elif replaced is not None:
            self.drop(replaced, "replaced", now)
        self._put_in(binding, now)
        self._exchange.journal("binding", self._entry(binding, "add"), urgent=True)
        if fresh:
            self._exchange.publish("registration.added", self._view(binding, now))
            if self._arrived is not None:
                self._arrived(binding, now)

    def drop(self, binding: Binding, reason: str, now: float) -> None:
        """Remove a binding; ``reason`` is expired, unregistered, replaced, unreachable, flow_lost or admin."""
        if not binding.live:
            return
        self._take_out(binding, now)
        self._exchange.journal("binding", self._entry(binding, "remove"), urgent=True)
        self._exchange.publish("registration.removed", {**self._view(binding, now), "reason": reason})

    def lose_flow(self, flow: Flow, now: float) -> None:
        """Remove the bindings of a stream that is gone: nobody can be reached by them any more."""
        for binding in list(self._by_flow.get(flow, ())):
            self.drop(binding, "flow_lost", now)

    def _put_in(self, binding: Binding, now: float) -> None:
        binding.live = True
        self._count += 1
        self._bindings.setdefault((binding.account, binding.extension), []).insert(0, binding)
        if binding.flow.reliable:
            self._by_flow.setdefault(binding.flow, []).append(binding)
        self._file(binding, binding.expires_at, now)
        if self._watcher is not None:
            self._watcher.binding_added(binding, now)

    def _take_out(self, binding: Binding, now: float) -> None:
        binding.live = False
        self._count -= 1
        _leave(self._bindings, (binding.account, binding.extension), binding)
        if binding.flow.reliable:
            _leave(self._by_flow, binding.flow, binding)
        if not self._count:
            self._expiries.clear()
            self._stop_timer()
        if self._watcher is not None:
            self._watcher.binding_removed(binding, now)

    # -- expiry --

    def _file(self, binding: Binding, at: float, now: float) -> None:
        self._order += 1
        heappush(self._expiries, (at, self._order, binding))
        if len(self._expiries) > 64 + 4 * self._count:
            # what was refreshed long before its time leaves dead entries behind
            self._expiries = sorted(entry for entry in self._expiries if entry[2].live)
        self._arm(now)

    def _arm(self, now: float) -> None:
        deadline = self._expiries[0][0] if self._expiries else None
        if deadline is None:
            self._stop_timer()
        elif self._timer is None or self._timer.deadline > deadline:
            self._stop_timer()
            self._timer = self._exchange.timers.after(max(0.0, deadline - now), self, "expire", now)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def timer_fired(self, _name: str, now: float) -> None:
        """Drop what has expired."""
        self._timer = None
        while self._expiries and self._expiries[0][0] <= now:
            binding = heappop(self._expiries)[2]
            if binding.live:
                self.drop(binding, "expired", now)
        self._arm(now)

    # -- across a restart --

    def _entry(self, binding: Binding, action: str) -> dict[str, Any]:
        return {
            "action": action,
            "account": binding.account,
            "extension": binding.extension,
            "uri": binding.uri,
            "contact": binding.uri,  # the name under which the store keeps it
            "transport": binding.flow.transport,
            "local": list(binding.flow.local),
            "remote": list(binding.flow.remote),
            "connection": binding.flow.connection,
            "path": list(binding.path),
            "expires_at": self._exchange.wall(binding.expires_at),
            "registered_at": self._exchange.wall(binding.registered_at),
            "q": binding.q,
            "instance": binding.instance,
            "reg_id": binding.reg_id,
            "call_id": binding.call_id,
            "cseq": binding.cseq,
            "user_agent": binding.user_agent,
            "source": binding.source,
            "pings": binding.pings,
            "sent_by": binding.sent_by,
        }

    def restore(self, entry: dict[str, Any], now: float) -> None:
        """Take a journalled binding back after a restart: datagram bindings only, a stream did not outlive us."""
        try:
            binding = self._rebuilt(entry, now)
        except (KeyError, TypeError, ValueError, IndexError, ParseError) as error:
            self._exchange.note("binding_unreadable", f"{type(error).__name__}: {error}")
            return
        if binding is None or binding.expires_at <= now:
            self._exchange.journal("binding", {**entry, "action": "remove"}, urgent=True)
            return
        for other in self.all_of(binding.account, binding.extension, now):
            if other.contact.equals(binding.contact):
                return  # registered again before we had read so far
        self._put_in(binding, now)

    def _rebuilt(self, entry: dict[str, Any], now: float) -> Binding | None:
        flow = self._restored_flow(entry)
        if flow is None:
            return None
        offset = self._exchange.wall(now) - now
        return Binding(
            str(entry["account"]),
            str(entry["extension"]),
            Uri.parse(str(entry["uri"])),
            flow,
            expires_at=float(entry["expires_at"]) - offset,
            registered_at=float(entry.get("registered_at", entry["expires_at"])) - offset,
            call_id=str(entry["call_id"]),
            cseq=int(entry["cseq"]),
            path=tuple(str(route) for route in entry.get("path") or ()),
            q=float(entry.get("q", 1.0)),
            instance=entry.get("instance"),
            reg_id=entry.get("reg_id"),
            user_agent=str(entry.get("user_agent") or ""),
            source=str(entry.get("source") or ""),
            pings=bool(entry.get("pings")),
            sent_by=str(entry.get("sent_by") or ""),
        )

    def _restored_flow(self, entry: dict[str, Any]) -> Flow | None:
        if entry["transport"] != "udp":
            return None
        local = (str(entry["local"][0]), int(entry["local"][1]))
        remote = (str(entry["remote"][0]), int(entry["remote"][1]))
        listeners = self._exchange.settings.listeners
        if any(listener.transport == "udp" and (listener.host, listener.port) == local for listener in listeners):
            return Flow("udp", local, remote)
        return self._exchange.flows.towards(Target("udp", remote[0], remote[1], ""))


def _leave(table: dict[_Key, list[Binding]], key: _Key, binding: Binding) -> None:
    members = table.get(key)
    if members is not None:
        members.remove(binding)
        if not members:
            del table[key]
