"""Shared services of one switch: questions, notes, wall time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2bua_kit.wire import WALL, Wire

from routerd.b2bua import effects as fx
from routerd.sip.server_location import DnsQuestion

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange


def exchange(**more: Any) -> Exchange:
    return Wire(**more).switch.exchange


QUESTION = DnsQuestion("example.net", "A")


def test_each_answer_goes_to_who_asked_once() -> None:
    here, heard = exchange(), []
    number = here.ask_dns(QUESTION, lambda question, records, now: heard.append((question, records, now)))
    here.ask_dns(QUESTION, lambda *_: heard.append("other"))
    here.answered(fx.DnsAnswer(number, [("192.0.2.1",)]), 5.0)
    here.answered(fx.DnsAnswer(number, None), 6.0)
    assert heard == [(QUESTION, [("192.0.2.1",)], 5.0)]
    assert here.open_questions == 1


def test_a_withdrawn_question_is_not_answered() -> None:
    here, heard = exchange(), []
    number = here.ask_media(0, {"command": "ping"}, lambda reply, now: heard.append((reply, now)))
    here.withdraw(number)
    here.answered(fx.MediaAnswer(number, {}), 1.0)
    assert heard == []
    assert here.open_questions == 0


def test_what_nobody_waits_for_is_only_asked() -> None:
    here = exchange()
    here.ask_media(0, {"command": "delete"}, None)
    assert here.open_questions == 0
    assert isinstance(here.effects[-1], fx.AskMedia)


def test_notes_are_counted() -> None:
    here = exchange()
    here.note("odd", "a")
    here.note("odd", "b")
    assert here.counters["odd"] == 2
    assert [effect.detail for effect in here.effects if isinstance(effect, fx.Note)] == ["a", "b"]


def test_the_first_to_blame_is_to_blame() -> None:
    here = exchange()
    here.blame("one")
    here.blame("two")
    assert here.culprit == "one"


def test_wall_time_and_accounts() -> None:
    here = exchange()
    assert here.wall(10.0) == WALL + 10
    assert here.account("acme") is not None
    assert here.account("none") is None


def test_living_engines() -> None:
    here = exchange(engines=3)
    here.engines_down.add(1)
    assert here.engines_alive() == [0, 2]
