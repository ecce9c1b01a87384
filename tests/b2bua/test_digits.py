"""Digits: one press counts once whichever ways it came, INFO and events are made of each other, digits are dialled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from b2bua_kit.documents import MAIN, MENU, MOBILE, changed, company
from b2bua_kit.peer import Phone, connect, sdp, trunk
from b2bua_kit.voices import commands, press, press_info, voiced

if TYPE_CHECKING:
    from b2bua_kit.wire import Wire


def entered(wire: Wire) -> list[str]:
    """The digits that the rules were told of."""
    call = next(iter(wire.switch.call_by_id.values()))
    return [event.digit for _, event, _ in call.steps if type(event).__name__ == "Digit"]  # type: ignore[union-attr]


def long_menu() -> Wire:
    ivr = {"id": "main", "prompt": "welcome", "options": {"9999": {"type": "hangup"}}, "digit_timeout_s": 30}
    return voiced(company(ivrs=[ivr]))


@pytest.mark.parametrize("gap_s", [0.0, 0.1, 1.5])
def test_a_press_that_is_told_twice_counts_once(gap_s: float) -> None:
    wire = long_menu()
    call = trunk(wire).invite(MENU)
    call.answered()
    for _ in range(2):
        press_info(call, "9")
        wire.wait(gap_s)
        press(wire, "9")
    assert entered(wire) == ["9", "9"]
    call.bye()
    wire.assert_quiet()


def test_a_press_told_late_counts_once_and_a_quick_double_press_twice() -> None:
    wire = long_menu()
    call = trunk(wire).invite(MENU)
    call.answered()
    press_info(call, "99")
    wire.wait(0.2)
    press(wire, "9")
    press(wire, "9")
    assert entered(wire) == ["9", "9"]
    wire.wait(3)
    press(wire, "9")
    assert entered(wire) == ["9", "9", "9"]
    call.bye()
    wire.assert_quiet()


def test_what_is_no_digit_or_nobodys_is_dropped() -> None:
    wire = long_menu()
    call = trunk(wire).invite(MENU)
    call.answered()
    press(wire, "x")
    press(wire, "9", tag="nobody")
    assert entered(wire) == []
    call.bye()
    wire.assert_quiet()


@pytest.mark.parametrize(
    ("allow", "way"), [("INVITE, ACK, BYE, INFO", "info"), ("INVITE, ACK, BYE", "engine"), (None, "engine")]
)
def test_info_crosses_as_what_the_other_side_takes(allow: str | None, way: str) -> None:
    wire = voiced(company(media="relay"))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    come = phone.called()
    come.answer(extra=[("Allow", allow)] if allow else [])
    come.acked()
    call.answered()
    press_info(call, "5")
    injected = commands(wire, "play DTMF")
    if way == "info":
        assert b"Signal=5" in phone.expect("INFO").body
        assert not injected
    else:
        assert [(one["from-tag"], one["code"]) for one in injected] == [("caller", "5")]
        assert [one["from-tag"] for one in commands(wire, "block DTMF")] == ["caller"], "or it would be heard twice"
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()


def test_who_refuses_info_after_all_gets_events() -> None:
    wire = voiced(company(media="relay"))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    phone.auto.discard("INFO")
    call = pstn.invite(MAIN)
    come = phone.called()
    come.answer(extra=[("Allow", "INVITE, ACK, BYE, INFO")])
    come.acked()
    call.answered()
    call.request("INFO", b"Signal=5\r\n", kind="application/dtmf-relay")
    phone.reply(phone.expect("INFO"), 415)
    pstn.expect("200 INFO")
    assert [one["code"] for one in commands(wire, "play DTMF")] == ["5"]
    press_info(call, "6")
    assert "INFO" not in phone.lines(), "it is not asked again"
    assert [one["code"] for one in commands(wire, "play DTMF")] == ["5", "6"]
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()


def test_events_cross_as_info_to_who_knows_nothing_else() -> None:
    wire = voiced(company(media="relay"))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    come = phone.called()
    plain = sdp().replace(b" 101\r\na=rtpmap:101 telephone-event/8000", b"")
    come.answer(plain, extra=[("Allow", "INVITE, ACK, BYE, INFO")])
    come.acked()
    call.answered()
    press(wire, "7")
    assert b"Signal=7" in phone.expect("INFO").body
    call.bye()
    wire.assert_quiet()


def test_between_two_who_know_events_the_engine_carries_them_alone() -> None:
    wire = voiced(company(media="relay"))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call, _ = connect(pstn, phone, MAIN)
    press(wire, "7")
    assert "INFO" not in phone.lines()
    assert not commands(wire, "play DTMF")
    call.bye()
    wire.assert_quiet()


def test_digits_are_dialled_by_the_engine() -> None:
    document = changed(
        company(media="relay"), "agents", "asha", call_forward_number=MOBILE,
        call_forward_digits={"digits": "12#", "after_s": 1},
    )  # fmt: skip
    wire = voiced(document)
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    call.answered()
    wire.wait(3)
    dialled = commands(wire, "play DTMF")
    assert [(one["from-tag"], one["code"]) for one in dialled] == [("caller", "1"), ("caller", "2"), ("caller", "#")]
    assert "INFO" not in pstn.lines()
    call.bye()
    wire.assert_quiet()


def test_digits_are_dialled_to_who_is_asked_to_press_one() -> None:
    document = changed(
        company(media="relay"), "agents", "asha", call_forward_number=MOBILE, confirm_external=True,
        call_forward_digits={"digits": "5", "after_s": 1},
    )  # fmt: skip
    wire = voiced(document)
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    come.acked()
    wire.wait(1.5)
    assert [one["code"] for one in commands(wire, "play DTMF")] == ["5"]
    call.cancel()
    call.refused(487)
    wire.assert_quiet()
