from __future__ import annotations

from routerd.cli.simulate import tables_of
from routerd.simulation.storm import CALLS_FROM_S, STORMY, Storm


def storm() -> Storm:
    made = Storm(5, tables_of, STORMY)
    made._people()
    made.world.run(CALLS_FROM_S)
    return made


def test_an_agent_logs_out_and_in_again() -> None:
    made = storm()
    state = made.world.switch.state_of("acme")
    for agent in "abcdef":
        made.world.command("login", account="acme", agent=agent)
    made.mischief.log_out(made.world.now)
    assert len(state.sessions) == 5
    made.world.run(made.world.now + 9.0)
    assert len(state.sessions) == 6


def test_an_agent_takes_a_break_that_ends() -> None:
    made = storm()
    made.mischief.take_break(made.world.now)
    assert len(made.world.switch.state_of("acme").breaks) == 1
    made.world.run(made.world.now + 9.0)
    assert not made.world.switch.state_of("acme").breaks


def test_an_engine_dies_and_comes_back() -> None:
    made = storm()
    made.mischief.kill_engine(made.world.now)
    assert [engine.alive for engine in made.world.engines].count(False) == 1
    made.world.run(made.world.now + 21.0)
    assert all(engine.alive for engine in made.world.engines)


def test_without_calls_there_is_nobody_to_hang_up() -> None:
    made = storm()
    made.mischief.hang_up(made.world.now)
    made.mischief.media_timeout(made.world.now)
    made.mischief.cut(made.world.now)
    assert not made.world.records()
