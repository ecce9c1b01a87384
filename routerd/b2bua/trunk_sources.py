"""Which trunks may a packet come from: the addresses of all trunks of a snapshot, looked up by source."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from routerd.b2bua.header_policy import dialled_of
from routerd.errors import ParseError
from routerd.rules import addresses, number
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from routerd.rules.tables import AccountTables, Snapshot, Trunk
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request

Candidate = tuple["AccountTables", "Trunk"]

REMEMBERED = 10_000


class TrunkSources:
    """The trunks of one snapshot by source address; make a new one for each snapshot."""

    __slots__ = ("_found", "_hosts", "_networks", "snapshot")

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._hosts: dict[tuple[int, int], list[Candidate]] = {}
        self._networks: list[tuple[int, int, int, Candidate]] = []
        self._found: OrderedDict[str, tuple[Candidate, ...]] = OrderedDict()
        for account in snapshot.accounts.values():
            for trunk in account.trunks.values():
                self._add(account, trunk)

    def _add(self, account: AccountTables, trunk: Trunk) -> None:
        for version, first, last in trunk.networks:
            if first == last:
                self._hosts.setdefault((version, first), []).append((account, trunk))
            else:
                self._networks.append((version, first, last, (account, trunk)))

    def at(self, source: str) -> tuple[Candidate, ...]:
        """Return the trunks whose networks hold the address ``source``, in the order of the documents."""
        found = self._found.get(source)
        if found is None:
            found = self._found[source] = self._search(source)
            if len(self._found) > REMEMBERED:
                self._found.popitem(last=False)
        return found

    def _search(self, source: str) -> tuple[Candidate, ...]:
        parsed = addresses.parse(source)
        if parsed is None:
            return ()
        version, value = parsed
        found = list(self._hosts.get(parsed, ()))
        found += [who for v, first, last, who in self._networks if v == version and first <= value <= last]
        unique = {(account.account.id, trunk.id): (account, trunk) for account, trunk in found}
        return tuple(unique.values())

    def choose(self, candidates: tuple[Candidate, ...], request: Request, flow: Flow) -> Candidate:
        """Pick among trunks at one address: by the dialled number's account, then by the port of the trunk's target."""
        if len(candidates) == 1:
            return candidates[0]
        fitting = [who for who in candidates if self._owner(request, who) == who[0].account.id] or list(candidates)
        return next((who for who in fitting if _port_of(who[1]) == flow.remote[1]), fitting[0])

    def _owner(self, request: Request, candidate: Candidate) -> str | None:
        """Return the account that owns what was dialled, read as this trunk writes it."""
        account, trunk = candidate
        dialled = dialled_of(request, trunk.number_source)
        owner = self.snapshot.account_by_number.get(dialled)
        if owner is None:
            e164 = number.to_e164(account.account.plan, dialled)
            owner = self.snapshot.account_by_number.get(e164) if e164 is not None else None
        return owner


def _port_of(trunk: Trunk) -> int:
    try:
        uri = Uri.parse(trunk.target)
    except ParseError:
        return 0
    return uri.port or (5061 if uri.scheme == "sips" or uri.transport == "tls" else 5060)
