"""Mutated descriptions, packets and control datagrams: only documented errors, bounded time, nothing leaks."""

from __future__ import annotations

import random
import time

import pytest

from routerd.errors import MediaError, SdpError
from routerd.media import ng, offer_answer, rtcp, rtp, sdp
from routerd.media.relay_session import RTCP, RTP, PartyMedia, RelaySession
from routerd.media_worker.addresses import Addresses
from routerd.media_worker.engine import Engine
from routerd.media_worker.ports import PortPool
from routerd.media_worker.relay_sockets import LinePorts

BODY = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=sendrecv\r\n"
    b"m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp:4001\r\n"
    b"m=video 4002/2 RTP/AVP 96 97\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:96 VP8/90000\r\na=fmtp:97 apt=96\r\n"
    b"m=image 4006 udptl t38\r\n"
)
PHONE = ("192.0.2.1", 4000)
PIECES = [
    b"\r\n", b"\n", b"\x00", b"\xff", b"=", b":", b"/", b" ", b"a=rtpmap:", b"m=audio 0 RTP/AVP 0\r\n", b"c=IN IP4 ",
    b"9" * 30, b"-1", b"e", b"d", b"l", b"i", b"4:", "\u0663".encode(),
]  # fmt: skip


def mutate(data: bytes, chance: random.Random) -> bytes:
    """A few cuts, swaps, insertions and flipped bytes."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(out) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            del out[at : at + chance.randint(1, 12)]
        elif kind == 1:
            out[at:at] = chance.choice(PIECES)
        elif kind == 2 and at < len(out):
            out[at] = chance.randrange(256)
        else:
            out[at:at] = out[max(0, at - 20) : at]
    return bytes(out)


def test_descriptions() -> None:
    chance = random.Random(1)
    understood = 0
    for _ in range(4000):
        body = mutate(BODY, chance)
        try:
            session = sdp.parse(body)
        except SdpError:
            continue
        understood += 1
        once = session.serialise()
        assert sdp.parse(once).serialise() == once
        for use in (offer_answer.hold, offer_answer.direction, offer_answer.is_hold, offer_answer.make_black_hole):
            use(body)
        for check in (offer_answer.check_offer, offer_answer.Description().stamp):
            try:
                check(body)
            except SdpError:
                continue
        try:
            sdp.parse(offer_answer.filter_codecs(body, ["PCMA", "VP8"]))
        except SdpError:
            continue
    assert understood > 500


@pytest.mark.parametrize(
    "body",
    [
        BODY + b"a=" + b"x" * 60_000,
        BODY + b"a=rtpmap:1 x/1\r\n" * 1900,
        BODY[: BODY.index(b"m=audio")] + b"m=audio 1 RTP/AVP" + b" 0" * 30_000 + b"\r\n",
        BODY[: BODY.index(b"m=audio")] + b"".join(b"m=audio 1 RTP/AVP" + b" 8" * 900 + b"\r\n" for _ in range(32)),
        b"v=0\r\n" + b"\r\n" * 1990,
        BODY.replace(b"192.0.2.1", b"1." * 30_000),
    ],
)
def test_the_largest_bodies_take_little_time(body: bytes) -> None:
    began = time.perf_counter()
    for use in (offer_answer.check_offer, offer_answer.hold, lambda data: offer_answer.filter_codecs(data, ["PCMA"])):
        try:
            use(body)
        except SdpError:
            continue
    assert time.perf_counter() - began < 1.0


def test_packets_never_break_a_relay() -> None:
    chance = random.Random(2)
    seeds = [
        rtp.build(8, 1, 160, 7, bytes(40)),
        bytes([0x81, 200, 0, 12]) + bytes(48),
        bytes([0x80, 201, 0, 1, 0, 0, 0, 1]),
    ]
    session = RelaySession()
    session.signal(0, PartyMedia(PHONE, PHONE, clocks={8: 8000}, events=frozenset({101})))
    session.signal(1, PartyMedia(PHONE, PHONE))
    session.answered(0.0)
    for number in range(5000):
        data = mutate(chance.choice(seeds), chance)
        for read in (rtp.parse, rtcp.parse):
            try:
                read(data)
            except MediaError:
                continue
        source = PHONE if number % 3 else ("192.0.2.9", chance.randrange(65536))
        session.receive(number % 2, chance.choice([RTP, RTCP]), data, source, number * 0.01)
        session.check(number * 0.01)
    for side in (0, 1):
        lane = session.lane(side, RTP)
        assert lane.lost >= 0
        assert lane.jitter_ms >= 0.0
        assert lane.settled == PHONE


class Opener:
    def __init__(self) -> None:
        self.pool = PortPool(20000, 20399)

    def open(self, session: RelaySession) -> LinePorts:
        assert session.last_heard_s() == 0.0
        first = self.pool.take()
        try:
            return LinePorts(first, self.pool.take())
        except MediaError:
            self.pool.give_back(first)
            raise

    def close(self, ports: LinePorts) -> None:
        for port in ports:
            self.pool.give_back(port)


def test_control_datagrams_get_a_reply_or_silence_and_leak_nothing() -> None:
    chance = random.Random(3)
    opener = Opener()
    engine = Engine(Addresses("127.0.0.1"), opener, lambda _data, _to: None, started="x", session_limit_s=50.0)
    for number in range(4000):
        call = f"c{chance.randrange(40)}"
        command = chance.choice(
            [
                ng.offer(call, "a", mutate(BODY, chance) if chance.random() < 0.5 else BODY, codec={"strip": ["PCMU"]}),
                ng.answer(call, "a", "b", BODY),
                ng.offer(call, "b", BODY[: BODY.index(b"m=image")], to_tag="a"),
                ng.query(call),
                ng.statistics(),
                ng.block_media(call, "a"),
                ng.delete(call, chance.choice(["a", "b", "x"])),
            ]
        )
        data = ng.encode_command(str(number), command)
        if chance.random() < 0.5:
            data = mutate(data, chance)
        reply = engine.handle(data, PHONE, number * 0.01)
        if reply is not None:
            ng.decode_reply(reply)
        engine.tick(number * 0.01)
    held = opener.pool.size - len(opener.pool)
    assert held >= 0
    for step in range(30):
        engine.tick(1000.0 + step)
    assert len(engine) == 0
    assert len(opener.pool) == opener.pool.size
