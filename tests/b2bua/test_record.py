"""One record a call, with its legs, times and reasons (routing.md sections 5, 6)."""

from __future__ import annotations

from b2bua_kit.documents import CUSTOMER, FORWARDED, GROUP, MAIN, MOBILE, changed, company
from b2bua_kit.peer import Phone, connect, trunk
from b2bua_kit.wire import WALL, Wire

from routerd.b2bua import effects as fx
from routerd.b2bua.record import CallRecord, LegEntry
from routerd.rules.plan import Attempt, End, Ring

ATTEMPT = Attempt(kind="inbound", account="acme", at=WALL, dialled=MAIN, caller=CUSTOMER, trunk="pstn")


def test_the_start_is_journalled_before_anything_is_sent() -> None:
    wire = Wire()
    pstn = trunk(wire)
    Phone(wire, "2001", "198.51.100.1")
    wire.pump = lambda: None  # type: ignore[method-assign]
    pstn.invite(MAIN)
    seen = wire.switch.take_effects()
    kinds = [type(effect).__name__ for effect in seen]
    start = next(i for i, effect in enumerate(seen) if isinstance(effect, fx.Journal) and effect.kind == "call.start")
    assert seen[start].urgent  # type: ignore[attr-defined]
    invite = next(i for i, e in enumerate(seen) if isinstance(e, fx.Transmit) and e.data.startswith(b"INVITE"))
    assert start < invite, kinds


def test_times_are_seconds_since_the_start() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    come = phone.called()
    wire.wait(1)
    come.ring()
    wire.wait(3)
    come.answer()
    call.answered()
    wire.wait(10)
    call.bye()
    wire.assert_quiet()
    record = wire.records()[0]
    leg = record["legs"][0]
    assert (leg["start_s"], leg["ringing_s"], leg["end_s"], leg["result"]) == (0.0, 1.0, 4.0, "answered")
    assert (leg["agent"], leg["target"], leg["status"]) == ("asha", "extension:2001", 200)
    assert record["duration_s"] == 10.0
    assert record["answered_at"] == record["at"] + 4
    assert record["ended_at"] == record["at"] + 14
    assert record["document_version"] == 3
    assert (record["sip_status"], record["q850"], record["reason"]) == (200, None, None)
    assert record["nodes"][0]["id"] == "asha"
    assert record["trace"]


def test_an_unanswered_call_says_why() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    phone.called().ring()
    wire.wait(21)
    call.refused(480)
    wire.assert_quiet()
    record = wire.records()[0]
    assert (record["outcome"], record["reason"], record["sip_status"], record["q850"]) == (
        "rejected",
        "no_answer",
        480,
        19,
    )
    assert record["duration_s"] == 0.0


def test_a_denied_call_is_a_call() -> None:
    wire = Wire(changed(company(), "agents", "asha", block_outbound="all"))
    phone = Phone(wire, "2001", "198.51.100.1")
    phone.invite(CUSTOMER).refused(403)
    wire.assert_quiet()
    record = wire.records()[0]
    assert (record["outcome"], record["reason"], record["kind"]) == ("denied", "outbound_blocked", "softphone")


def test_what_the_callee_was_shown() -> None:
    wire = Wire()
    pstn = trunk(wire)
    call = pstn.invite(FORWARDED)
    assert MOBILE in pstn.called().invite.uri
    call.cancel()
    wire.wait(1)
    assert wire.switch.call_by_id == {}
    assert wire.records()[0]["caller_id"] == CUSTOMER


def test_every_leg_has_one_end_when_several_ring() -> None:
    wire = Wire()
    pstn, asha, ravi = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    call = pstn.invite(GROUP)
    asha.called().ring()
    ravi.called().send(486)
    call.cancel()
    wire.assert_quiet()
    assert [leg["result"] for leg in wire.records()[0]["legs"]] == ["cancelled", "busy"]


def test_the_longest_duration() -> None:
    document = company()
    document["account"]["max_call_s"] = 60
    wire = Wire(document)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    connect(pstn, phone, MAIN)
    wire.wait(61)
    assert "cause=102" in (pstn.expect("BYE").get("Reason") or "")
    wire.assert_quiet()
    assert wire.records()[0]["reason"] == "max_duration"


def test_an_entry_ends_once() -> None:
    entry = LegEntry(Ring(leg=0, target="extension:1", kind="extension"), 5.0)
    entry.finish("busy", 6.0, 486)
    entry.finish("answered", 7.0, 200)
    assert (entry.result, entry.end, entry.status) == ("busy", 6.0, 486)


def test_a_record_of_a_rejected_call() -> None:
    record = CallRecord("id", ATTEMPT, 4, 10.0, 1000.0)
    record.ending = End(outcome="rejected", reason="busy", status=486, q850=17)
    record.ended = 12.5
    entry = record.entry()
    assert (entry["outcome"], entry["sip_status"], entry["q850"], entry["at"], entry["ended_at"]) == (
        "rejected",
        486,
        17,
        1010.0,
        1012.5,
    )
    assert entry["caller_id"] is None
