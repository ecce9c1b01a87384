from __future__ import annotations

import pytest

from routerd.rules.facts import RecordedState
from routerd.rules.known import KnownFacts, UnrecordedError, words


def test_the_steps_own_reads_come_before_earlier_ones() -> None:
    state = RecordedState(KnownFacts({"calls_of:a": 2}, {"calls_of:a": 1, "has_session:a": True}, set()))
    assert (state.calls_of("a"), state.has_session("a")) == (2, True)


def test_an_answer_of_nothing_is_an_answer() -> None:
    assert RecordedState(KnownFacts({"last_offered:d": None}, {}, set())).last_offered("d") is None


def test_what_was_not_read_is_not_known() -> None:
    state = RecordedState(KnownFacts({}, {}, set()))
    with pytest.raises(UnrecordedError) as missing:
        state.registered("2001")
    assert words(missing.value.fact) == "from where extension 2001 was registered was not recorded"
    assert words("wrap_up_until:a:support").startswith("until when a:support had wrap-up")
    assert "+91" not in words("affinity:+919812345678")


def test_chance_holds_for_its_own_step_and_number_of_sides() -> None:
    state = RecordedState(KnownFacts({"draw:0:3": 2}, {"draw:1:2": 1}, set()))
    assert state.draw(3) == 2
    with pytest.raises(UnrecordedError):
        state.draw(2)
    with pytest.raises(UnrecordedError):
        RecordedState(KnownFacts({"draw:0:3": 2}, {}, set())).draw(4)


def test_trunks_are_taken_for_healthy_and_named() -> None:
    assumed: set[str] = set()
    state = RecordedState(KnownFacts({"trunk_up:down": False}, {}, assumed))
    assert (state.trunk_up("down"), state.trunk_up("other"), state.may_start("fast")) == (False, True, True)
    assert assumed == {"other", "fast"}


def test_it_is_a_mapping() -> None:
    known = KnownFacts({"a": 1}, {"b": 2}, set())
    assert (len(known), sorted(known)) == (2, ["a", "b"])
