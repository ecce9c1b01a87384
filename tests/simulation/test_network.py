from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.simulation.clock import Agenda
from routerd.simulation.network import CALM, SWITCH, Network, Weather, switch_address
from routerd.sip.flow import Flow
from routerd.sip.tokens import SeededTokens

if TYPE_CHECKING:
    from routerd.simulation.network import Packet

PHONE = ("192.0.2.1", 5060)


class Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.lost: list[Flow] = []

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        assert flow.local == PHONE
        self.heard.append((now, data))

    def lose_flow(self, flow: Flow, now: float) -> None:
        assert now >= 0
        self.lost.append(flow)


def carry(weather: Weather, count: int, seed: int = 1, transport: str = "udp") -> tuple[Ear, list[Packet]]:
    agenda, ear = Agenda(), Ear()
    network = Network(agenda, SeededTokens(seed), weather)
    network.attach(PHONE, ear)
    flow = Flow(transport, SWITCH, PHONE, 0 if transport == "udp" else 1)
    for number in range(count):
        network.from_switch(str(number).encode(), flow, number / 100)
    while len(agenda):
        agenda.run_next()
    return ear, network.transcript


def test_calm_weather_carries_everything_at_once() -> None:
    ear, transcript = carry(CALM, 20)
    assert [data for _, data in ear.heard] == [str(number).encode() for number in range(20)]
    assert {packet.fate for packet in transcript} == {"sent"}


def test_a_storm_loses_doubles_and_reorders() -> None:
    ear, transcript = carry(Weather(loss=0.1, duplication=0.1, reordering=0.1, delay_s=0.03), 1000)
    fates = [packet.fate for packet in transcript]
    assert 50 < fates.count("lost") < 150
    assert 50 < fates.count("doubled") < 150
    numbers = [int(data) for _, data in ear.heard]
    assert len(numbers) == 1000 - fates.count("lost") + fates.count("doubled")
    assert numbers != sorted(numbers)
    assert carry(Weather(loss=0.1), 100)[1] == carry(Weather(loss=0.1), 100)[1]
    assert carry(Weather(loss=0.1), 100)[1] != carry(Weather(loss=0.1), 100, seed=2)[1]


def test_streams_keep_their_order_in_any_storm() -> None:
    ear, _ = carry(Weather(loss=0.5, duplication=0.5, reordering=0.5, delay_s=0.03), 100, transport="tcp")
    assert [int(data) for _, data in ear.heard] == list(range(100))


def test_where_nobody_is_nothing_arrives() -> None:
    network = Network(Agenda(), SeededTokens(1))
    network.from_switch(b"x", Flow("udp", SWITCH, ("192.0.2.2", 5060)), 0.0)
    assert [packet.fate for packet in network.transcript] == ["unreachable"]
    assert not network.taken(PHONE)
    assert switch_address(("2001:db8::1", 5060))[0] == "2001:db8:ffff::1"
