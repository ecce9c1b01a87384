"""Ringing for callers who were answered before: the account's own tone, else their country's."""

from __future__ import annotations

from b2bua_kit.documents import MENU, company
from b2bua_kit.peer import Phone, sdp, trunk
from b2bua_kit.voices import played, press, voiced


def test_after_a_menu_the_caller_hears_ringing_until_the_answer() -> None:
    wire = voiced()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MENU)
    call.answered()
    press(wire, "1")
    assert played(wire) == ["welcome", "-"], "nothing rings yet"
    come = phone.called()
    come.ring()
    assert played(wire) == ["welcome", "-", "ringback-in+"]
    come.answer(sdp(port=7000))
    assert played(wire)[-1] == "-"
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    come.acked()
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()


def test_the_accounts_own_tone() -> None:
    document = company()
    document["account"] = {**document["account"], "ringback": "hold"}
    wire = voiced(document)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MENU)
    call.answered()
    press(wire, "1")
    come = phone.called()
    come.ring()
    assert played(wire)[-1] == "hold+"
    come.send(486)
    pstn.expect("BYE")
    wire.assert_quiet()
