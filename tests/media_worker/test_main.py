"""The media process: its control socket, and its life from start to SIGTERM."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest

from routerd.errors import ConfigError, RelayError
from routerd.media import ng, rtp, sdp
from routerd.media_worker.main import MediaWorker, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST = "127.0.0.1"
BODY = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\n"


def udp() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((HOST, 0))
    made.setblocking(False)
    return made


async def ask(control: socket.socket, engine: tuple[str, int], cookie: str, command: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    for _ in range(40):
        await loop.sock_sendto(control, ng.encode_command(cookie, command), engine)
        try:
            return ng.decode_reply(await asyncio.wait_for(loop.sock_recv(control, 65536), 0.25))[1]
        except TimeoutError:
            continue
    pytest.fail("the engine does not answer")


@pytest.fixture
async def worker() -> AsyncIterator[MediaWorker]:
    made = MediaWorker((HOST, 0), HOST, ports=(28000, 29001), timeout_s=0.3)
    await made.start()
    yield made
    made.stop()


async def test_a_call_over_the_control_socket(worker: MediaWorker) -> None:
    control, alice, bob = udp(), udp(), udp()
    loop = asyncio.get_running_loop()
    assert (await ask(control, worker.control, "1", ng.ping()))["result"] == "pong"
    await ask(control, worker.control, "2", ng.offer("c", "a", BODY % alice.getsockname()[1]))
    answered = await ask(control, worker.control, "3", ng.answer("c", "a", "b", BODY % bob.getsockname()[1]))
    packet = rtp.build(8, 1, 160, 7, bytes(160))
    await loop.sock_sendto(alice, packet, (HOST, sdp.parse(answered["sdp"]).media[0].port))
    assert await asyncio.wait_for(loop.sock_recv(bob, 4096), 2.0) == packet
    event = ng.decode_reply(await asyncio.wait_for(loop.sock_recv(control, 4096), 5.0))[1]
    assert (event["event"], event["call-id"]) == ("media-timeout", "c")
    deleted = await ask(control, worker.control, "4", ng.delete("c", "a", "b"))
    assert deleted["totals"]["RTP"]["packets"] == 1
    assert len(worker.pool) == worker.pool.size
    for made in (control, alice, bob):
        made.close()


async def test_sessions_set_up_and_deleted_leave_nothing(worker: MediaWorker) -> None:
    assert worker.engine is not None
    for number in range(500):
        for step, command in enumerate(
            (
                ng.offer(str(number), "a", BODY % 4000),
                ng.answer(str(number), "a", "b", BODY % 5000),
                ng.delete(str(number), "a", "b"),
            )
        ):
            reply = worker.engine.handle(ng.encode_command(f"{number}-{step}", command), (HOST, 9), 1.0)
            assert reply is not None
            assert ng.is_ok(ng.decode_reply(reply)[1])
    assert worker.sockets is not None
    assert (len(worker.sockets), len(worker.pool), len(worker.engine)) == (0, worker.pool.size, 0)


async def test_garbage_on_the_control_socket_is_survived(worker: MediaWorker) -> None:
    control = udp()
    for number in range(500):
        control.sendto(os.urandom(number % 100), worker.control)
        control.sendto(b"x d" + os.urandom(number % 100), worker.control)
        if number % 25 == 0:
            await asyncio.sleep(0)
    assert (await ask(control, worker.control, "1", ng.ping()))["result"] == "pong"
    control.close()


async def test_stopping_gives_everything_back() -> None:
    worker = MediaWorker((HOST, 0), HOST, ports=(28000, 29001))
    await worker.start()
    assert worker.engine is not None
    worker.engine.handle(ng.encode_command("1", ng.offer("c", "a", BODY % 4000)), (HOST, 9), 1.0)
    assert worker.sockets is not None
    assert len(worker.sockets) == 4
    worker.stop()
    assert (len(worker.sockets), len(worker.pool)) == (0, worker.pool.size)


async def test_the_process_runs_until_it_is_told_to_stop() -> None:
    with udp() as probe:
        listen = probe.getsockname()
    arguments = (listen, HOST, (), (28000, 28999), 46, 60.0)
    process = multiprocessing.get_context("spawn").Process(target=run, args=arguments)
    process.start()
    control = udp()
    reply = await ask(control, listen, "1", ng.ping())
    assert reply["result"] == "pong"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    await asyncio.to_thread(process.join, 10)
    assert process.exitcode == 0
    control.close()


def test_wrong_settings_are_told() -> None:
    with pytest.raises(ConfigError):
        run((HOST, 0), HOST, ["nonsense"], (28000, 28999), 46, 60.0)
    with udp() as taken, pytest.raises(RelayError, match="control socket"):
        run(taken.getsockname(), HOST, (), (28000, 28999), 46, 60.0)
