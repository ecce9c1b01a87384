"""Press 1 to accept: the question is heard, a 1 by any way takes the call, nothing else does (routing.md 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from b2bua_kit.documents import MAIN, MENU, MOBILE, agent, changed, company
from b2bua_kit.peer import Phone, sdp, trunk
from b2bua_kit.voices import commands, played, press, press_info, voiced

if TYPE_CHECKING:
    from b2bua_kit.wire import Wire

LEG = "trunk:pstn#1"


def forwarding(media: str = "relay", **more: Any) -> Wire:
    wanted = {"call_forward_number": MOBILE, "confirm_external": True, **more}
    return voiced(changed(company(media=media), "agents", "asha", **wanted))


@pytest.mark.parametrize("media", ["relay", "direct"])
@pytest.mark.parametrize("way", ["event", "inband", "info"])
def test_a_one_takes_the_call(media: str, way: str) -> None:
    wire = forwarding(media)
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    assert b"203.0.113.99" in come.invite.body, "even where media go directly: the question must be heard"
    come.ring()
    come.answer(sdp(port=7000))
    come.acked()
    assert played(wire, LEG) == ["confirm+"]
    assert "200 INVITE" not in pstn.lines()
    if way == "info":
        press_info(come, "51")
    else:
        press(wire, "5", LEG, way)
        press(wire, "1", LEG, way)
    response = call.answered()
    assert b"203.0.113.99" in response.body
    assert played(wire, LEG) == ["confirm+", "-"]
    assert "INVITE" not in pstn.lines(), "no further INVITE is needed"
    call.bye()
    wire.assert_quiet()
    assert wire.records()[0]["outcome"] == "answered"


def test_nobody_presses() -> None:
    wire = forwarding()
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    wire.wait(10.1)
    assert "cause=19" in pstn.expect("BYE").get("Reason")
    call.refused(480)
    wire.assert_quiet()
    assert [leg["result"] for leg in wire.records()[0]["legs"]] == ["no_answer"]


def test_other_legs_ring_on_and_may_win() -> None:
    wire = forwarding(app_first=False)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    desk, mobile = phone.called(), pstn.called()
    desk.ring()
    pstn.expect("180")
    mobile.answer(sdp(port=7000))
    mobile.acked()
    desk.answer(sdp(port=9000))
    desk.acked()
    pstn.expect("BYE")
    assert call.answered().body
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()
    assert wire.records()[0]["answered_by"] == "extension:2001"


def test_the_engine_that_asks_is_lost() -> None:
    wire = forwarding("direct")
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    come.acked()
    wire.engine.calls.clear()
    wire.media_event("restarted")
    pstn.expect("BYE")
    call.refused(480)
    wire.assert_quiet()


def test_the_caller_gives_up_meanwhile() -> None:
    wire = forwarding()
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    come.acked()
    call.cancel()
    call.refused(487)
    pstn.expect("BYE")
    wire.assert_quiet()


def test_an_engine_that_refuses_means_no_question_for_direct_media() -> None:
    wire = forwarding("direct")
    wire.engine.refuses = True
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    assert come.invite.body == call.sdp
    come.answer()
    come.acked()
    press_info(come, "1")
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_who_came_by_a_menu_is_joined_after_the_one() -> None:
    wire = forwarding()
    pstn = trunk(wire)
    call = pstn.invite(MENU)
    call.answered()
    press(wire, "1")
    come = pstn.called()
    assert b"203.0.113.99" in come.invite.body
    come.ring()
    assert played(wire)[-1] == "ringback-in+"
    come.answer(sdp(port=7000))
    come.acked()
    press(wire, "1", LEG)
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(port=7000, version=2))
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    pstn.expect("ACK")
    call.bye()
    wire.assert_quiet()


def test_a_click_to_calls_agent_abroad_is_asked() -> None:
    document = changed(
        company(media="relay"), "agents", "asha", call_forward_number=MOBILE, confirm_external=True,
        click_to_call_route="mobile", caller_ids={"mode": "all"},
    )  # fmt: skip
    wire = voiced(document)
    pstn = trunk(wire)
    assert wire.command("originate", agent="asha", to="+919812345678")["ok"]
    come = pstn.called()
    come.answer(sdp(port=7000))
    come.acked()
    assert played(wire, LEG) == ["confirm+"]
    press(wire, "1", LEG)
    assert played(wire, LEG) == ["confirm+", "-"]
    customer = pstn.called()
    customer.ring()
    assert played(wire, LEG)[-1] == "ringback-in+"
    customer.send(486)
    pstn.expect("BYE")
    wire.assert_quiet()


def test_agents_of_a_department_are_asked_one_after_the_other() -> None:
    document = company(media="relay", agents=[
        agent("asha", "2001", "1001", call_forward_number=MOBILE, confirm_external=True, ring_timeout_s=8),
        agent("ravi", "2002", "1002"), agent("meera", "2003", "1003"),
    ])  # fmt: skip
    wire = voiced(document)
    pstn = trunk(wire)
    call = pstn.invite("+918069651180")
    call.answered()
    assert played(wire) == ["music+"]
    come = pstn.called()
    come.answer()
    come.acked()
    assert played(wire) == ["music+"], "the music goes on while the agent is asked"
    wire.wait(9)
    pstn.expect("BYE")
    call.bye()
    wire.assert_quiet()


def test_neither_hears_the_other_before_the_one() -> None:
    wire = forwarding()
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    (block,) = commands(wire, "block media")  # before the leg could send anything
    assert "from-tag" not in block
    come.answer(sdp(port=7000))
    come.acked()
    assert commands(wire, "unblock media") == []
    press(wire, "1", LEG)
    call.answered()
    (unblock,) = commands(wire, "unblock media")
    assert unblock == {**block, "command": "unblock media"}
    call.bye()
    wire.assert_quiet()
