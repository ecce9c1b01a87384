from __future__ import annotations

from typing import Any

from routerd.b2bua.trunk_sources import REMEMBERED, TrunkSources


def sources(world: Any, *trunks: dict[str, Any]) -> TrunkSources:
    document = {
        "schema": 1,
        "account": {"id": "acme", "name": "Acme", "country": "IN", "timezone": "UTC"},
        "trunks": list(trunks),
    }
    return TrunkSources(world.compile(document))


def names(found: Any) -> list[str]:
    return [trunk.id for _, trunk in found]


def test_hosts_and_networks_of_both_families(world: Any) -> None:
    found = sources(
        world,
        {"id": "net", "target": "sip:a.example", "addresses": ["192.0.2.0/28", "2001:db8::/32"]},
        {"id": "host", "target": "sip:b.example", "addresses": ["192.0.2.5/32", "192.0.2.5/32"]},
    )
    assert names(found.at("192.0.2.5")) == ["host", "net"]
    assert names(found.at("192.0.2.15")) == ["net"]
    assert names(found.at("192.0.2.16")) == []
    assert names(found.at("2001:db8::1")) == ["net"]
    assert names(found.at("::ffff:192.0.2.15")) == ["net"]
    assert found.at("no address") == ()


def test_what_is_remembered_is_bounded(world: Any) -> None:
    found = sources(world, {"id": "net", "target": "sip:a.example", "addresses": ["10.0.0.0/8"]})
    for number in range(REMEMBERED + 10):
        found.at(f"10.1.{number // 250}.{number % 250}")
    assert len(found._found) == REMEMBERED
    assert names(found.at("10.1.0.0")) == ["net"]
