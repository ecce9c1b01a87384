"""SIP statuses and Q.850 causes (RFC 3398, 3326; routing.md 2.8)."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import MAIN, changed, company
from b2bua_kit.peer import Phone, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import cause


@pytest.mark.parametrize(
    ("status", "q850"), [(486, 17), (404, 1), (480, 18), (503, 41), (599, 41), (499, 31), (603, 21)]
)
def test_causes_of_statuses(status: int, q850: int) -> None:
    assert cause.cause_of(status) == q850


@pytest.mark.parametrize(("q850", "status"), [(17, 486), (1, 404), (19, 480), (42, 503), (99, 480)])
def test_statuses_of_causes(q850: int, status: int) -> None:
    assert cause.status_of(q850) == status


def test_headers() -> None:
    assert cause.reason_header(17) == 'Q.850;cause=17;text="User busy"'
    assert cause.reason_header(99) == "Q.850;cause=99"


@pytest.mark.parametrize(
    ("answer", "status", "q850"),
    [(486, 486, 17), (600, 486, 17), (603, 480, 21), (404, 480, 20), (488, 480, 20), (500, 480, 20)],
)
def test_how_an_inbound_call_ends(answer: int, status: int, q850: int) -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    phone.called().send(answer)
    assert f"Q.850;cause={q850};" in (call.refused(status).get("Reason") or "")
    wire.assert_quiet()


@pytest.mark.parametrize(
    ("agent", "status", "q850"),
    [({"do_not_disturb": True}, 486, 17), ({"status": "disabled"}, 480, 20), ({"login_based_calling": True}, 480, 20)],
)
def test_how_a_call_to_who_is_not_available_ends(agent: dict[str, object], status: int, q850: int) -> None:
    wire = Wire(changed(company(), "agents", "asha", **agent))
    pstn = trunk(wire)
    Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    assert f"cause={q850};" in (call.refused(status).get("Reason") or "")
    wire.assert_quiet()


def test_a_full_company_is_503_with_retry_after() -> None:
    document = company()
    document["account"]["max_channels"] = 1
    wire = Wire(document)
    pstn = trunk(wire)
    Phone(wire, "2001", "198.51.100.1")
    first = pstn.invite(MAIN)
    refusal = pstn.invite("+918069651170").refused(503)
    assert refusal.get("Retry-After")
    assert "cause=42;" in (refusal.get("Reason") or "")
    first.cancel()
    wire.assert_quiet()


def test_a_blocked_caller_is_603() -> None:
    wire = Wire(company(blocked_callers=[{"number": "+919812345678"}]))
    trunk(wire).invite(MAIN).refused(603)
    wire.assert_quiet()
