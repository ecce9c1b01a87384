"""What is kept of a call: affinity, numbers shown, the account's day (routing.md 2.1, 4.3)."""

from __future__ import annotations

from b2bua_kit.documents import CUSTOMER, GROUP, MAIN, changed, company
from b2bua_kit.peer import Phone, connect, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import accounting


def test_who_spoke_with_whom_is_remembered() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out, _ = connect(pstn, phone, GROUP)
    entry = wire.journal("affinity")[0].entry
    assert (entry["caller"], entry["agent"], entry["number"], entry["department"]) == (CUSTOMER, "asha", GROUP, "group")
    assert wire.switch.states["acme"].affinity(CUSTOMER)[0].agent == "asha"
    out.bye()
    wire.assert_quiet()


def test_which_number_a_customer_was_shown_is_remembered() -> None:
    wire = Wire(changed(company(), "agents", "asha", caller_ids={"mode": "all"}))
    phone, pstn = Phone(wire, "2001", "198.51.100.1"), trunk(wire)
    call = phone.invite(CUSTOMER)
    pstn.called().answer()
    call.answered()
    assert wire.journal("affinity")[0].entry["shown"] == MAIN
    call.bye()
    wire.assert_quiet()


def test_the_accounts_day() -> None:
    wire = Wire()
    tables = wire.switch.exchange.snapshot.accounts["acme"]
    day, second = accounting.account_day, 86_400.0 * 20_000
    assert day(tables, second + 5) - day(tables, second - 5) == 1
