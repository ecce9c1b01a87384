from __future__ import annotations

from typing import Any

from routerd.b2bua.trunk_upkeep import contact_user

AUTH = {"username": "acme+1", "password": "s3cret"}
TRUNK = {
    "id": "pstn",
    "target": "sip:203.0.113.10",
    "register": True,
    "auth": AUTH,
    "health": {"interval_s": 30, "down_after": 1},
}


def methods(sent: Any) -> list[tuple[str, str | None]]:
    unique = {m.via.branch: m for m, _ in sent}.values()
    return [(m.method, m.get("Expires")) for m in unique]


def test_unchanged_trunks_keep_their_state(world: Any, document: Any) -> None:
    world.install(document(trunks=[TRUNK]))
    assert sorted(methods(world.pass_time(2))) == [("OPTIONS", None), ("REGISTER", "3600")]
    world.pass_time(30)
    assert world.state_of("acme").down == {"pstn"}
    before = world.upkeep.views(world.now)
    world.install(document(trunks=[{**TRUNK, "max_channels": 9}]))
    after = world.upkeep.views(world.now)
    assert after[0].pop("max_channels") == 9
    assert before[0].pop("max_channels") is None
    assert after == before
    assert world.take() == []


def test_a_changed_trunk_begins_anew(world: Any, document: Any) -> None:
    world.install(document(trunks=[TRUNK]))
    world.pass_time(40)
    world.install(document(trunks=[{**TRUNK, "target": "sip:203.0.113.20"}]))
    assert world.state_of("acme").down == set()
    flows = {flow.remote[0] for m, flow in world.pass_time(2) if m.get("Expires") != "0"}
    assert "203.0.113.20" in flows


def test_a_removed_trunk_is_unregistered_and_left_alone(world: Any, document: Any) -> None:
    world.install(document(trunks=[TRUNK]))
    world.pass_time(1)
    world.install(document())
    assert ("REGISTER", "0") in methods(world.pass_time(70))
    assert world.upkeep.views(world.now) == []
    assert len(world.exchange.timers) == 0
    assert len(world.layer) == 0


def test_plain_trunks_cost_nothing(world: Any, document: Any) -> None:
    world.install(document(trunks=[{"id": "plain", "target": "sip:203.0.113.10", "auth": AUTH}]))
    assert world.pass_time(100) == []
    (view,) = world.upkeep.views(world.now)
    assert (view["up"], view["registration"], view["health"], view["calls"]) == (True, None, None, 0)


def test_stopping_ends_everything(world: Any, document: Any) -> None:
    world.install(document(trunks=[TRUNK]))
    world.pass_time(1)
    world.upkeep.stop(world.now)
    world.upkeep.stop(world.now)
    world.pass_time(70)
    assert len(world.exchange.timers) == 0


def test_the_contact_is_the_username(world: Any, document: Any) -> None:
    tables = world.compile(document(trunks=[TRUNK, {"id": "plain", "target": "sip:203.0.113.10"}])).accounts["acme"]
    assert contact_user(tables.trunks["pstn"]) == "acme+1"
    assert contact_user(tables.trunks["plain"]) == ""
