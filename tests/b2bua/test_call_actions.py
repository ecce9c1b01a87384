"""The actions of the table: whom each refuses, cancels or hangs up, and with what Reason (routing.md 2.8)."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import GROUP, MAIN, changed, company
from b2bua_kit.peer import Phone, connect, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import call_actions, call_states


def test_every_action_is_used_and_every_used_one_is_there() -> None:
    assert {row.action for row in call_states.TABLE.values()} == set(call_actions.ACTIONS)


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_the_reason_of_a_bye_crosses(side: str) -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out, come = connect(pstn, phone, MAIN)
    (out if side == "caller" else come).bye([("Reason", 'SIP;cause=200;text="one"'), ("Reason", "Q.850;cause=31")])
    other = phone if side == "caller" else pstn
    assert other.expect("BYE").get_all("Reason") == ['SIP;cause=200;text="one"', "Q.850;cause=31"]
    wire.assert_quiet()


def test_a_bye_without_a_reason_gets_the_usual_one() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out, _ = connect(pstn, phone, MAIN)
    out.bye()
    assert phone.expect("BYE").get("Reason") == 'Q.850;cause=16;text="Normal call clearing"'
    wire.assert_quiet()


def test_an_admins_word_is_told_to_all_who_ring() -> None:
    wire = Wire()
    pstn, asha, ravi = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    call = pstn.invite(GROUP)
    asha.called().ring()
    ravi.called().ring()
    wire.command("hang_up", call=next(iter(wire.switch.call_by_id)))
    for phone in (asha, ravi):
        assert "cause=16" in (phone.expect("CANCEL").get("Reason") or "")
    call.refused(480)
    wire.assert_quiet()
    assert [leg["result"] for leg in wire.records()[0]["legs"]] == ["cancelled", "cancelled"]


def test_refusing_tells_the_cause_and_when_to_try_again() -> None:
    wire = Wire(changed(company(), "agents", "asha", do_not_disturb=True))
    call = trunk(wire).invite(MAIN)
    assert 'cause=17;text="User busy"' in (call.refused(486).get("Reason") or "")
    wire.assert_quiet()
