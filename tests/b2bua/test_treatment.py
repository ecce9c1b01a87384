"""What the engine does with a caller: menus, mailboxes, press 1, digits to be dialled (routing.md 2.4, 2.7)."""

from __future__ import annotations

from b2bua_kit.documents import MAIN, MENU, MOBILE, changed, company
from b2bua_kit.peer import Outgoing, Phone, Side, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.media import offer_answer


def press(side: Side, digits: str) -> None:
    for digit in digits:
        side.request("INFO", f"Signal={digit}\r\nDuration=100\r\n".encode(), kind="application/dtmf-relay")
        side.peer.expect("200 INFO")


def menu(wire: Wire) -> Outgoing:
    call = trunk(wire).invite(MENU)
    call.answered()
    return call


def test_the_menu_answers_with_a_description_that_fits_the_offer() -> None:
    wire = Wire()
    call = trunk(wire).invite(MENU)
    response = call.answered()
    offer_answer.check_answer(call.sdp, response.body)
    call.bye()
    wire.assert_quiet()
    assert wire.records()[0]["outcome"] == "abandoned"


def test_a_caller_without_an_offer_gets_one() -> None:
    wire = Wire()
    call = trunk(wire).invite(MENU, b"")
    assert call.answered(b"").body
    call.bye()
    wire.assert_quiet()


def test_a_mailbox_takes_its_message_and_hangs_up() -> None:
    wire = Wire()
    call = menu(wire)
    press(call, "2")
    wire.wait(59)
    assert len(wire.switch) == 1
    wire.wait(2)
    call.peer.expect("BYE")
    wire.assert_quiet()
    assert wire.records()[0]["outcome"] == "voicemail"


def test_nothing_pressed_is_the_end() -> None:
    wire = Wire()
    call = menu(wire)
    wire.wait(60)
    call.peer.expect("BYE")
    wire.assert_quiet()
    assert wire.records()[0]["reason"] in {"input_timeout", "invalid_input"}


def test_a_colleague_reached_by_a_digit_who_is_not_there() -> None:
    wire = Wire()
    call = menu(wire)
    press(call, "1")
    wire.wait(1)
    assert "cause=20" in (call.peer.expect("BYE").get("Reason") or "")
    wire.assert_quiet()


def test_a_digit_is_acknowledged_before_what_it_does() -> None:
    wire = Wire()
    call = menu(wire)
    call.request("INFO", b"Signal=1\r\n", kind="application/dtmf-relay")
    lines = call.peer.lines()
    assert lines.index("200 INFO") < lines.index("BYE"), lines
    call.peer.expect("BYE")
    wire.assert_quiet()


def forwarding(**agent: object) -> Wire:
    return Wire(changed(company(), "agents", "asha", call_forward_number=MOBILE, **agent))


def test_press_one_to_take_the_call() -> None:
    wire = forwarding(confirm_external=True)
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    come.acked()
    assert "200 INVITE" not in pstn.lines()
    press(come, "5")
    assert "200 INVITE" not in pstn.lines()
    press(come, "1")
    call.answered()
    call.bye()
    wire.assert_quiet()
    assert wire.records()[0]["outcome"] == "answered"


def test_nobody_pressed_one() -> None:
    wire = forwarding(confirm_external=True)
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    wire.wait(60)
    pstn.expect("BYE")
    call.refused(480)
    wire.assert_quiet()
    assert [leg["result"] for leg in wire.records()[0]["legs"]] == ["no_answer"]


def test_the_asked_callee_hangs_up() -> None:
    wire = forwarding(confirm_external=True)
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    come.bye()
    call.refused(480)
    wire.assert_quiet()


def test_digits_are_dialled_after_the_answer() -> None:
    wire = forwarding(call_forward_digits={"digits": "12#", "after_s": 1})
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    call.answered()
    wire.wait(3)
    digits = [message.body for message in list(pstn.inbox) if getattr(message, "method", "") == "INFO"]
    assert [body.split(b"\r\n")[0] for body in digits] == [b"Signal=1", b"Signal=2", b"Signal=#"]
    call.bye()
    wire.assert_quiet()


def test_a_phone_may_answer_without_a_menu_at_all() -> None:
    wire = Wire()
    phone = Phone(wire, "2001", "198.51.100.1")
    call = menu(wire)
    press(call, "1")
    phone.called().send(486)
    assert "cause=17" in (call.peer.expect("BYE").get("Reason") or "")
    wire.assert_quiet()


def test_a_mobile_that_is_asked_after_the_queue_has_its_ack_at_once() -> None:
    document = changed(company(), "agents", "asha", call_forward_number=MOBILE, confirm_external=True)
    wire = Wire(document)
    call = menu(wire)
    pstn = call.peer
    press(call, "1")
    come = pstn.called()
    assert b"a=inactive" in come.invite.body
    come.answer(sdp(direction="inactive"))
    come.acked()
    press(come, "1")
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    assert any([pstn.expect("ACK").body, pstn.expect("ACK").body])
    call.bye()
    pstn.expect("BYE")
    wire.assert_quiet()
