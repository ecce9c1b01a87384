from __future__ import annotations

from routerd.cli.simulate import tables_of
from routerd.simulation import checkers
from routerd.simulation.documents import DOMAIN, PASSWORD, plain
from routerd.simulation.phone import Behaviour
from routerd.simulation.script import Script


def company() -> Script:
    script = Script(tables_of(plain()))
    script.play("phone alice registered\nphone bob registered")
    return script


def test_a_phone_registers_by_digest_and_leaves() -> None:
    script = company()
    alice, world = script.phones["alice"], script.world
    assert alice.responses == [("REGISTER", 401), ("REGISTER", 200)]
    assert len(world.switch.location) == 2
    alice.register(0, world.now)
    world.run(world.now + 1)
    assert len(world.switch.location) == 1


def test_without_the_password_it_stays_outside() -> None:
    script = company()
    alice = script.phones["alice"]
    alice.password = ""
    alice.responses.clear()
    alice.register(600, script.world.now)
    script.world.run(script.world.now + 1)
    assert alice.responses == [("REGISTER", 401)]


def test_it_asks_the_server_what_it_can() -> None:
    script = company()
    alice = script.phones["alice"]
    alice.request("OPTIONS", "sip:198.18.0.1", script.world.now)
    script.world.run(script.world.now + 1)
    assert alice.responses[-1] == ("OPTIONS", 200)


def test_by_stream_it_calls_and_dials_in_again_when_cut() -> None:
    script = company()
    world = script.world
    script.phones["alice"].behave = lambda _: Behaviour()
    phone = world.phone(("203.0.113.9", 5060), "carol", domain=DOMAIN, password=PASSWORD, transport="tcp")
    phone.register(600, world.now)
    world.run(world.now + 1)
    assert phone.responses[-1] == ("REGISTER", 200)
    call = phone.call(f"sip:alice@{DOMAIN}", world.now)
    world.run(world.now + 1)
    assert call.events == ["401", "100", "180"]
    world.network.cut(phone.flow, world.now)
    assert call.severed
    phone.reconnect(world.now)
    world.run(world.now + 1)
    assert phone.responses[-1] == ("REGISTER", 200)
    world.run()
    assert not checkers.one_final_response(world)
