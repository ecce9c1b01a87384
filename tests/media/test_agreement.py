from __future__ import annotations

from routerd.media.agreement import Agreement
from routerd.media.formats import Format, LineFormats

PCMU, PCMA = Format(0, "PCMU", 8000), Format(8, "PCMA", 8000)
EVENTS, OTHER_EVENTS = Format(101, "TELEPHONE-EVENT", 8000), Format(96, "TELEPHONE-EVENT", 8000)


def test_an_offer_holds_from_its_answer_on() -> None:
    agreement = Agreement()
    offer, answer = LineFormats([PCMU, PCMA, EVENTS], 30), LineFormats([PCMA, OTHER_EVENTS], 10)
    agreement.offer(0, offer, offer)
    assert (agreement.is_answered, agreement.offered, agreement.speech_to(0)) == (False, offer, None)
    agreement.answer(1, answer, answer)
    assert agreement.is_answered
    assert [agreement.speech_to(side) for side in (0, 1)] == [PCMA, PCMA]
    assert [agreement.digits_to(side) for side in (0, 1)] == [EVENTS, OTHER_EVENTS]
    assert [agreement.ptime_ms(side) for side in (0, 1)] == [30, 10]
    assert [agreement.digits_from(side) for side in (0, 1)] == [True, True]
    assert agreement.heard(0)[96] == OTHER_EVENTS
    assert agreement.heard(1)[101] == EVENTS
    refused = LineFormats([PCMU])
    agreement.offer(1, refused, refused)
    assert agreement.speech_to(0) == PCMA


def test_the_next_answer_takes_the_place_of_the_last_one() -> None:
    agreement = Agreement()
    agreement.offer(0, LineFormats([PCMU, PCMA]), LineFormats([PCMU, PCMA]))
    agreement.answer(1, LineFormats([PCMA]), LineFormats([PCMA]))
    agreement.answer(1, LineFormats([PCMU]), LineFormats([PCMU]))
    assert agreement.speech_to(0) == PCMU
    assert agreement.digits_to(0) is None
    assert not agreement.digits_from(1)
