"""CANCEL and BYE in every state of a call (RFC 3261 §9, §15), and every row of the table that life can reach."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import CUSTOMER, MAIN, MENU, MOBILE, changed, company
from b2bua_kit.peer import Peer, Phone, connect, sdp, trunk
from b2bua_kit.voices import voiced
from b2bua_kit.wire import Wire

from routerd.b2bua import call_actions, call_states


def world(media: str = "direct", **more: object) -> tuple[Wire, Peer, Phone]:
    wire = Wire(company(media=media, **more), engines=1 if media == "relay" else 0)
    return wire, trunk(wire), Phone(wire, "2001", "198.51.100.1")


def test_the_table_names_only_what_exists() -> None:
    for (state, _), row in call_states.TABLE.items():
        assert state in call_states.STATES
        assert row.after in call_states.STATES
        assert row.action in call_actions.ACTIONS
    for state in call_states.STATES:
        assert (state, "cancel") in call_states.TABLE, "one row of CANCEL a state"


def test_cancel_while_it_rings() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    come = phone.called()
    come.ring()
    pstn.assert_sent("180 Ringing")
    call.cancel([("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
    pstn.assert_sent("200 OK")
    call.refused(487)
    cancel = phone.assert_sent("CANCEL")
    assert "Call completed elsewhere" in (cancel.get("Reason") or ""), "the Reason crosses (RFC 3326)"
    phone.expect("ACK")
    wire.assert_quiet()
    record = wire.records()[0]
    assert (record["outcome"], record["reason"], record["ended_by"]) == ("abandoned", "abandoned", "caller")
    assert [leg["result"] for leg in record["legs"]] == ["cancelled"]


def test_cancel_before_the_phone_has_said_anything_waits_for_its_provisional() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    come = phone.called()
    call.cancel()
    pstn.assert_sent("200 OK")
    call.refused(487)
    phone.nothing()
    come.send(100)
    phone.assert_sent("CANCEL")
    wire.assert_quiet()


def test_cancel_while_the_name_is_looked_up() -> None:
    document = changed(company(), "trunks", "pstn", target="sip:sip.example.net", addresses=["192.0.2.10/32"])
    document["outbound_routes"] = [{"prefix": "", "trunks": ["pstn"]}]
    document = changed(document, "agents", "asha", call_forward_number=MOBILE)
    wire = Wire(document)
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    assert wire.questions
    call.cancel()
    pstn.assert_sent("200 OK")
    call.refused(487)
    wire.answer_dns(None)
    pstn.expect("100")
    pstn.nothing()
    wire.assert_quiet()


def test_cancel_while_the_engine_thinks() -> None:
    wire, pstn, phone = world("relay")
    wire.engine.hold = {"offer"}
    call = pstn.invite(MAIN)
    phone.nothing()
    call.cancel()
    pstn.assert_sent("200 OK")
    call.refused(487)
    wire.release_media()
    phone.nothing()
    wire.assert_quiet()
    assert "delete" in wire.engine.names()


def test_cancel_crosses_the_phones_200() -> None:
    wire, pstn, phone = world("relay")
    wire.engine.hold = {"answer"}
    call = pstn.invite(MAIN)
    come = phone.called()
    come.answer()
    come.acked()
    call.cancel()
    pstn.assert_sent("200 OK")
    call.refused(487)
    assert "cause=16" in (phone.assert_sent("BYE").get("Reason") or "")
    wire.release_media()
    wire.assert_quiet()
    assert wire.records()[0]["outcome"] == "abandoned"


def test_cancel_loses_against_our_200() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    come = phone.called()
    come.answer()
    come.acked()
    call.cancel()
    pstn.expect("200 CANCEL")
    call.answered()
    phone.nothing()
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()
    assert wire.records()[0]["outcome"] == "answered"


def test_the_phone_answers_after_its_cancel() -> None:
    wire, pstn, phone = world()
    phone.auto.discard("CANCEL")
    call = pstn.invite(MAIN)
    come = phone.called()
    come.ring()
    call.cancel()
    call.refused(487)
    phone.reply(phone.expect("CANCEL"), 200, tag=come.tag)
    come.answer()
    come.acked()
    phone.expect("BYE")
    come.repeat()
    phone.nothing()
    assert phone.repeats == 1, "a repeated 200 gets the same ACK and no second BYE"
    wire.assert_quiet()


@pytest.mark.parametrize("when", ["ringing", "connected", "treated", "answering"])
def test_the_caller_says_bye(when: str) -> None:
    wire, pstn, phone = world("relay" if when == "answering" else "direct")
    if when == "answering":
        wire.engine.hold = {"answer"}
    call = pstn.invite(MENU if when == "treated" else MAIN)
    if when == "treated":
        call.answered()
    else:
        come = phone.called()
        come.ring()
        if when != "answering":
            call.early(pstn.expect("180"))
        if when != "ringing":
            come.answer()
            come.acked()
        if when == "connected":
            call.answered()
    if when == "answering":
        call.early(pstn.expect("180"))
    call.bye([("Reason", 'Q.850;cause=16;text="gone"')])
    if when in {"ringing", "answering"}:
        call.refused(487)
    if when == "ringing":
        phone.expect("CANCEL")
    elif when != "treated":
        phone.expect("BYE")
    wire.release_media()
    wire.assert_quiet()


def test_the_callee_hangs_up() -> None:
    wire, pstn, phone = world()
    _, come = connect(pstn, phone, MAIN)
    come.bye([("Reason", 'Q.850;cause=31;text="why not"')])
    assert 'text="why not"' in (pstn.assert_sent("BYE").get("Reason") or "")
    wire.assert_quiet()
    assert wire.records()[0]["ended_by"] == "callee"


def test_the_callee_hangs_up_while_the_caller_is_being_answered() -> None:
    wire, pstn, phone = world("relay")
    wire.engine.hold = {"answer"}
    call = pstn.invite(MAIN)
    come = phone.called()
    come.answer()
    come.acked()
    come.bye()
    response = pstn.expect("500")
    assert response.cseq.method == "INVITE"
    wire.release_media()
    del call
    wire.assert_quiet()


def test_a_callee_who_says_bye_before_answering_is_no_callee() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    come = phone.called()
    come.ring()
    come.bye()
    phone.expect("CANCEL")
    call.refused(480)
    wire.assert_quiet()


@pytest.mark.parametrize("when", ["ringing", "connected", "treated"])
def test_an_admin_hangs_up(when: str) -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MENU if when == "treated" else MAIN)
    if when == "treated":
        call.answered()
    else:
        come = phone.called()
        come.ring()
        if when == "connected":
            come.answer()
            come.acked()
            call.answered()
    known = wire.command("calls")["calls"]
    assert wire.command("hang_up", call=known[0]["id"])["ok"]
    if when == "ringing":
        call.refused(480)
        phone.expect("CANCEL")
    else:
        pstn.expect("BYE")
    wire.assert_quiet()
    assert wire.records()[0]["ended_by"] == "server"


def test_the_other_party_of_a_menu_is_joined_by_third_party_control() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MENU)
    call.answered()
    press(call, "1")
    come = phone.called()
    assert come.invite.body == b"", "who was treated is joined by a delayed offer"
    come.ring()
    come.answer()
    again = pstn.expect("INVITE")
    assert again.body
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(host="192.0.2.10", version=2))
    pstn.expect("ACK")
    assert come.acked().body, "the answer goes into the ACK"
    call.dialog.remote_cseq = again.cseq.number  # type: ignore[union-attr]
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()
    assert wire.records()[0]["answered_by"] == "extension:2001"


@pytest.mark.parametrize("leaver", ["caller", "callee", "refusal", "admin"])
def test_a_join_that_does_not_come_about(leaver: str) -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MENU)
    call.answered()
    press(call, "1")
    come = phone.called()
    come.answer()
    again = pstn.expect("INVITE")
    if leaver == "caller":
        call.bye()
        phone.expect("ACK")
        phone.expect("BYE")
    elif leaver == "callee":
        come.bye()
        pstn.expect("BYE")
    elif leaver == "admin":
        wire.command("hang_up", call=wire.command("calls")["calls"][0]["id"])
        pstn.expect("BYE")
        phone.expect("BYE")
    else:
        pstn.reply(again, 488)
        pstn.expect("ACK")
        phone.expect("ACK")
        phone.expect("BYE")
        pstn.expect("BYE")
    wire.assert_quiet()


def press(call: object, digit: str) -> None:
    """Press a digit by SIP INFO."""
    call.request("INFO", f"Signal={digit}\r\nDuration=100\r\n".encode(), kind="application/dtmf-relay")  # type: ignore[attr-defined]
    call.peer.expect("200 INFO")  # type: ignore[attr-defined]


def test_a_number_of_nobody_is_refused_before_anything_rings() -> None:
    wire, pstn, _ = world()
    call = pstn.invite("+918069659999")
    refusal = call.refused(404)
    assert refusal.reason == "Not Found"
    wire.assert_quiet()
    assert wire.records()[0]["from"] == CUSTOMER


def test_life_reaches_the_rows() -> None:
    """What whole calls reach; the rest is CANCEL's (the layer keeps a late one away) and what is over already."""
    Wire.rows.clear()
    for scene in (
        test_cancel_while_it_rings, test_cancel_crosses_the_phones_200, test_the_callee_hangs_up,
        test_the_callee_hangs_up_while_the_caller_is_being_answered,
        test_a_number_of_nobody_is_refused_before_anything_rings,
        test_the_other_party_of_a_menu_is_joined_by_third_party_control,
    ):  # fmt: skip
        scene()
    for when in ("ringing", "connected", "treated", "answering"):
        test_the_caller_says_bye(when)
    for when in ("ringing", "connected", "treated"):
        test_an_admin_hangs_up(when)
    for leaver in ("caller", "callee", "refusal", "admin"):
        test_a_join_that_does_not_come_about(leaver)
    reached = set(Wire.rows)
    assert reached <= set(call_states.TABLE)
    assert reached >= {
        ("deciding", "ring"), ("deciding", "treat"), ("deciding", "end"), ("ringing", "bridge"),
        ("answering", "answered"),
        ("treated", "bridge"), ("joining", "joined"), ("ringing", "cancel"), ("answering", "cancel"),
        ("ringing", "caller_gone"), ("answering", "caller_gone"), ("treated", "caller_gone"),
        ("joining", "caller_gone"),
        ("connected", "caller_gone"), ("answering", "callee_gone"), ("joining", "callee_gone"),
        ("connected", "callee_gone"),
        ("joining", "broken"), ("ringing", "stop"), ("treated", "stop"), ("joining", "stop"), ("connected", "stop"),
    }  # fmt: skip


# by the rules, or by a transfer
PREPARED = {"answer_by_leg", "join", "greet", "greeted", "whisper", "refuse", "finish"}
BY_ITSELF = sorted(key for key, row in call_states.TABLE.items() if row.action not in PREPARED)


NEEDS_ENGINE = {call_states.GREETING, call_states.BRIEFING, call_states.BRIEFING_TREATED}
LABELLED = company(
    media="relay",
    numbers=[
        {"number": MAIN, "destination": {"type": "agent", "id": "asha"}, "whisper": "label"},
        {"number": MENU, "destination": {"type": "ivr", "id": "main"}, "whisper": "label"},
    ],
)


@pytest.mark.parametrize(("state", "event"), BY_ITSELF)
def test_every_other_row_leaves_the_call_where_it_says(state: str, event: str) -> None:
    """Each row by itself, on a call that really is in that state; whatever it does, nothing is left behind."""
    if state in NEEDS_ENGINE:
        wire = voiced(LABELLED)
        pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    else:
        wire, pstn, phone = world("relay" if state == call_states.ANSWERING else "direct")
    call = call_in(state, wire, pstn, phone)
    party = {"caller_gone": call.caller, "callee_gone": call.peer}.get(event)
    if party is not None:
        call.leg_lost(party, "test", wire.now)
    else:
        call.happen(event, wire.now)
    assert call.state == call_states.TABLE[state, event].after
    wire.pump()
    call.stop("hangup", 480, 16, wire.now)
    wire.pump()
    wire.assert_quiet()


def call_in(state: str, wire: Wire, pstn: Peer, phone: Phone) -> Any:
    """A call in ``state``."""
    wire.engine.hold = {"answer"}
    by_menu = {call_states.GREETING, call_states.TREATED, call_states.BRIEFING_TREATED, call_states.JOINING}
    caller = pstn.invite(MENU if state in by_menu else MAIN)
    call = next(iter(wire.switch.call_by_id.values()))
    if state == call_states.BRIEFING:
        phone.called().answer()
    elif state == call_states.BRIEFING_TREATED:
        wire.release_media()
        caller.answered()
        press(caller, "1")
        phone.called().answer()
    elif state == call_states.TREATED:
        caller.answered()
    elif state == call_states.JOINING:
        caller.answered()
        press(caller, "1")
        phone.called().answer()
    elif state in {call_states.CONNECTED, call_states.ANSWERING}:
        phone.called().answer()
        if state == call_states.CONNECTED:
            caller.answered()
    elif state == call_states.DECIDING:
        call.state = state
    elif state == call_states.ENDED:
        call.stop("hangup", 480, 16, wire.now)
        wire.pump()
    assert call.state == state
    return call
