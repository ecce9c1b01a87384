from __future__ import annotations

from routerd.simulation.dns import Zone
from routerd.sip.server_location import DnsQuestion


def test_scripted_names_answer_and_others_fail() -> None:
    zone = Zone()
    zone.add("Trunk.Test", "A", ("192.0.2.1",))
    zone.add("dead.test", "A")
    assert zone.answer(DnsQuestion("trunk.test", "A")) == [("192.0.2.1",)]
    assert zone.answer(DnsQuestion("trunk.test", "SRV")) is None
    assert zone.answer(DnsQuestion("dead.test", "A")) is None
    assert zone.asked[0] == ("trunk.test", "A")


def test_names_get_addresses_of_their_own() -> None:
    zone = Zone(invent=True)
    first, again, other = (zone.answer(DnsQuestion(name, "A")) for name in ("one.test", "ONE.test", "two.test"))
    assert first == again
    assert first != other
    assert zone.answer(DnsQuestion("one.test", "SRV")) is None
