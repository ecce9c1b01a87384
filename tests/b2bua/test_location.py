from __future__ import annotations

from typing import Any

from routerd.b2bua.location import Binding, LocationService
from routerd.sip.flow import Flow
from routerd.sip.uri import Uri

HERE = ("192.0.2.1", 5060)


def binding(world: Any, port: int = 1, *, flow: Flow | None = None, lasts_s: float = 60, **more: Any) -> Binding:
    return Binding(
        "acme",
        "2001",
        Uri.parse(f"sip:a@198.51.100.7:{port}"),
        flow or Flow("udp", HERE, ("198.51.100.7", port)),
        expires_at=world.now + lasts_s,
        registered_at=world.now,
        call_id="c",
        cseq=1,
        **more,
    )


def test_newest_first_until_they_expire(world: Any) -> None:
    for port, lasts_s in ((1, 100), (2, 50), (3, 200)):
        world.location.add(binding(world, port, lasts_s=lasts_s, source=f"10.0.0.{port}"), world.now)
    assert world.location.sources("acme", "2001") == ("10.0.0.3", "10.0.0.2", "10.0.0.1")
    world.pass_time(51)
    assert world.location.sources("acme", "2001") == ("10.0.0.3", "10.0.0.1")
    world.pass_time(150)
    assert len(world.location) == 0
    assert world.location.page(world.now, 0) == ([], None)
    assert len(world.exchange.timers) == 0


def test_they_are_shown_in_pages(world: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("routerd.b2bua.location.EXTENSIONS_A_PAGE", 2)
    for number in range(5):
        one = binding(world, number + 1)
        one.extension = f"200{number}"
        world.location.add(one, world.now)
    found, place = [], 0
    while place is not None:
        rows, place = world.location.page(world.now, place)
        assert 0 < len(rows) <= 2
        found += [row["extension"] for row in rows]
    assert found == [f"200{number}" for number in range(5)]


def test_a_refreshed_binding_lives_on_past_its_first_time(world: Any) -> None:
    first = binding(world)
    world.location.add(first, world.now)
    world.pass_time(50)
    world.location.add(binding(world), world.now, first)
    world.pass_time(59)
    assert len(world.location.contacts("acme", "2001", world.now)) == 1
    world.pass_time(2)
    assert len(world.location) == 0


def test_many_refreshes_leave_little_behind(world: Any) -> None:
    known = None
    for _ in range(2000):
        fresh = binding(world, lasts_s=3600)
        world.location.add(fresh, world.now, known)
        known = fresh
    assert len(world.location) == 1
    assert len(world.location._expiries) < 100
    assert len(world.exchange.timers) <= 2


def test_a_lost_stream_takes_its_bindings_along(world: Any) -> None:
    flow = Flow("tcp", HERE, ("198.51.100.7", 4000), 5)
    world.exchange.flows.adopt(flow)
    world.location.add(binding(world, 1, flow=flow), world.now)
    world.location.add(binding(world, 2), world.now)
    world.exchange.flows.lose(flow)
    assert [b.flow.transport for b in world.location.contacts("acme", "2001", world.now)] == ["udp"]
    world.location.lose_flow(flow, world.now)
    assert len(world.location) == 1
    assert [facts["reason"] for facts in world.published("registration.removed")] == ["flow_lost"]
    world.location.lose_flow(flow, world.now)
    assert len(world.location) == 1


def test_dropping_twice_is_once(world: Any) -> None:
    only = binding(world)
    world.location.add(only, world.now)
    world.location.drop(only, "admin", world.now)
    world.location.drop(only, "admin", world.now)
    assert len(world.location) == 0
    assert len(world.published("registration.removed")) == 1


def test_a_journal_restores_datagram_bindings(world: Any, make_world: Any) -> None:
    stream = Flow("tcp", HERE, ("198.51.100.7", 4000), 5)
    path = ("<sip:p.example.com;lr>",)
    world.location.add(binding(world, 1, lasts_s=600, path=path, q=0.5, instance="<urn:x>", reg_id=2), world.now)
    world.location.add(binding(world, 2, flow=stream), world.now)
    world.location.add(binding(world, 3, lasts_s=10), world.now)
    entries = world.journalled()

    later = make_world()
    later.now = world.now + 100
    for entry in entries:
        later.location.restore(entry, later.now)
    (restored,) = later.location.contacts("acme", "2001", later.now)
    assert (restored.path, restored.q, restored.instance, restored.reg_id) == (path, 0.5, "<urn:x>", 2)
    assert restored.flow == Flow("udp", HERE, ("198.51.100.7", 1))
    assert restored.expires_at == world.now + 600
    assert [(e["action"], e["uri"]) for e in later.journalled()] == [
        ("remove", "sip:a@198.51.100.7:2"),
        ("remove", "sip:a@198.51.100.7:3"),
    ]
    assert later.published("registration.added") == []
    later.location.restore(entries[0], later.now)
    assert len(later.location) == 1


def test_a_listener_that_moved_is_replaced_and_rubbish_is_noted(world: Any) -> None:
    world.location.add(binding(world, 1), world.now)
    entry = world.journalled()[0]
    other = LocationService(world.exchange)
    other.restore({**entry, "local": ["192.0.2.1", 9999]}, world.now)
    assert other.contacts("acme", "2001", world.now)[0].flow.local == HERE
    other.restore({**entry, "uri": "no uri"}, world.now)
    other.restore({"action": "add"}, world.now)
    assert world.noted("binding_unreadable") == 2


def test_what_is_behind_nat(world: Any) -> None:
    assert not binding(world, 1).behind_nat
    assert binding(world, 1, flow=Flow("udp", HERE, ("203.0.113.1", 1))).behind_nat
    assert binding(world, 1, flow=Flow("udp", HERE, ("198.51.100.7", 2))).behind_nat
