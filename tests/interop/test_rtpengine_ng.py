"""The ng builders against two engines: Debian's rtpengine in userspace and the embedded one. The same test bodies."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import socket
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from kit.ports import free_port
from routerd.media import ng, rtp, sdp
from routerd.media_worker.main import MediaWorker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BODY = (
    b"v=0\r\no=alice 7 7 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio %d RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
)


class Client:
    """A controller: sends commands with fresh cookies, repeats them until answered."""

    def __init__(self, engine: tuple[str, int]) -> None:
        self._socket = udp_socket()
        self._engine = engine
        self._cookies = itertools.count(1)

    async def ask(self, command: dict[str, Any], cookie: str | None = None) -> dict[str, Any]:
        cookie = cookie or f"{self._socket.getsockname()[1]}_{next(self._cookies)}"
        loop = asyncio.get_running_loop()
        for _ in range(20):
            await loop.sock_sendto(self._socket, ng.encode_command(cookie, command), self._engine)
            try:
                data = await asyncio.wait_for(loop.sock_recv(self._socket, 65536), 0.25)
            except (TimeoutError, ConnectionRefusedError):
                continue
            echoed, reply = ng.decode_reply(data)
            if echoed == cookie:
                return reply
        pytest.fail("the engine does not answer")

    def close(self) -> None:
        self._socket.close()


class Phone:
    """A socket that speaks and listens."""

    def __init__(self) -> None:
        self.socket = udp_socket()
        self.port = self.socket.getsockname()[1]
        self.body = BODY % self.port
        self._sequence = itertools.count(1)

    async def say(self, payload: bytes, port: int) -> None:
        number = next(self._sequence)
        packet = rtp.build(8, number, number * 160, self.port, payload)
        await asyncio.get_running_loop().sock_sendto(self.socket, packet, ("127.0.0.1", port))

    async def hear(self, timeout_s: float = 2.0) -> bytes:
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 4096), timeout_s)
        return rtp.parse(data).payload

    def close(self) -> None:
        self.socket.close()


def udp_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


@pytest.fixture(params=["embedded", "rtpengine"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    if request.param == "embedded":
        worker = MediaWorker(("127.0.0.1", 0), "127.0.0.1", ports=(23000, 23998))
        await worker.start()
        asker = Client(worker.control)
        yield asker
        asker.close()
        worker.stop()
        return
    program = shutil.which("rtpengine")
    if program is None:
        pytest.skip("rtpengine is not installed (Debian: rtpengine-daemon)")
    port = free_port()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - a daemon in the foreground; started, not awaited
            [
                program,
                "--config-file=none",
                "--interface=127.0.0.1",
                f"--listen-ng=127.0.0.1:{port}",
                "--foreground",
                "--table=-1",
                "--port-min=24000",
                "--port-max=24998",
                "--num-threads=1",
                "--log-stderr",
                "--log-level=4",
            ],
            stdout=log,
            stderr=log,
        )
        asker = Client(("127.0.0.1", port))
        try:
            yield asker
        finally:
            asker.close()
            process.terminate()
            process.wait(10)


async def test_ping(client: Client) -> None:
    reply = await client.ask(ng.ping())
    assert reply["result"] == "pong"
    assert ng.is_ok(reply)


async def test_offer_answer_audio_delete(client: Client) -> None:
    alice, bob = Phone(), Phone()
    offered = await client.ask(ng.offer("call-1", "a", alice.body, received_from=("IP4", "127.0.0.1")))
    assert ng.is_ok(offered), offered
    to_bob = sdp.parse(offered["sdp"])
    answered = await client.ask(ng.answer("call-1", "a", "b", bob.body, received_from=("IP4", "127.0.0.1")))
    assert ng.is_ok(answered), answered
    to_alice = sdp.parse(answered["sdp"])
    assert to_bob.address_of(to_bob.media[0]) == "127.0.0.1"
    assert to_bob.media[0].port % 2 == 0
    assert to_bob.media[0].port not in {alice.port, bob.port, to_alice.media[0].port}
    assert to_bob.media[0].rtpmaps["101"].name == "telephone-event"
    for word in (b"one" * 50, b"two" * 50):
        await alice.say(word, to_alice.media[0].port)
        assert await bob.hear() == word
        await bob.say(word[::-1], to_bob.media[0].port)
        assert await alice.hear() == word[::-1]
    queried = await client.ask(ng.query("call-1"))
    assert ng.is_ok(queried)
    assert queried["totals"]["RTP"]["packets"] == 4
    assert ng.is_ok(await client.ask(ng.delete("call-1", "a", "b")))
    assert not ng.is_ok(await client.ask(ng.query("call-1")))
    alice.close()
    bob.close()


async def test_reoffer_from_the_called_side_keeps_the_ports(client: Client) -> None:
    alice, bob = Phone(), Phone()
    first = sdp.parse((await client.ask(ng.offer("call-2", "a", alice.body)))["sdp"])
    second = sdp.parse((await client.ask(ng.answer("call-2", "a", "b", bob.body)))["sdp"])
    again = await client.ask(ng.offer("call-2", "b", bob.body, to_tag="a"))
    assert sdp.parse(again["sdp"]).media[0].port == second.media[0].port
    back = await client.ask(ng.answer("call-2", "b", "a", alice.body))
    assert sdp.parse(back["sdp"]).media[0].port == first.media[0].port
    assert ng.is_ok(await client.ask(ng.delete("call-2", "a")))
    alice.close()
    bob.close()


async def test_a_repeated_cookie_gets_the_same_reply(client: Client) -> None:
    command = ng.offer("call-3", "a", BODY % 40000)
    first = await client.ask(command, cookie="same_cookie")
    assert await client.ask(command, cookie="same_cookie") == first
    assert ng.is_ok(await client.ask(ng.delete("call-3", "a")))


async def test_unknown_calls(client: Client) -> None:
    answered = await client.ask(ng.answer("call-4", "a", "b", BODY % 40000))
    assert not ng.is_ok(answered)
    assert ng.error_reason(answered)
    deleted = await client.ask(ng.delete("call-4", "a", "b"))
    assert ng.is_ok(deleted)
    assert deleted["warning"]


async def test_deleting_a_whole_call_without_tags(client: Client) -> None:
    assert ng.is_ok(await client.ask(ng.offer("call-5", "a", BODY % 40000)))
    assert "call-5" in (await client.ask(ng.list_calls()))["calls"]
    assert ng.is_ok(await client.ask(ng.delete("call-5")))
    assert not ng.is_ok(await client.ask(ng.query("call-5")))


async def test_ice_is_removed_and_codecs_stripped(client: Client) -> None:
    body = (
        BODY % 40000
        + b"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=candidate:1 1 udp 1 10.0.0.1 4000 typ host\r\n"
    )
    reply = await client.ask(ng.offer("call-6", "a", body, codec={"strip": ["telephone-event"]}))
    media = sdp.parse(reply["sdp"]).media[0]
    assert not media.candidates
    assert media.attribute("ice-ufrag") is None
    assert media.formats == ["8"]
    await client.ask(ng.delete("call-6", "a"))


async def test_media_can_be_blocked(client: Client) -> None:
    alice, bob = Phone(), Phone()
    await client.ask(ng.offer("call-7", "a", alice.body))
    to_alice = sdp.parse((await client.ask(ng.answer("call-7", "a", "b", bob.body)))["sdp"])
    assert ng.is_ok(await client.ask(ng.block_media("call-7", "a")))
    await alice.say(b"never heard", to_alice.media[0].port)
    with pytest.raises(TimeoutError):
        await bob.hear(0.2)
    assert ng.is_ok(await client.ask(ng.unblock_media("call-7", "a")))
    await alice.say(b"heard again", to_alice.media[0].port)
    assert await bob.hear() == b"heard again"
    await client.ask(ng.delete("call-7", "a"))
    alice.close()
    bob.close()
