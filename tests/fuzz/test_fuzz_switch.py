"""The real switch under mutated messages in any order: it never raises, answers well-formed, and comes to rest.

The seeds are the shared corpus where it is there, and calls of our own. `make soak` plays
``ROUTERD_FUZZ_WORLDS`` worlds.
"""

from __future__ import annotations

import os
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from b2bua_kit.corpus import entries, octets
from b2bua_kit.documents import CUSTOMER, GROUP, MAIN, MENU, SUPPORT, company
from b2bua_kit.peer import Peer, Phone, sdp, trunk
from b2bua_kit.wire import LOCAL, Wire

from routerd.sip import build
from routerd.sip.flow import Flow
from routerd.sip.message import Request
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize

if TYPE_CHECKING:
    from collections.abc import Callable

WORLDS = 12
SOAK_WORLDS = int(os.environ.get("ROUTERD_FUZZ_WORLDS", "1000"))
MESSAGES = 300
STATUSES = [100, 180, 183, 200, 200, 200, 202, 302, 401, 407, 422, 481, 486, 491, 500, 503, 603]
QUIET_S = 4000.0  # registrations and session timers have run out
PIECES = [
    b"\r\n", b"\n", b"\x00", b"\xff", b"<", b">", b'"', b"\\", b";", b",", b":", b"%", b"%00", b"=", b" ", b"\t",
    b"\r\n ", b";lr", b";tag=", b";branch=z9hG4bK", b";rport", b"9" * 30, b"-1", b"0", b"*", b"@", b"[", b"]", b"sip:",
    b"\r\nRoute: <sip:x;lr>", b"\r\nRequire: 100rel", b"\r\nContact: *", b"\r\nExpires: 0", b"\r\nReplaces: a;to-tag=b",
    b"\r\nContent-Length: 4294967296", b"\r\nSession-Expires: 1", b"SIP/2.0", b"INVITE", b"BYE", b"CANCEL", b"ACK",
]  # fmt: skip


def mutate(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """A few cuts, swaps, insertions, flipped bytes, and lines of other messages."""
    out = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 2, 4])):
        at = chance.randrange(len(out) + 1)
        kind = chance.randrange(6)
        if kind == 0:
            del out[at : at + chance.randint(1, 20)]
        elif kind == 1:
            out[at:at] = chance.choice(PIECES)
        elif kind == 2 and at < len(out):
            out[at] = chance.randrange(256)
        elif kind == 3:
            out[at:at] = out[max(0, at - 30) : at]
        elif kind == 4:
            lines = bytes(out).split(b"\r\n")
            lines[chance.randrange(len(lines))] = chance.choice(chance.choice(others).split(b"\r\n"))
            out = bytearray(b"\r\n".join(lines))
        else:
            lines = bytes(out).split(b"\r\n")
            chance.shuffle(lines)
            out = bytearray(b"\r\n".join(lines))
    return bytes(out)


def seeds() -> list[bytes]:
    """Messages to begin with; the largest are left out, for they take the time of hundreds."""
    corpus = [octets(entry) for entry in entries("request", "response")]
    return [data for data in corpus if len(data) < 4000] or [b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"]


def echoes_a_number_beyond_all(data: bytes) -> bool:
    """Whether a 400 says back a CSeq that is too large to be one: it must equal the request's (RFC 3261 §8.2.6.2)."""
    return data.startswith(b"SIP/2.0 400") and re.search(rb"\r\nCSeq: \d{10,} ", data) is not None


class Listener:
    """A peer's ear: everything of ours is well-formed."""

    def __init__(self, peer: Peer) -> None:
        self.deliver_to_peer = peer.deliver
        peer.deliver = self.deliver  # type: ignore[method-assign]

    def deliver(self, data: bytes, *more: Any) -> None:
        if not echoes_a_number_beyond_all(data):
            self.deliver_to_peer(data, *more)


class Storm:
    """One world: three phones, two trunks, strangers; everybody may send anything, most of it nearly right."""

    def __init__(self, seed: int, corpus: list[bytes]) -> None:
        self.chance = random.Random(seed)
        self.corpus = corpus
        media = self.chance.choice(["direct", "relay"])
        self.wire = Wire(company(media=media), engines=1)
        self.phones = [Phone(self.wire, f"200{n}", f"198.51.100.{n}") for n in (1, 2, 3)]
        self.trunks = [trunk(self.wire), trunk(self.wire, "192.0.2.20")]
        self.peers: list[Peer] = [*self.phones, *self.trunks, Peer(self.wire, "203.0.113.50")]
        self.ears = [Listener(peer) for peer in self.peers]
        self.heard: list[bytes] = []
        self.streams = 0
        self.steps: list[Callable[[], None]] = [
            self.call, self.call, self.answer, self.answer, self.answer, self.echo, self.echo, self.throw, self.wait,
            self.stream,
        ]  # fmt: skip

    def play(self) -> None:
        for _ in range(MESSAGES):
            self.chance.choice(self.steps)()
            sent = [data for _, data in self.wire.transmitted if data.strip() and not echoes_a_number_beyond_all(data)]
            assert all(serialize(parse(data)) for data in sent)
            self.heard += sent
            self.wire.transmitted.clear()
            del self.heard[:-60]
        for peer in self.peers:
            peer.auto.update({"BYE", "CANCEL", "OPTIONS", "UPDATE", "INVITE"})

    def send(self, data: bytes, flow: Flow) -> None:
        self.wire.receive(data, flow)

    def call(self) -> None:
        """A call as it should be, or nearly."""
        caller = self.chance.choice(self.peers)
        user = self.chance.choice([MAIN, SUPPORT, MENU, GROUP, CUSTOMER, "1001", "1002", "112", "nobody"])
        caller.invite(user, sdp(host=caller.address[0]))

    def answer(self) -> None:
        """Answer something that we were asked, mutated or not."""
        peer = self.chance.choice(self.peers)
        asked = [message for message in peer.inbox if isinstance(message, Request)]
        if not asked:
            return
        request = self.chance.choice(asked)
        status = self.chance.choice(STATUSES)
        body = sdp(host=peer.address[0]) if self.chance.random() < 0.7 else b""
        response = build.response(
            request,
            status,
            to_tag=self.chance.choice(["a", "b"]),
            extra=[("Contact", peer.contact), ("Require", "100rel"), ("RSeq", "1")][: self.chance.choice([1, 1, 3])],
            body=body,
            content_type="application/sdp" if body else None,
        )
        data = serialize(response)
        self.send(data if self.chance.random() < 0.6 else mutate(data, self.chance, self.corpus), peer.flow)
        if len(peer.inbox) > 30:
            del peer.inbox[:10]

    def echo(self) -> None:
        """Send something back that we sent, as a request within its dialog or mutated."""
        if not self.heard:
            return
        peer = self.chance.choice(self.peers)
        message = parse(self.chance.choice(self.heard))
        method = self.chance.choice(["BYE", "INVITE", "UPDATE", "INFO", "REFER", "PRACK", "NOTIFY", "ACK", "CANCEL"])
        flipped = build.request(
            method,
            f"sip:{LOCAL[0]}",
            via=peer.branch() if self.chance.random() < 0.8 else str(message.via),
            from_=message.get("To") or "",
            to=message.get("From") or "",
            call_id=message.call_id,
            cseq=self.chance.choice([1, 2, 100, 2**31 - 1]),
            contact=peer.contact,
            extra=[("Refer-To", f"<sip:{CUSTOMER}@acme.test>"), ("RAck", "1 1 INVITE")],
            body=sdp() if method in {"INVITE", "UPDATE"} else b"",
            content_type="application/sdp",
        )
        straight = self.chance.random() < 0.3
        self.send(mutate(serialize(message if straight else flipped), self.chance, self.corpus), peer.flow)

    def throw(self) -> None:
        """A message of the corpus, mutated, from anybody."""
        data = mutate(self.chance.choice(self.corpus), self.chance, self.corpus)
        self.send(data, self.chance.choice(self.peers).flow)

    def stream(self) -> None:
        """The same over a connection, in pieces, and the connection lost at any moment."""
        self.streams += 1
        flow = Flow("tcp", LOCAL, ("203.0.113.50", 40_000 + self.streams), self.streams)
        data = b"".join(mutate(self.chance.choice(self.corpus), self.chance, self.corpus) for _ in range(2))
        cut = self.chance.randrange(len(data) + 1)
        self.send(data[:cut], flow)
        self.send(data[cut:], flow)
        self.wire.switch.lose_flow(flow, self.wire.now)
        self.wire.pump()

    def wait(self) -> None:
        self.wire.wait(self.chance.choice([0.1, 0.5, 5.0, 40.0]))


@pytest.mark.parametrize("seed", range(WORLDS))
def test_whatever_comes_the_switch_answers_well_formed_and_comes_to_rest(seed: int) -> None:
    play(seed, seeds())


@pytest.mark.soak
def test_many_more_worlds() -> None:
    corpus = seeds()
    for seed in range(WORLDS, SOAK_WORLDS):
        play(seed, corpus)


def play(seed: int, corpus: list[bytes]) -> None:
    """One world to its end; nothing of it may be left."""
    storm = Storm(seed, corpus)
    storm.play()
    storm.wire.wait(QUIET_S)
    switch = storm.wire.switch
    assert switch.call_by_id == {}
    assert switch.dialogs == {}
    assert len(switch.layer) == 0
    assert switch.exchange.open_questions == 0
    assert storm.wire.engine.calls == set()
    assert storm.wire.noted("exception") == 0
    started = sorted(entry.entry["id"] for entry in storm.wire.journal("call.start"))
    assert sorted(entry["id"] for entry in storm.wire.records()) == started
    assert started
