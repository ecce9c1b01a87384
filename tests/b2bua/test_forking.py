"""Several contacts, several trunks, one result (routing.md 2.5; RFC 3261 §13.2.2.4, §16.7)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from b2bua_kit.documents import CUSTOMER, FORWARDED, GROUP, MAIN, MOBILE, changed, company
from b2bua_kit.peer import Peer, Phone, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import forking
from routerd.sip.flow import Flow

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


@pytest.mark.parametrize(
    ("status", "result", "blame"),
    [(486, "busy", False), (600, "busy", False), (603, "declined", False), (404, "unreachable", False),
     (403, "unreachable", True), (408, "unreachable", True), (503, "unreachable", True), (0, "unreachable", True)],
)  # fmt: skip
def test_what_a_status_means(status: int, result: str, blame: bool) -> None:
    assert forking.result_of(status) == result
    assert forking.trunk_to_blame(status) is blame


@pytest.mark.parametrize(
    ("flow", "next_hop", "host"),
    [
        (Flow("udp", ("192.0.2.1", 5060), ("198.51.100.1", 4000)), "sip:x@203.0.113.1", "198.51.100.1"),
        (None, "sip:x@203.0.113.1:5070;lr", "203.0.113.1"),
        (None, "sip:x@[2001:db8::1]", "2001:db8::1"),
        (None, "sip:trunk.example", "trunk.example"),
        (None, "no uri", ""),
    ],
)
def test_where_a_branch_will_go(flow: Flow | None, next_hop: str, host: str) -> None:
    branch: Any = SimpleNamespace(parts=SimpleNamespace(next_hop=next_hop))
    assert forking.BranchPlan(branch, flow, 4.0).peer_host() == host


def two_phones() -> tuple[Wire, Peer, Phone, Phone]:
    wire = Wire()
    return wire, trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2001", "198.51.100.2")


def test_the_first_contact_that_answers_wins_and_the_other_hears_why() -> None:
    wire, pstn, desk, mobile = two_phones()
    call = pstn.invite(MAIN)
    first, second = desk.called(), mobile.called()
    first.ring()
    second.ring()
    assert pstn.lines().count("180 INVITE") == 1, "one 180 is enough"
    second.answer()
    second.acked()
    assert desk.assert_sent("CANCEL").get("Reason") == ELSEWHERE
    call.answered()
    call.bye()
    mobile.expect("BYE")
    wire.assert_quiet()
    assert [leg["result"] for leg in wire.records()[0]["legs"]] == ["answered"]


def test_a_late_200_of_the_loser_is_acknowledged_and_hung_up() -> None:
    wire, pstn, desk, mobile = two_phones()
    desk.auto.discard("CANCEL")
    call = pstn.invite(MAIN)
    first, second = desk.called(), mobile.called()
    first.ring()
    second.answer()
    call.answered()
    desk.reply(desk.expect("CANCEL"), 200, tag=first.tag)
    first.answer()
    first.acked()
    assert desk.expect("BYE").get("Reason") == ELSEWHERE
    call.bye()
    mobile.expect("BYE")
    wire.assert_quiet()


def test_two_200s_of_a_fork_downstream_one_is_acked_and_byed() -> None:
    wire, pstn, desk, _ = two_phones()
    call = pstn.invite(MAIN)
    come = desk.called()
    come.send(180, tag="one")
    come.send(180, tag="two")
    come.send(
        200,
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 5 RTP/AVP 8\r\n",
        tag="two",
    )
    assert desk.expect("ACK").to.tag == "two"
    call.answered()
    come.send(200, tag="one")
    assert desk.expect("ACK").to.tag == "one"
    assert desk.expect("BYE").to.tag == "one"
    come.repeat()
    desk.nothing()
    assert desk.repeats == 1, "the ACK again, no second BYE"
    call.bye()
    assert desk.expect("BYE").to.tag == "two"
    come.send(200, tag="three")
    assert desk.expect("BYE").to.tag == "three", "also after the call is over (RFC 6026)"
    wire.assert_quiet()


def test_every_contact_busy_is_busy() -> None:
    wire, pstn, desk, mobile = two_phones()
    call = pstn.invite(MAIN)
    desk.called().send(404)
    mobile.called().send(486)
    refusal = call.refused(486)
    assert "cause=17" in (refusal.get("Reason") or "")
    wire.assert_quiet()


def test_a_6xx_silences_the_other_contacts_of_that_agent() -> None:
    wire, pstn, desk, mobile = two_phones()
    call = pstn.invite(MAIN)
    mobile.called().ring()
    desk.called().send(603)
    mobile.expect("CANCEL")
    refusal = call.refused(480)
    assert "cause=21" in (refusal.get("Reason") or "")
    wire.assert_quiet()


def test_agents_rung_together_are_cancelled_when_one_answers() -> None:
    wire = Wire()
    pstn, asha, ravi = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    call = pstn.invite(GROUP)
    first, second = asha.called(), ravi.called()
    first.ring()
    second.ring()
    first.answer()
    first.acked()
    assert ravi.expect("CANCEL").get("Reason") == ELSEWHERE
    call.answered()
    call.bye()
    wire.assert_quiet()
    assert sorted(leg["result"] for leg in wire.records()[0]["legs"]) == ["answered", "answered_elsewhere"]


def test_the_next_stage_rings_when_the_first_does_not_answer() -> None:
    wire = Wire(changed(company(), "agents", "asha", call_forward_number=MOBILE, ring_timeout_s=10))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    phone.called().ring()
    wire.wait(10.1)
    assert "cause=19" in (phone.expect("CANCEL").get("Reason") or "")
    outside = pstn.called()
    assert outside.invite.uri.startswith(f"sip:{MOBILE}@192.0.2.10")
    outside.answer()
    call.answered()
    call.bye()
    wire.assert_quiet()
    assert [leg["result"] for leg in wire.records()[0]["legs"]] == ["no_answer", "answered"]


# -- trunks --


def dialled() -> tuple[Wire, Phone, Peer, Peer]:
    document = changed(company(), "agents", "asha", caller_ids={"mode": "all"})
    wire = Wire(document)
    return wire, Phone(wire, "2001", "198.51.100.1"), trunk(wire), trunk(wire, "192.0.2.20")


@pytest.mark.parametrize("status", [503, 500, 408, 403])
def test_a_trunk_that_is_to_blame_is_passed_over(status: int) -> None:
    wire, phone, first, second = dialled()
    call = phone.invite(CUSTOMER)
    first.called().send(status)
    come = second.called()
    come.answer()
    call.answered()
    call.bye()
    second.expect("BYE")
    wire.assert_quiet()
    record = wire.records()[0]
    assert [leg["trunk"] for leg in record["legs"]] == ["second"], "one leg for all trunks"


@pytest.mark.parametrize("status", [404, 486, 603, 480])
def test_what_the_number_says_is_final(status: int) -> None:
    wire, phone, first, second = dialled()
    call = phone.invite(CUSTOMER)
    first.called().send(status)
    second.nothing()
    assert any(word.startswith(("4", "6")) for word in phone.lines())
    del call
    wire.assert_quiet()


def test_a_silent_trunk_is_passed_over_and_its_late_ringing_cancelled() -> None:
    wire, phone, first, second = dialled()
    call = phone.invite(CUSTOMER)
    late = first.called()
    wire.wait(4.1)
    come = second.called()
    late.ring()
    first.expect("CANCEL")
    come.answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_a_trunk_that_cannot_be_sent_to_is_passed_over() -> None:
    wire, phone, first, second = dialled()
    wire.lost.add(first.address)
    call = phone.invite(CUSTOMER)
    second.called().answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_a_trunk_without_an_address_is_passed_over() -> None:
    document = changed(company(), "agents", "asha", caller_ids={"mode": "all"})
    wire = Wire(changed(document, "trunks", "pstn", target="sip:sip.example.net"))
    phone, second = Phone(wire, "2001", "198.51.100.1"), trunk(wire, "192.0.2.20")
    call = phone.invite(CUSTOMER)
    while wire.questions:
        wire.answer_dns(None)
    second.called().answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_the_servers_of_a_name_are_tried_in_their_order() -> None:
    document = changed(company(), "agents", "asha", caller_ids={"mode": "all"})
    wire = Wire(changed(document, "trunks", "pstn", target="sip:sip.example.net;transport=udp"))
    wire.dns = {
        ("_sip._udp.sip.example.net", "SRV"): [(20, 0, 5062, "b.example.net"), (10, 0, 5061, "a.example.net")],
        ("a.example.net", "A"): [("192.0.2.31",)],
        ("a.example.net", "AAAA"): None,
        ("b.example.net", "A"): [("192.0.2.32",)],
        ("b.example.net", "AAAA"): None,
    }
    phone = Phone(wire, "2001", "198.51.100.1")
    first, second = Peer(wire, "192.0.2.31", 5061), Peer(wire, "192.0.2.32", 5062)
    call = phone.invite(CUSTOMER)
    refused = first.called()
    refused.send(503)
    assert first.expect("ACK").via.branch == refused.invite.via.branch, "the ACK goes to the same host (RFC 3263 §4)"
    come = second.called()
    assert come.invite.via.branch != refused.invite.via.branch
    come.ring()
    call.cancel()
    second.expect("CANCEL")
    first.nothing()
    wire.assert_quiet()


def test_all_trunks_down_is_unreachable() -> None:
    wire, phone, first, second = dialled()
    call = phone.invite(CUSTOMER)
    first.called().send(503)
    second.called().send(500)
    call.refused(480)
    wire.assert_quiet()


def test_a_forwarded_call_leaves_by_the_trunk_again() -> None:
    wire = Wire()
    pstn = trunk(wire)
    call = pstn.invite(FORWARDED)
    come = pstn.called()
    assert MOBILE in come.invite.uri
    come.answer()
    come.acked()
    call.answered()
    call.bye()
    wire.assert_quiet()


# -- redirects --


def test_a_302_to_a_colleague_is_followed_once() -> None:
    wire = Wire()
    pstn, asha, ravi = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    call = pstn.invite(MAIN)
    asha.called().send(302, extra=[("Contact", "<sip:1002@acme.test>")])
    come = ravi.called()
    come.send(302, extra=[("Contact", "<sip:1001@acme.test>")])
    asha.expect("ACK")
    asha.nothing()
    call.refused(480)
    wire.assert_quiet()


def test_a_302_to_where_the_agent_may_not_call_is_unreachable() -> None:
    wire = Wire(changed(company(), "agents", "asha", block_outbound="all"))
    pstn, asha = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    asha.called().send(302, extra=[("Contact", f"<sip:{MOBILE}@elsewhere.example>")])
    call.refused(480)
    wire.assert_quiet()


def test_early_media_of_the_next_trunk_is_heard() -> None:
    wire, phone, first, second = dialled()
    out = phone.invite(CUSTOMER)
    come = first.called()
    come.send(183, sdp(host="192.0.2.10"))
    assert b"192.0.2.10" in phone.expect("183").body
    come.send(503)
    second.called().send(183, sdp(host="192.0.2.20"))
    assert b"192.0.2.20" in phone.expect("183").body
    out.cancel()
    wire.assert_quiet()
