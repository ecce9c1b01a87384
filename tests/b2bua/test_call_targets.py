"""From a target of the plan to branches: contacts, trunks, addresses (routing.md 2.4)."""

from __future__ import annotations

from b2bua_kit.documents import CUSTOMER, FORWARDED, MAIN, changed, company
from b2bua_kit.peer import Peer, Phone, trunk
from b2bua_kit.wire import Wire


def test_every_contact_rings_up_to_the_limit_of_its_extension() -> None:
    wire = Wire(changed(company(), "extensions", "2001", max_contacts=2))
    pstn = trunk(wire)
    phones = [Phone(wire, "2001", f"198.51.100.{index}") for index in range(1, 4)]
    call = pstn.invite(MAIN)
    assert sum("INVITE" in phone.lines() for phone in phones) == 2
    call.cancel()
    wire.wait(1)


def test_an_extension_without_contacts_is_unreachable() -> None:
    wire = Wire()
    call = trunk(wire).invite(MAIN)
    assert "cause=20" in (call.refused(480).get("Reason") or "")
    wire.assert_quiet()


def test_an_address_outside_is_one_branch() -> None:
    wire = Wire(changed(company(), "agents", "asha", extension=None, sip_address="sip:asha@203.0.113.50:5070"))
    pstn, outside = trunk(wire), Peer(wire, "203.0.113.50", 5070)
    call = pstn.invite(MAIN)
    come = outside.called()
    assert come.invite.uri == "sip:asha@203.0.113.50:5070"
    assert (come.invite.get("To") or "") == "<sip:asha@203.0.113.50:5070>"
    come.answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_a_contact_is_called_where_it_was_registered_from() -> None:
    wire = Wire()
    pstn, router = trunk(wire), Peer(wire, "198.51.100.200", 33_333)
    wire.command(
        "restore_binding", extension="2001", uri="sip:2001@10.0.0.7:5060", transport="udp", local=("192.0.2.1", 5060),
        remote=router.address, path=[], expires_at=2e9, q=1.0, instance=None, reg_id=None, call_id="r", cseq=1,
        user_agent="", registered_at=1e9,
    )  # fmt: skip
    call = pstn.invite(MAIN)
    come = router.called()
    assert come.invite.uri.startswith("sip:2001@10.0.0.7:5060")
    come.send(200, extra=[("Contact", "<sip:2001@10.0.0.7:5060>")], body=call.sdp)
    come.acked()
    call.answered()
    call.bye()
    assert router.expect("BYE"), "within the dialog too (RFC 3581, RFC 5626)"
    wire.wait(60)


def test_an_outbound_proxy_that_is_no_uri_is_noted_and_the_next_trunk_tried() -> None:
    document = changed(company(), "agents", "asha", caller_ids={"mode": "all"})
    wire = Wire(document)
    phone, second = Phone(wire, "2001", "198.51.100.1"), trunk(wire, "192.0.2.20")
    first = trunk(wire)
    wire.dead.add(first.address)
    call = phone.invite(CUSTOMER)
    wire.wait(4.1)
    second.called()
    call.cancel()
    wire.wait(60)


def test_forwarding_loops_end() -> None:
    wire = Wire()
    pstn = trunk(wire)
    hops = 0
    call = pstn.invite(FORWARDED, max_forwards=5)
    while "INVITE" in pstn.lines():
        come = pstn.called()
        hops += 1
        pstn.invite(FORWARDED, max_forwards=come.invite.max_forwards or 0, call_id=f"hop{hops}")
    assert hops == 5
    assert "483 INVITE" in pstn.lines()
    call.cancel()
    del call
    wire.wait(300)
    assert len(wire.switch) == 0


def test_an_own_number_dialled_stays_inside() -> None:
    wire = Wire()
    caller, asha = Phone(wire, "2002", "198.51.100.2"), Phone(wire, "2001", "198.51.100.1")
    pstn = trunk(wire)
    call = caller.invite(MAIN)
    come = asha.called()
    assert "1002" in (come.invite.get("From") or "")
    pstn.nothing()
    come.answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_two_phones_that_send_to_each_other() -> None:
    wire = Wire()
    asha, ravi, meera = (Phone(wire, f"200{n}", f"198.51.100.{n}") for n in (1, 2, 3))
    call = meera.invite("1001")
    for _ in range(5):
        for phone, other in ((asha, "1002"), (ravi, "1001")):
            if "INVITE" in phone.lines():
                phone.called().send(302, extra=[("Contact", f"<sip:{other}@acme.test>")])
    call.refused(480)
    wire.assert_quiet()
