"""From an INVITE to a plain attempt: who calls, what was dialled, by which way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from b2bua_kit.documents import CUSTOMER, MAIN, changed, company
from b2bua_kit.peer import Phone, trunk
from b2bua_kit.wire import Wire

if TYPE_CHECKING:
    from routerd.rules.plan import Attempt


def attempt_of(wire: Wire) -> Attempt:
    call = next(iter(wire.switch.call_by_id.values()))
    return call.record.attempt


@pytest.mark.parametrize(
    ("from_", "extra", "caller", "name"),
    [
        (f'"Mr X" <sip:{CUSTOMER}@x>', [], CUSTOMER, "Mr X"),
        ("<sip:09812345678@x>", [], CUSTOMER, None),
        ("<sip:anonymous@anonymous.invalid>", [], "anonymous", None),
        (f"<sip:{CUSTOMER}@x>", [("Privacy", "id")], "anonymous", None),
        ("<sip:alice@x>", [], "alice", None),
        ("<tel:+919812345678>", [], CUSTOMER, None),
    ],
)
def test_who_calls(from_: str, extra: list[tuple[str, str]], caller: str, name: str | None) -> None:
    wire = Wire()
    pstn = trunk(wire)
    Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN, from_=from_, extra=extra)
    attempt = attempt_of(wire)
    assert (attempt.kind, attempt.trunk, attempt.dialled) == ("inbound", "pstn", MAIN)
    assert (attempt.caller, attempt.caller_name) == (caller, name)
    assert attempt.source == "192.0.2.10"
    call.cancel()
    wire.wait(1)


def test_a_softphone_may_wish_for_a_number_to_show() -> None:
    wire = Wire(changed(company(), "agents", "asha", caller_ids={"mode": "all"}))
    phone, pstn = Phone(wire, "2001", "198.51.100.1"), trunk(wire)
    call = phone.invite(CUSTOMER, extra=[("P-Preferred-Identity", f"<sip:{MAIN}@x>")])
    attempt = attempt_of(wire)
    assert (attempt.kind, attempt.extension, attempt.caller_id) == ("softphone", "2001", MAIN)
    assert attempt.source == "198.51.100.1"
    assert attempt.trunk is None
    pstn.called()
    call.cancel()
    wire.wait(1)


def test_a_wish_that_is_not_allowed_is_not_replaced_silently() -> None:
    wire = Wire(changed(company(), "agents", "asha", caller_ids={"mode": "custom", "numbers": [MAIN]}))
    phone, pstn = Phone(wire, "2001", "198.51.100.1"), trunk(wire)
    phone.invite(CUSTOMER, extra=[("P-Preferred-Identity", "<sip:+15551234567@x>")]).refused(403)
    pstn.nothing()
    wire.assert_quiet()


def test_the_number_may_stand_elsewhere() -> None:
    document: dict[str, Any] = changed(company(), "trunks", "pstn", number_source="header:X-Did")
    wire = Wire(document)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite("pilot", extra=[("X-Did", MAIN)])
    phone.called()
    call.cancel()
    wire.wait(1)
