from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from routerd.config.snapshot import CHUNK, Retirement, SnapshotBuilder, build_snapshot, frames
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.rules.tables import AccountTables, Snapshot

    Compiled = Callable[[dict[str, Any]], AccountTables]


def company_named(company: dict[str, Any], name: str, numbers: list[str], domains: list[str]) -> dict[str, Any]:
    tree = copy.deepcopy(company)
    tree["account"].update(id=name, domains=domains)
    tree["numbers"] = [{"number": number} for number in numbers]
    return tree


def rebuilt(tables: AccountTables, base: Snapshot | None = None, **more: Any) -> Snapshot:
    builder = SnapshotBuilder(base, **more)
    for frame in frames(tables):
        builder.feed(frame)
    return builder.finish(9)


def test_frames_rebuild_the_same_tables(vectors: list[dict[str, Any]], compiled: Compiled) -> None:
    for case in vectors:
        tables = compiled(case["document"])
        assert rebuilt(tables).accounts["acme"] == tables


def test_frames_are_small_and_many(company: dict[str, Any], compiled: Compiled) -> None:
    company["numbers"] = [{"number": f"+9180{i:08d}"} for i in range(CHUNK * 5 + 1)]
    tables = compiled(company)
    listed = list(frames(tables))
    assert len([frame for frame in listed if b"numbers" in frame[:10]]) == 6
    snapshot = rebuilt(tables)
    assert snapshot == build_snapshot([tables], 9)


def test_accounts_are_found_by_number_and_domain(company: dict[str, Any], compiled: Compiled) -> None:
    one = compiled(company_named(company, "one", ["+918069651171"], ["one.test"]))
    two = compiled(company_named(company, "two", ["+918069651172"], ["Two.test"]))
    snapshot = build_snapshot([one, two], 3)
    assert snapshot.account_by_number == {"+918069651171": "one", "+918069651172": "two"}
    assert snapshot.account_by_domain == {"one.test": "one", "two.test": "two"}
    assert snapshot.version == 3


@pytest.mark.parametrize(
    ("name", "number", "domain", "what"),
    [
        ("two", "+918069651171", "two.test", "number"),
        ("two", "+918069651172", "one.test", "domain"),
        ("one", "+918069651172", "two.test", "account"),
    ],
)
def test_what_belongs_to_two_is_refused(
    company: dict[str, Any], compiled: Compiled, name: str, number: str, domain: str, what: str
) -> None:
    one = compiled(company_named(company, "one", ["+918069651171"], ["one.test"]))
    other = compiled(company_named(company, name, [number], [domain]))
    with pytest.raises(ConfigError, match=what):
        build_snapshot([one, other], 1)


def test_a_new_version_forgets_what_the_old_one_had(company: dict[str, Any], compiled: Compiled) -> None:
    many = [f"+9180{i:08d}" for i in range(1500)]
    old = build_snapshot(
        [
            compiled(company_named(company, "one", many, ["one.test", "gone.test"])),
            compiled(company_named(company, "two", ["+918069651172"], ["two.test"])),
        ],
        1,
    )
    before = copy.deepcopy(old)
    snapshot = rebuilt(compiled(company_named(company, "one", [*many[700:], "+918069651179"], ["one.test"])), old)
    assert old == before  # calls that pinned it see what they saw
    assert snapshot == build_snapshot(snapshot.accounts.values(), 9)
    assert set(snapshot.account_by_domain) == {"one.test", "two.test"}
    assert snapshot.accounts["two"] is old.accounts["two"]


def test_accounts_can_go(company: dict[str, Any], compiled: Compiled) -> None:
    one = compiled(company_named(company, "one", ["+918069651171"], ["one.test"]))
    two = compiled(company_named(company, "two", ["+918069651172"], ["two.test"]))
    snapshot = SnapshotBuilder(build_snapshot([one, two], 1), remove=["one"]).finish(2)
    assert snapshot == build_snapshot([two], 2)


def test_a_number_that_moves_to_another_account_stays_there(company: dict[str, Any], compiled: Compiled) -> None:
    old = build_snapshot([compiled(company_named(company, "one", ["+918069651171", "+918069651173"], []))], 1)
    builder = SnapshotBuilder(old)
    for tables in (
        compiled(company_named(company, "two", ["+918069651171"], [])),
        compiled(company_named(company, "one", ["+918069651173"], [])),
    ):
        for frame in frames(tables):
            builder.feed(frame)
    assert builder.finish().account_by_number == {"+918069651171": "two", "+918069651173": "one"}


def test_frames_that_are_wrong(company: dict[str, Any], compiled: Compiled) -> None:
    listed = list(frames(compiled(company)))
    for wrong in (b"", b"\xc1", listed[0][:-1]):
        with pytest.raises(ConfigError):
            SnapshotBuilder().feed(wrong)
    builder = SnapshotBuilder()
    builder.feed(listed[0])
    with pytest.raises(ConfigError):
        builder.finish()
    with pytest.raises(ConfigError):
        builder.feed(listed[-1])


def test_retirement_in_slices(company: dict[str, Any], compiled: Compiled) -> None:
    old = build_snapshot([compiled(company_named(company, "one", [f"+9180{i:08d}" for i in range(500)], []))], 1)
    new = rebuilt(compiled(company_named(company, "one", ["+918069651171"], [])), old)
    retirement = Retirement(old, new)
    steps = 0
    while not retirement.step(100):
        steps += 1
    assert steps >= 10
    assert old.accounts["one"].numbers == {}
    assert new.accounts["one"].numbers.keys() == {"+918069651171"}
    assert Retirement(new, new).step()
