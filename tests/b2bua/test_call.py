"""A call from end to end."""

from __future__ import annotations

from b2bua_kit.documents import MAIN
from b2bua_kit.peer import Phone, connect, trunk
from b2bua_kit.wire import Wire


def test_a_trunk_calls_an_agent_who_answers() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out, come = connect(pstn, phone, MAIN)
    wire.wait(5)
    out.bye()
    phone.assert_sent("BYE")
    wire.assert_quiet()
    record = wire.records()[0]
    assert record["outcome"] == "answered"
    assert record["answered_by"] == "extension:2001"
    assert record["ended_by"] == "caller"
    pstn.nothing()
    phone.nothing()
    assert come.dialog is not None
