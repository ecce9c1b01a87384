from __future__ import annotations

import socket

import pytest

from routerd.app.loopback import Loopback
from routerd.simulation.phone import Behaviour

HOST = "127.0.0.1"


async def test_two_phones_talk_over_real_sockets() -> None:
    async with Loopback((HOST, 0)) as world:
        callee = await world.phone(
            (HOST, 0), "bob", domain="test", behave=lambda _: Behaviour(ring_after_s=0, answer_after_s=0.1)
        )
        caller = await world.phone((HOST, 0), "alice", domain="test")
        caller.flow = type(caller.flow)("udp", caller.address, callee.address)
        call = caller.call("sip:bob@test", world.now)
        assert await world.until(lambda: call.answered_at is not None, 5)
        assert await world.until(lambda: caller.voice(call).heard > 3 and callee.voices[0].heard > 3, 5)
        call.bye(world.now)
        assert await world.until(lambda: callee.calls[0].ended_at is not None, 5)
        firsts = [packet.data.split(b"\r\n")[0] for packet in world.network.transcript]
        assert firsts[0] == b"INVITE sip:bob@test SIP/2.0"
        assert b"SIP/2.0 180 Ringing" in firsts
        assert all(packet.at <= later.at for packet, later in zip(
            world.network.transcript, world.network.transcript[1:], strict=False))  # fmt: skip


async def test_a_lost_request_is_sent_again_on_the_clock() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((HOST, 0))
        async with Loopback(silent.getsockname()) as world:
            phone = await world.phone((HOST, 0), "alice", domain="test")
            phone.register(60, world.now)
            assert await world.until(lambda: len(world.network.transcript) == 2, 5)
            first, again = world.network.transcript
            assert first.data == again.data
            assert 0.4 < again.at - first.at < 2
            assert not await world.until(lambda: phone.registered_until > 0, 0.05)


async def test_an_address_that_is_taken_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        async with Loopback((HOST, 5060)) as world:
            with pytest.raises(OSError, match="in use"):
                await world.phone(taken.getsockname(), "alice", domain="test")
