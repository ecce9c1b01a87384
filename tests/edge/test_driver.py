from __future__ import annotations

import asyncio
from typing import Any

from routerd.b2bua.effects import AskFact, Ban, Command, Journal, Note, Publish, Transmit
from routerd.edge import clock
from routerd.sip.flow import Flow

LOCAL = ("127.0.0.1", 5060)
FLOW = Flow("udp", LOCAL, ("127.0.0.1", 5061))
OPTIONS = b"OPTIONS sip:a SIP/2.0\r\n\r\n"


class Sent:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    def sendto(self, data: bytes, addr: Any) -> None:
        self.sent.append((data, addr))


async def test_effects_are_performed_in_order_and_journal_before_transmit(bench: Any) -> None:
    order: list[str] = []
    sender = Sent()
    sender.sendto = lambda *_: order.append("transmit")  # type: ignore[method-assign]
    bench.driver.add_sender(LOCAL, sender)
    bench.driver._journal = lambda effect: order.append(effect.kind)
    bench.driver.perform_with({Publish: lambda effect: order.append(effect.event)})
    bench.switch.echo = False
    bench.switch.effects = [
        Journal("call.start", {"id": "1"}, urgent=True), Transmit(FLOW, OPTIONS), Publish("call.started", {}),
    ]  # fmt: skip
    bench.driver.datagram(OPTIONS, FLOW)
    assert order == ["call.start", "transmit", "call.started"]


async def test_an_effect_that_fails_takes_no_other_with_it(bench: Any) -> None:
    sender = Sent()
    bench.driver.add_sender(LOCAL, sender)
    bench.driver.perform_with({Publish: lambda _: 1 / 0})
    bench.switch.effects = [Publish("x", {})]
    bench.driver.datagram(OPTIONS, FLOW)
    assert sender.sent == [(OPTIONS, FLOW.remote)]
    assert bench.driver.counters.faults == 1


async def test_what_an_effect_brings_in_is_settled_without_nesting(bench: Any) -> None:
    bench.driver.perform_with({Publish: lambda effect: bench.driver.command(Command(7, effect.event, {}))})
    bench.switch.echo = False
    bench.switch.effects = [Publish("drain", {}), AskFact(3, "owner", "x")]
    bench.driver.command(Command(1, "calls", {}))
    kinds = [kind for kind, _, _ in bench.switch.heard]
    assert kinds == ["command", "command", "answer"]
    assert bench.switch.of("answer")[0][0].number == 3


async def test_the_timer_fires_when_due_and_never_early(bench: Any) -> None:
    now = clock.monotonic()
    bench.switch.deadlines = [now + 0.0305, now + 0.0101, now + 0.0102]
    bench.driver.command(Command(1, "calls", {}))
    await bench.switch.until(lambda switch: not switch.deadlines)
    assert [fired >= now + 0.0101 for fired in bench.switch.fired] == [True] * len(bench.switch.fired)
    assert bench.switch.fired[-1] >= now + 0.0305


async def test_the_timer_is_armed_again_only_for_an_earlier_deadline(bench: Any) -> None:
    now = clock.monotonic()
    bench.switch.deadlines = [now + 5]
    bench.driver.command(Command(1, "calls", {}))
    armed = bench.driver._timer
    bench.switch.deadlines = [now + 5, now + 9]
    bench.driver.command(Command(2, "calls", {}))
    assert bench.driver._timer is armed
    bench.switch.deadlines = [now + 0.005]
    bench.driver.command(Command(3, "calls", {}))
    assert bench.driver._timer is not armed
    await bench.switch.until(lambda switch: switch.fired)


async def test_a_cancelled_deadline_leaves_no_wrong_firing(bench: Any) -> None:
    now = clock.monotonic()
    bench.switch.deadlines = [now + 0.005]
    bench.driver.command(Command(1, "calls", {}))
    bench.switch.deadlines = [now + 0.04]
    await bench.switch.until(lambda switch: switch.fired)
    assert bench.switch.fired[0] >= now + 0.04


async def test_bans_hold_for_their_time(bench: Any) -> None:
    bench.switch.echo = False
    bench.switch.effects = [Ban("192.0.2.1", 0.02, "guessing")]
    bench.driver.command(Command(1, "ban", {}))
    assert bench.driver.banned("192.0.2.1")
    assert not bench.driver.banned("192.0.2.2")
    await asyncio.sleep(0.03)
    assert not bench.driver.banned("192.0.2.1")
    assert bench.driver.bans == {}


async def test_notes_are_counted_and_heard(bench: Any) -> None:
    heard: list[tuple[str, str]] = []
    bench.driver.hear_notes(lambda reason, detail: heard.append((reason, detail)))
    bench.switch.effects = [Note("malformed", "no Via")]
    bench.driver.command(Command(1, "calls", {}))
    assert heard == [("malformed", "no Via")]
    assert bench.driver.counters.dropped["malformed"] == 1
