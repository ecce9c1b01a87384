from __future__ import annotations

import asyncio
from typing import Any

import pytest

from routerd.b2bua.effects import AskMedia, MediaAnswer, MediaEvent
from routerd.edge.media_client import PING_EVERY_S, PINGS_LOST, MediaClient
from routerd.media import ng


class FakeEngine(asyncio.DatagramProtocol):
    """An ng server: counts each cookie, stays silent for as many tries as the test says."""

    def __init__(self) -> None:
        self.started = "one"
        self.deaf = 0
        self.dead = False
        self.uptime = ""
        self.cookies: list[str] = []
        self.controller: Any = None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.controller = addr
        cookie, command = ng.decode_command(data)
        if self.dead:
            return
        reply: dict[str, Any]
        if command["command"] == "statistics":
            reply = {"result": "ok", "statistics": {"totalstatistics": {"uptime": self.uptime}}}
        elif command["command"] == "ping" and self.uptime:
            reply = {"result": "pong"}
        elif command["command"] == "ping":
            reply = {"result": "pong", "started": self.started, "sessions": 3, "packets-total": 70}
        else:
            self.cookies.append(cookie)
            if len(self.cookies) <= self.deaf:
                return
            reply = {"result": "ok", "sdp": b"v=0\r\n"}
        self.transport.sendto(ng.encode_reply(cookie, reply), addr)


class Setup:
    def __init__(self, client: MediaClient, engine: FakeEngine, answers: asyncio.Queue[Any]) -> None:
        self.client, self.engine, self.answers = client, engine, answers

    async def next(self) -> Any:
        async with asyncio.timeout(5):
            return await self.answers.get()

    async def quiet(self, seconds: float) -> bool:
        """Whether nothing is told for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self.answers.get()
        except TimeoutError:
            return True
        return False


@pytest.fixture
async def media() -> Any:
    loop = asyncio.get_running_loop()
    engine_transport, engine = await loop.create_datagram_endpoint(FakeEngine, local_addr=("127.0.0.1", 0))
    answers: asyncio.Queue[Any] = asyncio.Queue()
    _, client = await loop.create_datagram_endpoint(
        lambda: MediaClient(
            loop, [engine_transport.get_extra_info("sockname")], answers.put_nowait, lambda: "abcd",
            deadline_s=0.6, ping_every_s=0.03,
        ),
        local_addr=("127.0.0.1", 0),
    )  # fmt: skip
    made = Setup(client, engine, answers)
    first = await made.next()
    assert (type(first), first.event) == (MediaEvent, "up")
    yield made
    client.close()
    engine_transport.close()


async def test_a_command_is_answered(media: Any) -> None:
    media.client.ask(AskMedia(5, 0, {"command": "offer", "call-id": "c", "from-tag": "f", "sdp": b"v=0"}))
    answer = await media.next()
    assert isinstance(answer, MediaAnswer)
    assert (answer.number, answer.reply["sdp"]) == (5, b"v=0\r\n")  # type: ignore[index]
    assert media.client.up(0)


async def test_a_lost_command_is_sent_again_with_its_cookie_and_answered_once(media: Any) -> None:
    media.engine.deaf = 2
    media.client.ask(AskMedia(5, 0, {"command": "delete", "call-id": "c"}))
    assert (await media.next()).reply["result"] == "ok"
    assert len(media.engine.cookies) == 3
    assert len(set(media.engine.cookies)) == 1
    media.client.ask(AskMedia(6, 0, {"command": "delete", "call-id": "c"}))
    assert (await media.next()).number == 6
    assert media.engine.cookies[-1] != media.engine.cookies[0]


async def test_silence_is_none_within_the_deadline(media: Any) -> None:
    media.engine.deaf = 1000
    media.client.ask(AskMedia(5, 0, {"command": "delete", "call-id": "c"}))
    answer = await media.next()
    assert (answer.number, answer.reply) == (5, None)


async def test_unknown_engines_and_impossible_commands_are_answered_too(media: Any) -> None:
    media.client.ask(AskMedia(5, 3, {"command": "delete", "call-id": "c"}))
    media.client.ask(AskMedia(6, 0, {"command": 1.5}))
    assert [(await media.next()).number for _ in range(2)] == [5, 6]


async def test_an_engine_that_came_back_anew_is_told(media: Any) -> None:
    media.engine.started = "two"
    event = await media.next()
    assert (event.number, event.event) == (0, "restarted")


async def test_a_silent_engine_is_lost_and_comes_back(media: Any) -> None:
    media.engine.dead = True
    assert (await media.next()).event == "lost"
    assert not media.client.up(0)
    media.engine.dead = False
    assert (await media.next()).event == "up"
    assert media.client.up(0)


async def test_what_a_lost_engine_was_asked_is_answered_at_once(media: Any) -> None:
    media.engine.dead = True
    media.client._deadline_s = 60.0
    media.client.ask(AskMedia(5, 0, {"command": "delete", "call-id": "c"}))
    assert (await media.next()).event == "lost"
    answer = await media.next()
    assert (answer.number, answer.reply) == (5, None)
    media.client.ask(AskMedia(6, 0, {"command": "offer", "call-id": "c", "from-tag": "a", "sdp": b"v=0"}))
    media.engine.dead, media.engine.started = False, "two"
    told = [await media.next(), await media.next()]
    assert {type(one) for one in told} == {MediaEvent, MediaAnswer}
    assert [one.event for one in told if isinstance(one, MediaEvent)] == ["up"]  # its calls were told at the loss
    assert [one.reply["result"] for one in told if isinstance(one, MediaAnswer)] == ["ok"]


async def test_a_restart_bears_the_pong(media: Any) -> None:
    media.engine.started = "two"
    event = await media.next()
    assert event.facts["started"] == "two"


async def test_an_rtpengine_that_began_anew_is_told_by_its_uptime(media: Any) -> None:
    media.engine.uptime = "5000"
    assert (await media.next()).event == "restarted"  # another engine at that address
    media.engine.uptime = "5004"
    assert await media.quiet(12 * 0.03)
    media.engine.uptime = "1"
    assert (await media.next()).event == "restarted"
    assert media.client._engines[0].uptime_s == 1


def test_an_engine_is_lost_within_two_seconds() -> None:
    """Silent from right after a pong: so many pings go unanswered, and the next turn says so."""
    assert (PINGS_LOST + 1) * PING_EVERY_S <= 2.0


async def test_what_an_engine_counts_is_on_the_metrics_page(media: Any) -> None:
    assert media.client.samples() == [("media_sessions_active", {}, 3.0), ("media_packets_total", {}, 70.0)]
    media.engine.dead = True
    assert (await media.next()).event == "lost"
    assert media.client.samples() == []


async def test_one_way_calls_are_counted_by_direction_and_cause(media: Any) -> None:
    for number, silent in enumerate(("caller", "lent:caller", "extension:2001#1")):
        told = {"event": "one-way", "call-id": f"c{number}", "direction": "x only", "silent": silent, "cause": "nat"}
        media.engine.transport.sendto(ng.encode_reply(f"n{number}", told), media.engine.controller)
        assert (await media.next()).event == "one-way"
    assert media.client.samples()[2:] == [
        ("media_one_way_total", {"direction": "callee only", "cause": "nat"}, 2.0),
        ("media_one_way_total", {"direction": "caller only", "cause": "nat"}, 1.0),
    ]


async def test_notifications_are_events_and_strangers_are_not_heard(media: Any, client: Any) -> None:
    notice = ng.encode_reply("n1", {"event": "media-timeout", "call-id": "c"})
    own = media.client._transport.get_extra_info("sockname")
    _, stranger = await asyncio.get_running_loop().create_datagram_endpoint(client, remote_addr=own)
    stranger.transport.sendto(notice)
    stranger.transport.sendto(b"rubbish")
    media.engine.transport.sendto(b"rubbish", media.engine.controller)
    media.engine.transport.sendto(notice, media.engine.controller)
    event = await media.next()
    assert (event.number, event.event, event.facts["call-id"]) == (0, "media-timeout", "c")
    assert media.answers.empty()
    stranger.transport.close()
