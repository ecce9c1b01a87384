"""Calls at somebody else's expense: no stranger reaches a trunk, no detour a number that is not permitted."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import CUSTOMER, MAIN, company
from b2bua_kit.documents import trunk as trunk_of
from b2bua_kit.peer import Peer, Phone, connect, trunk
from b2bua_kit.wire import Wire

from routerd.sip.message import Response

PREMIUM = "+19005551234"
DENIED = "+442079460000"
ROUTE = {"prefix": "", "trunks": ["pstn"]}
# one number in every dress that has passed a prefix rule somewhere
DRESSES = [
    "{n}", "00{d}", "0{n}", "%2B{d}", "%2b{d}", "%30%30{d}", "{n};phone-context=x", "+{dashed}", "00{dashed}",
    "%2B{dotted}", "{n}%00", "{n}%20", "%20{n}", "011{d}", "tel:{n}", "{n}:password", "{n};isub=1", "+%31900{rest}",
]  # fmt: skip


def dressed(number: str, dress: str) -> str:
    digits = number[1:]
    return dress.format(
        n=number, d=digits, dashed="-".join(digits), dotted=".".join(digits), rest=number.removeprefix("+1900")
    )


def strict_company() -> dict[str, object]:
    return company(
        trunks=[trunk_of("pstn", "192.0.2.10")],
        outbound_routes=[ROUTE],
        destination_policy={"allow": [], "deny": ["+1900", "+44"]},
    )


def refused_without_trunk(pstn: Peer, phone: Peer) -> None:
    finals = [message.status for message in phone.inbox if isinstance(message, Response) and message.status >= 200]
    pstn.nothing()
    assert finals
    assert all(status >= 400 for status in finals)


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("number", [PREMIUM, DENIED])
def test_a_denied_number_is_denied_in_every_dress(number: str, dress: str) -> None:
    wire = Wire(strict_company())
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    text = dressed(number, dress)
    uri = text if text.startswith("tel:") else f"sip:{text}@acme.test"
    phone.invite("x", uri=uri)
    wire.wait(2)
    refused_without_trunk(pstn, phone)


@pytest.mark.parametrize("dress", ["{n}", "00{d}", "%2B{d}", "+{dashed}", "%30%30{d}"])
def test_a_permitted_number_is_the_same_call_in_every_dress(dress: str) -> None:
    wire = Wire(strict_company())
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    phone.invite("x", uri=f"sip:{dressed(CUSTOMER, dress)}@acme.test")
    assert pstn.expect("INVITE").request_uri.user == CUSTOMER


@pytest.mark.parametrize("number", [CUSTOMER, PREMIUM, "112"])
@pytest.mark.parametrize("claims", ["2001", "1001", "192.0.2.10", MAIN])
def test_no_stranger_reaches_a_trunk(number: str, claims: str) -> None:
    wire = Wire(strict_company())
    pstn, stranger = trunk(wire), Peer(wire, "203.0.113.50")
    stranger.invite(number, from_=f"<sip:{claims}@acme.test>")
    stranger.invite(number, extra=[("Route", "<sip:192.0.2.10;lr>")], uri=f"sip:{number}@192.0.2.10:5060")
    wire.wait(1)
    refused_without_trunk(pstn, stranger)
    assert wire.switch.call_by_id == {}


def test_a_trunk_is_no_way_to_another_trunk() -> None:
    wire = Wire()
    pstn, second = trunk(wire), trunk(wire, "192.0.2.20")
    for number in (CUSTOMER, PREMIUM, "112", "00" + CUSTOMER[1:]):
        pstn.invite(number)
    wire.wait(1)
    second.nothing()
    assert {message.status for message in pstn.inbox if isinstance(message, Response) and message.status >= 200} == {
        404
    }


@pytest.mark.parametrize("number", [PREMIUM, "00" + DENIED[1:], "%2B" + PREMIUM[1:]])
@pytest.mark.parametrize("detour", ["3xx", "REFER"])
def test_no_detour_reaches_what_is_denied(number: str, detour: str) -> None:
    wire = Wire(strict_company())
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    target = f"<sip:{number}@acme.test>"
    if detour == "3xx":
        call = pstn.invite(MAIN)
        phone.called().send(302, extra=[("Contact", target)])
        wire.wait(1)
        assert [m.status for m in pstn.inbox if isinstance(m, Response) and m.status >= 200] == [480]
        call.refused(480)
    else:
        call, leg = connect(pstn, phone, MAIN)
        pstn.inbox.clear()
        phone.inbox.clear()
        leg.request("REFER", extra=[("Refer-To", target), ("Referred-By", "<sip:2001@acme.test>")])
        wire.wait(1)
        heard = [message for message in phone.inbox if message.get("Subscription-State")]
        answers = [message.status for message in phone.inbox if isinstance(message, Response)]
        assert answers[0] >= 400 or b" 40" in heard[-1].body or b" 48" in heard[-1].body or b" 60" in heard[-1].body
        call.bye()
    assert "INVITE" not in pstn.lines()


@pytest.mark.parametrize("scheme", ["sip:{n}@192.0.2.10", "tel:{n}", "sips:{n}@acme.test", "sip:{n}@203.0.113.9"])
def test_a_redirect_to_another_host_calls_nobody_there(scheme: str) -> None:
    wire = Wire(strict_company())
    pstn, phone, other = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Peer(wire, "203.0.113.9")
    pstn.invite(MAIN)
    phone.called().send(302, extra=[("Contact", f"<{scheme.format(n=PREMIUM)}>")])
    wire.wait(1)
    other.nothing()
    assert "INVITE" not in pstn.lines()


def test_a_stranger_takes_over_no_call_by_replaces() -> None:
    wire = Wire(strict_company())
    pstn, phone, stranger = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Peer(wire, "203.0.113.50")
    call, leg = connect(phone, pstn, CUSTOMER)
    assert call.dialog is not None
    tags = f"{call.dialog.call_id};to-tag={call.dialog.remote_tag};from-tag={call.dialog.local_tag}"
    stranger.invite("1001", extra=[("Replaces", tags)])
    assert [message.status for message in stranger.inbox if isinstance(message, Response)] == [401]
    pstn.invite(MAIN, extra=[("Replaces", tags)])
    wire.wait(1)
    assert "BYE" not in phone.lines()
    del leg


def test_a_trunk_takes_no_more_calls_at_once_than_it_may() -> None:
    document = strict_company()
    document["trunks"] = [trunk_of("pstn", "192.0.2.10", max_channels=2, calls_per_second=100)]
    wire = Wire(document)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    for number in range(6):
        phone.invite(f"+91981234567{number}")
    assert pstn.lines().count("INVITE") <= 2
    assert "503 INVITE" in phone.lines()
