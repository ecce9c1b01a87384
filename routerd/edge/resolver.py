"""DNS for the switch: dnspython on the loop, a cache that lives as long as the answers, and the host's own names.

A question is answered once: from the hosts file and ``localhost`` (RFC 6761 §6.3), from the cache, or by asking. The
same question asked again while one is out waits for that answer. Failures are remembered for a few seconds, so that a
dead server does not hold every call for the whole of its timeout.
"""

from __future__ import annotations

import asyncio
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from routerd.b2bua.effects import DnsAnswer
from routerd.edge import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.effects import AskDns
    from routerd.sip.server_location import DnsQuestion

Records = list[tuple[Any, ...]]
TIMEOUT_S = 2.0
LIFETIME_S = 4.0
NEGATIVE_S = 10.0
SHORTEST_S = 1.0
LONGEST_S = 3600.0
MOST_CACHED = 10_000
HOSTS = Path("/etc/hosts")


def read_hosts(text: str) -> dict[tuple[str, str], Records]:
    """Give the answers that a hosts file holds, by lower-case name and kind (A or AAAA); bad lines are passed over."""
    found: dict[tuple[str, str], Records] = {
        ("localhost", "A"): [("127.0.0.1",)],
        ("localhost", "AAAA"): [("::1",)],
    }
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        try:
            version = ipaddress.ip_address(address).version
        except ValueError:
            continue
        kind = "A" if version == 4 else "AAAA"
        for name in names:
            records = found.setdefault((name.lower(), kind), [])
            if (address,) not in records:
                records.append((address,))
    return found


class Resolver:
    """Answers AskDns effects: ``ask`` is the performer, ``answer`` hears the answers.

    ``servers`` are ``(address, port)`` pairs in place of the system's (for tests and for settings).
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        answer: Callable[[DnsAnswer], None],
        *,
        servers: list[tuple[str, int]] | None = None,
        hosts: Path = HOSTS,
    ) -> None:
        self._loop = loop
        self._answer = answer
        self._servers = servers
        self._hosts_path = hosts
        self._hosts: dict[tuple[str, str], Records] = {}
        self._hosts_stamp = -1.0
        self._cache: dict[tuple[str, str], tuple[float, Records | None]] = {}
        self._waiting: dict[tuple[str, str], list[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._resolver: dns.asyncresolver.Resolver | None = None

    def ask(self, effect: AskDns) -> None:
        """Answer a question, now or when the servers have."""
        key = question_key(effect.question)
        cached = self._cache.get(key)
        if cached is not None and cached[0] > clock.monotonic():
            self._answer(DnsAnswer(effect.number, cached[1]))
            return
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.append(effect.number)
            return
        known = self._known_here(key)
        if known is not None:
            self._answer(DnsAnswer(effect.number, known))
            return
        self._waiting[key] = [effect.number]
        task = self._loop.create_task(self._resolve(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Stop asking; what is out is not answered any more."""
        for task in self._tasks:
            task.cancel()

    def _known_here(self, key: tuple[str, str]) -> Records | None:
        if key[1] not in {"A", "AAAA"}:
            return None
        try:
            stamp = self._hosts_path.stat().st_mtime
            if stamp != self._hosts_stamp:
                self._hosts = read_hosts(self._hosts_path.read_text(encoding="utf-8", errors="replace"))
                self._hosts_stamp = stamp
        except OSError:
            self._hosts = read_hosts("")
        found = self._hosts.get(key)
        if found is None and (key[0], "AAAA" if key[1] == "A" else "A") in self._hosts:
            return []  # the name is the host's own, it only has no address of this family
        return found

    async def _resolve(self, key: tuple[str, str]) -> None:
        try:
            async with asyncio.timeout(LIFETIME_S + 1):
                life_s, records = await self._query(*key)
        except (dns.exception.DNSException, OSError, TimeoutError, ValueError):
            life_s, records = NEGATIVE_S, None
        if len(self._cache) >= MOST_CACHED:
            self._cache.clear()
        self._cache[key] = (clock.monotonic() + min(max(life_s, SHORTEST_S), LONGEST_S), records)
        for number in self._waiting.pop(key, []):
            self._answer(DnsAnswer(number, records))

    async def _query(self, name: str, kind: str) -> tuple[float, Records]:
        if self._resolver is None:
            self._resolver = self._make_resolver()
        answer = await self._resolver.resolve(dns.name.from_text(name), dns.rdatatype.from_text(kind), search=False)
        records = [fields(kind, record) for record in answer]
        return max(0.0, answer.rrset.ttl if answer.rrset is not None else 0.0), records

    def _make_resolver(self) -> dns.asyncresolver.Resolver:
        if self._servers is None:
            resolver = dns.asyncresolver.Resolver()
        else:
            resolver = dns.asyncresolver.Resolver(configure=False)
            resolver.nameservers = [address for address, _ in self._servers]
            resolver.nameserver_ports = dict(self._servers)
        resolver.timeout = TIMEOUT_S
        resolver.lifetime = LIFETIME_S
        return resolver


def fields(kind: str, record: Any) -> tuple[Any, ...]:
    """Give one record as the tuple that ``Location.answer`` wants."""
    if kind == "SRV":
        return (record.priority, record.weight, record.port, record.target.to_text().rstrip("."))
    if kind == "NAPTR":
        return (
            record.order,
            record.preference,
            record.flags.decode("ascii", "replace"),
            record.service.decode("ascii", "replace"),
            record.replacement.to_text().rstrip("."),
        )
    return (record.address,)


def question_key(question: DnsQuestion) -> tuple[str, str]:
    """Give what a question is cached under."""
    return (question.name.lower().rstrip("."), question.kind)
