"""REFER, Replaces, and what the transferor hears of it (RFC 3515, 3891, 5589)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from b2bua_kit.documents import CUSTOMER, MAIN, MENU, changed, company
from b2bua_kit.peer import Incoming, Outgoing, Peer, Phone, connect, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua.transfer import Replaces
from routerd.errors import ParseError

if TYPE_CHECKING:
    from b2bua_kit.peer import Side


class Office:
    """A trunk and three phones; the trunk has called asha, who talks."""

    def __init__(self, media: str = "direct") -> None:
        document = changed(company(media=media), "agents", "asha", caller_ids={"mode": "all"})
        self.wire = Wire(document, engines=1 if media == "relay" else 0)
        self.pstn = trunk(self.wire)
        self.second = trunk(self.wire, "192.0.2.20")
        self.asha = Phone(self.wire, "2001", "198.51.100.1")
        self.ravi = Phone(self.wire, "2002", "198.51.100.2")
        self.meera = Phone(self.wire, "2003", "198.51.100.3")
        self.out, self.come = connect(self.pstn, self.asha, MAIN)

    def refer(self, target: str, side: Side | None = None, status: int = 202) -> None:
        side = side or self.come
        side.request("REFER", extra=[("Refer-To", target)])
        side.peer.expect(f"{status} REFER")

    def progress(self, peer: Peer | None = None) -> list[str]:
        """What the transferor was told since, as ``180 active``."""
        peer = peer or self.asha
        heard = []
        while "NOTIFY" in peer.lines():
            notify = peer.expect("NOTIFY")
            assert (notify.get("Event") or "").startswith("refer")
            assert notify.get("Content-Type") == "message/sipfrag;version=2.0"
            state = (notify.get("Subscription-State") or "").partition(";")[0]
            heard.append(f"{notify.body.split()[1].decode()} {state}")
        return heard

    def joined(self, stays: Peer, target: Incoming) -> None:
        """Play third-party call control to its end: ``target`` has answered with its offer."""
        again = stays.expect("INVITE")
        stays.reply(again, 200, [("Contact", stays.contact)], sdp(version=3))
        stays.expect("ACK")
        assert target.acked().body


def test_a_blind_transfer_to_a_colleague() -> None:
    for media in ("direct", "relay"):
        office = Office(media)
        office.refer("<sip:1002@acme.test>")
        come = office.ravi.called()
        come.ring()
        assert office.progress() == ["100 active", "180 active"]
        come.answer()
        office.joined(office.pstn, come)
        assert office.progress() == ["200 terminated"]
        office.asha.expect("BYE")
        come.bye()
        office.pstn.expect("BYE")
        office.wire.assert_quiet()
        first = next(record for record in office.wire.records() if record["transfers"])
        assert first["transfers"][0]["to"] == "1002"
        assert first["ended_by"] == "transfer"


def test_a_blind_transfer_to_the_outside_goes_by_the_gates_of_the_agent() -> None:
    office = Office()
    office.refer(f"<sip:{CUSTOMER}@acme.test>")
    come = office.pstn.called()
    come.answer()
    office.joined(office.pstn, come)
    assert office.progress() == ["100 active", "200 terminated"]
    office.asha.expect("BYE")
    come.bye()
    office.wire.assert_quiet()


@pytest.mark.parametrize(("status", "told"), [(486, "486"), (404, "480")])
def test_when_it_fails_the_parties_still_talk(status: int, told: str) -> None:
    office = Office()
    office.refer("<sip:1002@acme.test>")
    office.ravi.called().send(status)
    heard = office.progress()
    assert heard[-1] == f"{told} terminated"
    assert "BYE" not in office.asha.lines()
    office.come.request("INVITE", sdp(version=4))
    offer = office.pstn.expect("INVITE")
    office.pstn.reply(offer, 200, [("Contact", office.pstn.contact)], sdp(version=2))
    office.come.ack(office.asha.expect("200 INVITE"))
    office.refer("<sip:1003@acme.test>")
    office.meera.called()
    office.out.bye()
    office.meera.lines()
    office.wire.assert_quiet()


def test_a_target_that_may_not_be_called_is_refused_by_notify() -> None:
    office = Office()
    office.wire.switch.install(
        __import__("b2bua_kit.documents", fromlist=["snapshot_of"]).snapshot_of(
            changed(company(), "agents", "asha", block_outbound="all")
        ),
        office.wire.now,
    )
    office.refer("<sip:999@acme.test>")
    assert office.progress()[-1].endswith("terminated")
    office.out.bye()
    office.wire.assert_quiet()


def test_the_transferor_may_leave_at_once() -> None:
    office = Office()
    office.refer("<sip:1002@acme.test>")
    come = office.ravi.called()
    come.ring()
    office.come.bye()
    assert "BYE" not in office.pstn.lines()
    come.answer()
    office.joined(office.pstn, come)
    office.out.dialog.remote_cseq = None  # type: ignore[union-attr]
    office.out.bye()
    office.ravi.expect("BYE")
    office.wire.assert_quiet()


def test_the_transferor_leaves_and_the_target_does_not_answer() -> None:
    office = Office()
    office.refer("<sip:1002@acme.test>")
    come = office.ravi.called()
    come.ring()
    office.come.bye()
    come.send(486)
    office.pstn.expect("BYE")
    office.wire.assert_quiet()


def test_the_transferee_hangs_up_meanwhile() -> None:
    office = Office()
    office.refer("<sip:1002@acme.test>")
    office.ravi.called().ring()
    office.out.bye()
    office.ravi.expect("CANCEL")
    assert office.progress()[-1] == "487 terminated"
    office.asha.expect("BYE")
    office.wire.assert_quiet()


def test_the_transferor_leaves_before_it_has_answered_the_notify() -> None:
    office = Office()
    office.asha.auto.discard("NOTIFY")
    office.refer("<sip:1002@acme.test>")
    come = office.ravi.called()
    office.come.bye()
    come.answer()
    office.joined(office.pstn, come)
    office.out.bye()
    office.wire.assert_quiet()


def test_a_transfer_to_a_menu_takes_the_party_there() -> None:
    office = Office()
    office.refer(f"<sip:{MENU}@acme.test>")
    assert office.progress() == ["100 active", "200 terminated"]
    office.asha.expect("BYE")
    assert len(office.wire.switch) == 1
    office.out.bye()
    office.wire.assert_quiet()


def test_nobody_outside_transfers() -> None:
    office = Office()
    office.refer(f"<sip:{CUSTOMER}@acme.test>", office.out, status=403)
    office.out.bye()
    office.wire.assert_quiet()


@pytest.mark.parametrize(
    ("targets", "status"),
    [([], 400), (["<sip:1002@acme.test>", "<sip:1003@acme.test>"], 400), (["<http://x.test/>"], 416), (["<sip:"], 400),
     (["<sip:1002@acme.test?Replaces=nonsense>"], 400)],
)  # fmt: skip
def test_what_no_target_is(targets: list[str], status: int) -> None:
    office = Office()
    office.come.request("REFER", extra=[("Refer-To", target) for target in targets])
    office.asha.expect(f"{status} REFER")
    office.out.bye()
    office.wire.assert_quiet()


def test_without_a_subscription_there_is_no_notify() -> None:
    office = Office()
    office.come.request("REFER", extra=[("Refer-To", "<sip:1002@acme.test>"), ("Refer-Sub", "false")])
    assert office.asha.expect("202").get("Refer-Sub") == "false"
    office.ravi.called().send(486)
    assert office.progress() == []
    office.out.bye()
    office.wire.assert_quiet()


# -- attended --


def replaces_of(side: Side) -> str:
    """The Replaces value of a dialog of a peer's, escaped."""
    assert side.dialog is not None
    dialog = side.dialog
    return f"{dialog.call_id}%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}"


def consult(office: Office) -> tuple[Outgoing, Incoming]:
    """Asha calls ravi besides."""
    call = office.asha.invite("1002")
    come = office.ravi.called()
    come.ring()
    return call, come


def test_an_attended_transfer() -> None:
    for media in ("direct", "relay"):
        office = Office(media)
        call, come = consult(office)
        come.answer()
        come.acked()
        call.answered()
        office.refer(f"<sip:1002@acme.test?Replaces={replaces_of(call)}>")
        asked = office.ravi.expect("INVITE")
        assert asked.body == b""
        office.ravi.reply(asked, 200, [("Contact", office.ravi.contact)], sdp(version=2))
        again = office.pstn.expect("INVITE")
        office.pstn.reply(again, 200, [("Contact", office.pstn.contact)], sdp(version=2))
        assert office.ravi.expect("ACK").body
        assert office.progress() == ["100 active", "200 terminated"]
        assert office.asha.lines().count("BYE") == 2
        office.out.bye()
        office.ravi.expect("BYE")
        office.wire.assert_quiet()


def test_an_attended_transfer_that_cannot_be_joined_reports_it() -> None:
    office = Office()
    call, come = consult(office)
    come.answer()
    call.answered()
    office.refer(f"<sip:1002@acme.test?Replaces={replaces_of(call)}>")
    office.ravi.reply(office.ravi.expect("INVITE"), 488)
    assert office.progress()[-1].startswith("5")
    office.pstn.expect("BYE")
    office.wire.assert_quiet()


def test_a_transfer_while_the_second_call_still_rings() -> None:
    office = Office()
    call, come = consult(office)
    call.early(office.asha.expect("180"))
    office.refer(f"<sip:1002@acme.test?Replaces={replaces_of(call)}>")
    office.ravi.expect("CANCEL")
    office.ravi.expect("ACK")
    again = office.ravi.called()
    again.answer()
    office.joined(office.pstn, again)
    office.asha.expect("487 INVITE")
    office.asha.expect("BYE")
    office.out.bye()
    del come
    office.wire.assert_quiet()


def test_a_dialog_that_is_not_there() -> None:
    office = Office()
    office.refer("<sip:1002@acme.test?Replaces=none%3Bto-tag%3Da%3Bfrom-tag%3Db>")
    assert office.progress() == ["100 active", "481 terminated"]
    office.out.bye()
    office.wire.assert_quiet()


# -- INVITE with Replaces --


def replaces(side: Side) -> str:
    assert side.dialog is not None
    return f"{side.dialog.call_id};to-tag={side.dialog.remote_tag};from-tag={side.dialog.local_tag}"


def test_a_colleague_takes_the_call_over() -> None:
    office = Office()
    taking = office.ravi.invite("1001", extra=[("Replaces", replaces(office.come))])
    taking.answered()
    assert "completed elsewhere" in (office.asha.expect("BYE").get("Reason") or "")
    asked = office.ravi.expect("INVITE")
    office.ravi.reply(asked, 200, [("Contact", office.ravi.contact)], sdp(version=2))
    again = office.pstn.expect("INVITE")
    office.pstn.reply(again, 200, [("Contact", office.pstn.contact)], sdp(version=2))
    office.ravi.expect("ACK")
    office.out.bye()
    office.ravi.expect("BYE")
    office.wire.assert_quiet()


def test_replaces_that_is_refused() -> None:
    office = Office()
    good = ("Replaces", replaces(office.come))
    office.ravi.invite("1001", extra=[good, good]).refused(400)
    office.ravi.invite("1001", extra=[("Replaces", "nothing;to-tag=a;from-tag=b")]).refused(481)
    office.ravi.invite("1001", extra=[("Replaces", "nothing")]).refused(400)
    office.ravi.invite("1001", extra=[("Replaces", f"{replaces(office.come)};early-only")]).refused(486)
    office.pstn.invite(MAIN, extra=[good]).refused(403)
    assert "BYE" not in office.asha.lines()
    office.out.bye()
    office.wire.assert_quiet()


def test_another_companys_phone_is_refused() -> None:
    document = changed(company(), "agents", "asha", caller_ids={"mode": "all"})
    wire = Wire(document)
    pstn, asha = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out, come = connect(pstn, asha, MAIN)
    other = {
        **company(),
        "account": {**company()["account"], "id": "other", "domains": ["other.test"], "pilot_number": None},
        "trunks": [], "numbers": [], "outbound_routes": [], "departments": [], "ivrs": [],
    }  # fmt: skip
    del other["account"]["pilot_number"]
    from b2bua_kit.documents import snapshot_of

    wire.switch.install(snapshot_of(document, other), wire.now)
    stranger = Phone(wire, "2001", "203.0.113.5", register=False)
    call = stranger.invite(
        "1001", extra=[("Replaces", replaces(come))], domain="other.test", from_="<sip:2001@other.test>"
    )
    call.refused(403)
    out.bye()
    wire.assert_quiet()


def test_the_header_wants_both_tags() -> None:
    parsed = Replaces("a@b ; to-tag=1; from-tag=2;early-only")
    assert (parsed.call_id, parsed.to_tag, parsed.from_tag, parsed.early_only) == ("a@b", "1", "2", True)
    for text in ("", "a;to-tag=1", "a;from-tag=1", ";to-tag=1;from-tag=2"):
        with pytest.raises(ParseError):
            Replaces(text)


def test_an_admin_transfers() -> None:
    office = Office()
    known = office.wire.command("calls")["calls"][0]["id"]
    assert office.wire.command("transfer", call=known, leg="callee", to="1002")["error"]["code"] == "not_an_agent"
    assert office.wire.command("transfer", call=known, leg="caller", to="1002")["ok"]
    come = office.ravi.called()
    come.answer()
    office.joined(office.pstn, come)
    office.asha.expect("BYE")
    office.out.bye()
    office.wire.assert_quiet()


def test_the_target_rings_no_longer_when_the_call_was_ended_from_our_side() -> None:
    office = Office()
    office.refer("<sip:1002@acme.test>")
    office.ravi.called().ring()
    first = next(call.id for call in office.wire.switch.call_by_id.values() if call.leaving is not None)
    office.wire.command("hang_up", call=first)
    office.ravi.expect("CANCEL")
    office.pstn.expect("BYE")
    office.asha.expect("BYE")
    office.wire.assert_quiet()


def test_who_takes_a_call_over_is_asked_for_an_offer_only_after_the_ack() -> None:
    office = Office()
    taking = office.ravi.invite("1001", extra=[("Replaces", replaces(office.come))])
    response = taking.answered(ack=False)
    assert "INVITE" not in office.ravi.lines(), "no INVITE while another waits for its ACK (RFC 3261 §14.1)"
    taking.ack(response)
    office.ravi.reply(office.ravi.expect("INVITE"), 200, [("Contact", office.ravi.contact)], sdp(version=2))
    office.pstn.reply(office.pstn.expect("INVITE"), 200, [("Contact", office.pstn.contact)], sdp(version=2))
    office.ravi.expect("ACK")
    office.out.bye()
    office.ravi.expect("BYE")
    office.wire.assert_quiet()


def test_who_takes_a_call_over_and_never_acknowledges() -> None:
    office = Office()
    office.ravi.invite("1001", extra=[("Replaces", replaces(office.come))]).answered(ack=False)
    office.wire.wait(40)
    office.ravi.expect("BYE")
    office.pstn.expect("BYE")
    office.wire.assert_quiet()


def test_who_accepts_an_offer_without_an_answer_is_not_joined() -> None:
    office = Office()
    taking = office.ravi.invite("1001", extra=[("Replaces", replaces(office.come))])
    taking.answered()
    office.ravi.reply(office.ravi.expect("INVITE"), 200, [("Contact", office.ravi.contact)], sdp(version=2))
    office.pstn.reply(office.pstn.expect("INVITE"), 200, [("Contact", office.pstn.contact)])
    office.pstn.expect("ACK")
    assert b"m=audio 0 " in office.ravi.expect("ACK").body, "its offer is refused"
    office.pstn.expect("BYE")
    office.ravi.expect("BYE")
    office.wire.assert_quiet()
