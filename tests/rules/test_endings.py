from __future__ import annotations

import pytest
from rules_kit.builders import document, scenario
from rules_kit.player import World, attempt_of, compile_document

from routerd.rules import endings
from routerd.rules.decision import Decision
from routerd.rules.facts import Facts
from routerd.rules.plan import End

ROWS = [
    ("unknown_number", 404, None, None),
    ("caller_blocked", 603, None, None),
    ("agent_disabled", 480, 20, 20),
    ("logged_out", 480, 20, 20),
    ("outside_time_group", 480, 20, 20),
    ("no_reachable_number", 480, 20, 20),
    ("agent_busy", 486, 17, 17),
    ("busy", 486, 17, 17),
    ("do_not_disturb", 486, 17, 17),
    ("no_answer", 480, 19, 19),
    ("declined", 480, 21, 21),
    ("unreachable", 480, 20, 20),
    ("limit_reached", 503, 42, 42),
    ("loop", 482, None, 25),
    ("number_suspended", 480, 20, 16),
    ("no_destination", 480, 20, 16),
    ("hangup", 480, 20, 16),
    ("queue_timeout", None, None, 16),
    ("queue_full", None, None, 16),
    ("invalid_input", None, None, 16),
    ("input_timeout", None, None, 16),
]


def end(reason: str, *, answered: bool) -> End:
    tables = compile_document(document())
    attempt = attempt_of(tables, scenario())
    d = Decision(tables, attempt, Facts(World({}), "acme"), attempt.at)
    d.answered = answered
    endings.finish(d, reason)
    (command,) = d.out
    assert isinstance(command, End)
    assert d.over
    return command


@pytest.mark.parametrize(("reason", "status", "cause", "bye_cause"), ROWS)
def test_the_rows(reason: str, status: int | None, cause: int | None, bye_cause: int | None) -> None:
    if status is not None:
        ended = end(reason, answered=False)
        assert (ended.outcome, ended.reason, ended.status, ended.q850) == ("rejected", reason, status, cause)
        assert (ended.retry_after_s is not None) == (status == 503)
    if bye_cause is not None:
        ended = end(reason, answered=True)
        assert (ended.outcome, ended.reason, ended.q850) == ("hung_up", reason, bye_cause)
