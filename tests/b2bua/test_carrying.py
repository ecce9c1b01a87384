"""What the rules want, carried out: channels, rates, affinity, timers, log-outs (routerd.rules.plan)."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import CUSTOMER, GROUP, MAIN, MOBILE, changed, company
from b2bua_kit.peer import Phone, connect, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import carrying
from routerd.rules import plan


def test_every_command_of_the_rules_has_its_carrier() -> None:
    commands = {kind for kind in vars(plan).values() if isinstance(kind, type) and issubclass(kind, plan.Command)}
    assert set(carrying._CARRIERS) == commands - {plan.Command}


def test_channels_are_held_while_the_call_lasts() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    phone.called()
    assert wire.switch.states["acme"].channels == {"account": 1, "trunk:pstn": 1, f"number:{MAIN}": 1}
    call.cancel()
    assert wire.switch.states["acme"].channels == {}
    wire.wait(60)


def test_a_trunk_that_was_tried_counts_and_an_emergency_does_not() -> None:
    wire = Wire(changed(company(), "agents", "asha", caller_ids={"mode": "all"}))
    phone, pstn = Phone(wire, "2001", "198.51.100.1"), trunk(wire)
    call = phone.invite(CUSTOMER)
    pstn.called()
    assert wire.switch.states["acme"].channels["trunk:pstn"] == 1
    call.cancel()
    wire.wait(60)
    emergency = phone.invite("112")
    assert pstn.called().invite.uri.startswith("sip:112@")
    assert wire.switch.states["acme"].channels == {}
    emergency.cancel()
    wire.wait(60)


@pytest.mark.parametrize("verb", ["logout", "break"])
def test_an_agent_who_leaves_while_others_ring_leaves_them_ringing(verb: str) -> None:
    document = changed(
        changed(company(), "agents", "asha", login_based_calling=True), "agents", "ravi", login_based_calling=True
    )
    wire = Wire(document)
    pstn, asha, ravi = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    wire.command("login", agent="asha")
    wire.command("login", agent="ravi")
    call = pstn.invite(GROUP)
    first, second = asha.called(), ravi.called()
    first.ring()
    second.ring()
    wire.command(verb, agent="asha")
    asha.expect("CANCEL")
    assert "CANCEL" not in ravi.lines()
    second.answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_an_answered_agent_is_busy_for_others_until_the_call_ends() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out, _ = connect(pstn, phone, MAIN)
    assert wire.switch.states["acme"].agent_calls["asha"]
    pstn.invite(MAIN).refused(486)
    out.bye()
    assert wire.switch.states["acme"].agent_calls == {}
    assert "asha" in wire.switch.states["acme"].idle_since
    wire.assert_quiet()


def test_together_means_all_at_once() -> None:
    document = changed(company(), "agents", "asha", call_forward_number=MOBILE, sticky={"strategy": "simultaneous"})
    wire = Wire(document)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    desk, mobile = phone.called(), pstn.called()
    desk.ring()
    mobile.answer()
    mobile.acked()
    phone.expect("CANCEL")
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_a_call_pins_the_snapshot_with_which_it_began() -> None:
    from b2bua_kit.documents import snapshot_of

    wire = Wire(changed(company(), "agents", "asha", call_forward_number=MOBILE, ring_timeout_s=10))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    phone.called().ring()
    wire.switch.install(snapshot_of(company()), wire.now)
    wire.wait(10.1)
    assert MOBILE in pstn.called().invite.uri
    call.cancel()
    wire.wait(60)
