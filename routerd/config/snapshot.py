"""Accounts' tables ↔ the snapshot of a whole switch: built at once, or rebuilt in slices from frames.

Theory of operation: the control process compiles; :func:`frames` cuts an account's tables into msgpack frames of at
most ``CHUNK`` objects. The sip process feeds one frame at a time, with calls in between, to a
:class:`SnapshotBuilder` made from the snapshot that it has; ``finish`` gives the new one for a single assignment.
What nobody pins any more is emptied by a :class:`Retirement`, again in slices, because dropping the last reference to
100,000 agents at once holds the loop for long.

A frame is ``[section, payload]``: ``begin`` (account id, version), a section for each field, ``end``.
"""

from __future__ import annotations

import typing
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.errors import ConfigError
from routerd.rules.tables import AccountTables, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK: Final = 200
_PURGE: Final = 2 * CHUNK
_SINGLE: Final = (
    "account",
    "route_lengths",
    "destination_policy",
    "first_number",
    "login_based_agents",
    "boxes_with_pin",
)
_KEYS: Final[dict[str, str]] = {
    "trunks": "id",
    "numbers": "number",
    "time_groups": "id",
    "time_conditions": "id",
    "routers": "id",
    "agents": "id",
    "extensions": "id",
    "address_lists": "id",
    "area_codes": "id",
    "ivrs": "id",
    "departments": "id",
    "voicemails": "id",
    "sounds": "id",
    "zones": "name",
}
_PLAIN: Final = (
    "routes",
    "blocked",
    "blocked_prefixes",
    "extension_by_username",
    "agent_by_extension",
    "agent_by_intercom",
    "boxes_by_agent",
    "department_numbers",
)


def build_snapshot(accounts: Iterable[AccountTables], version: int) -> Snapshot:
    """Put accounts together. Raises ConfigError when two have one id, number or domain."""
    snapshot = Snapshot(accounts={}, account_by_number={}, account_by_domain={}, version=version)
    for tables in accounts:
        name = tables.account.id
        if name in snapshot.accounts:
            raise ConfigError(f'two documents are of the account "{name}"', pointer="/account/id")
        snapshot.accounts[name] = tables
        for number in tables.numbers:
            _claim(snapshot.account_by_number, number, name, f"the number {number}")
        for domain in tables.account.domains:
            _claim(snapshot.account_by_domain, domain, name, f"the domain {domain}")
    return snapshot


def _claim(owners: dict[str, str], key: str, name: str, what: str) -> None:
    if owners.setdefault(key, name) != name:
        raise ConfigError(f"{what} belongs to the account {owners[key]} already", hint=f"remove it from {name}")


@cache
def _encoder() -> msgspec.msgpack.Encoder:
    return msgspec.msgpack.Encoder()


def frames(tables: AccountTables) -> Iterator[bytes]:
    """Cut an account's tables into frames; feed each to ``SnapshotBuilder.feed``, in this order."""
    encode = _encoder().encode
    yield encode(("begin", (tables.account.id, tables.version)))
    for section in _SINGLE:
        yield encode((section, getattr(tables, section)))
    for section in (*_KEYS, *_PLAIN):
        content: dict[str, Any] = getattr(tables, section)
        items = iter(content.values() if section in _KEYS else content.items())
        while chunk := list(islice(items, CHUNK)):
            yield encode((section, chunk if section in _KEYS else dict(chunk)))
    yield encode(("end", None))


@cache
def _decoders() -> dict[str, msgspec.msgpack.Decoder[Any]]:
    """Give the typed decoder of each section, from the types of AccountTables."""
    hints = typing.get_type_hints(AccountTables)
    kinds: dict[str, Any] = {section: hints[section] for section in (*_SINGLE, *_PLAIN)}
    kinds.update({section: list[typing.get_args(hints[section])[1]] for section in _KEYS})  # type: ignore[misc]
    kinds["begin"] = tuple[str, int]
    kinds["end"] = None
    return {section: msgspec.msgpack.Decoder(kind) for section, kind in kinds.items()}


_FRAME: Final = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])


class SnapshotBuilder:
    """Rebuilds accounts frame by frame; ``finish`` gives the new snapshot.

    ``base`` is the snapshot that is in use: accounts that no frame speaks of stay as they are; ``remove`` names those
    that go. Feed the frames of one account after those of another. Nothing of ``base`` is changed.
    """

    def __init__(self, base: Snapshot | None = None, *, remove: Iterable[str] = ()) -> None:
        old = base or Snapshot(accounts={}, account_by_number={}, account_by_domain={})
        gone = set(remove)
        self._accounts = {name: tables for name, tables in old.accounts.items() if name not in gone}
        self._numbers = old.account_by_number.copy()
        self._domains = {domain: name for domain, name in old.account_by_domain.items() if name not in gone}
        self._old = old
        self._account = ""
        self._version = 0
        self._parts: dict[str, Any] = {}
        self._stale: list[tuple[str, Iterator[str]]] = []
        self._unclaimed: list[str] = []
        for name in gone & old.accounts.keys():
            self._stale.append((name, iter(old.accounts[name].numbers)))

    def feed(self, frame: bytes) -> None:
        """Take one frame. Raises ConfigError when it is not a frame of this version of the program."""
        self._purge(_PURGE)
        self._claim()
        try:
            section, raw = _FRAME.decode(frame)
            payload = _decoders()[section].decode(raw)
        except (msgspec.MsgspecError, KeyError) as error:
            raise ConfigError(f"a frame of a snapshot cannot be read: {error}") from error
        if section == "begin":
            self._begin(*payload)
        elif section == "end":
            self._end()
        elif section in _KEYS:
            self._take(section, payload)
        elif section in _PLAIN:
            self._parts[section].update(payload)
        else:
            self._parts[section] = payload

    def finish(self, version: int = 0) -> Snapshot:
        """Give the snapshot; the builder is then used up. Raises ConfigError when an account is incomplete."""
        if self._account:
            raise ConfigError(f"the frames of the account {self._account} have no end")
        self._purge(None)
        return Snapshot(
            accounts=self._accounts, account_by_number=self._numbers, account_by_domain=self._domains, version=version
        )

    def _begin(self, account: str, version: int) -> None:
        if self._account:
            raise ConfigError(f"the frames of the account {self._account} have no end")
        self._account = account
        self._version = version
        self._parts = {section: {} for section in (*_KEYS, *_PLAIN)}
        before = self._old.accounts.get(account)
        if before is not None:
            self._stale.append((account, iter(before.numbers)))
            self._domains = {domain: name for domain, name in self._domains.items() if name != account}

    def _take(self, section: str, objects: list[Any]) -> None:
        target = self._parts[section]
        attribute = _KEYS[section]
        for item in objects:
            target[getattr(item, attribute)] = item
        if section == "numbers":
            self._unclaimed = [item.number for item in objects]

    def _claim(self) -> None:
        """Note whose the last frame's numbers are: with the next one, for two large dictionaries may grow now."""
        for number in self._unclaimed:
            self._numbers[number] = self._account
        self._unclaimed = []

    def _end(self) -> None:
        missing = [section for section in _SINGLE if section not in self._parts]
        if not self._account or missing:
            raise ConfigError(f"frames of an account are missing: {', '.join(missing) or 'begin'}")
        tables = AccountTables(version=self._version, **self._parts)
        self._accounts[self._account] = tables
        for domain in tables.account.domains:
            self._domains[domain] = self._account
        self._account = ""
        self._parts = {}

    def _purge(self, budget: int | None) -> None:
        """Forget numbers that an account had and has no more; a few with every frame."""
        while self._stale:
            name, numbers = self._stale[0]
            current = self._parts["numbers"] if self._account == name else self._kept(name)
            slice_ = list(islice(numbers, budget))
            for number in slice_:
                if number not in current and self._numbers.get(number) == name:
                    del self._numbers[number]
            if budget is not None and len(slice_) == budget:
                return
            self._stale.pop(0)

    def _kept(self, name: str) -> dict[str, Any]:
        tables = self._accounts.get(name)
        return {} if tables is None or tables is self._old.accounts.get(name) else tables.numbers


class Retirement:
    """Empties tables that nothing uses any more, a slice at a time: call ``step`` until it says that it is done."""

    def __init__(self, old: Snapshot, current: Snapshot) -> None:
        kept = {id(tables) for tables in current.accounts.values()}
        gone = [tables for tables in old.accounts.values() if id(tables) not in kept]
        self._dicts: list[dict[str, Any]] = [getattr(tables, name) for tables in gone for name in (*_KEYS, *_PLAIN)]
        if old.account_by_number is not current.account_by_number:
            self._dicts.append(old.account_by_number)

    def step(self, budget: int = CHUNK) -> bool:
        """Drop up to ``budget`` objects; True when nothing is left."""
        while self._dicts:
            content = self._dicts[-1]
            while content and budget > 0:
                content.popitem()
                budget -= 1
            if content:
                return False
            self._dicts.pop()
        return True
