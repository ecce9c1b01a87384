"""The engine without sockets: commands in, replies and notifications out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.errors import MediaError
from routerd.media import ng, rtp, sdp
from routerd.media.relay_session import RTCP, RTP, RelaySession
from routerd.media_worker.addresses import Addresses
from routerd.media_worker.engine import SLICES, Engine
from routerd.media_worker.extension import Extension, Negotiation, Services
from routerd.media_worker.ports import PortPool
from routerd.media_worker.relay_sockets import LinePorts

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.media.relay_lane import Address
    from routerd.media_worker.call import MediaCall
    from routerd.media_worker.path import Path

SWITCH = ("127.0.0.1", 2000)
HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
AUDIO = b"m=audio %d RTP/AVP 8\r\n"
BODY = HEAD + AUDIO


class Opener:
    """Ports without sockets."""

    def __init__(self, pairs: int) -> None:
        self.pool = PortPool(20000, 20000 + 2 * pairs - 1)
        self.sessions: dict[LinePorts, RelaySession] = {}
        self.paths: dict[LinePorts, Path | None] = {}
        self.sent: list[tuple[int, int, bytes, tuple[str, int]]] = []

    def open(self, session: RelaySession) -> LinePorts:
        first = self.pool.take()
        try:
            ports = LinePorts(first, self.pool.take())
        except Exception:
            self.pool.give_back(first)
            raise
        self.sessions[ports] = session
        return ports

    def close(self, ports: LinePorts) -> None:
        del self.sessions[ports]
        for port in ports:
            self.pool.give_back(port)

    def treat(self, ports: LinePorts, path: Path | None) -> None:
        self.paths[ports] = path

    def send(self, ports: LinePorts, side: int, component: int, data: bytes, destination: tuple[str, int]) -> None:
        assert ports in self.sessions
        self.sent.append((side, component, data, destination))


class House:
    """An engine, its switch, and a clock."""

    def __init__(self, pairs: int = 20, advertise: tuple[str, ...] = (), **options: Any) -> None:
        self.opener = Opener(pairs)
        self.sent: list[tuple[dict[str, Any], tuple[str, int]]] = []
        self.now = 1000.0
        self.engine = Engine(
            Addresses("127.0.0.1", advertise), self.opener, self._send, started="instance", timeout_s=60, **options
        )
        self._cookie = 0

    def _send(self, data: bytes, destination: tuple[str, int]) -> None:
        self.sent.append((ng.decode_reply(data)[1], destination))

    def ask(self, command: dict[str, Any], source: tuple[str, int] = SWITCH) -> dict[str, Any]:
        self._cookie += 1
        reply = self.engine.handle(ng.encode_command(str(self._cookie), command), source, self.now)
        assert reply is not None
        return ng.decode_reply(reply)[1]

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += 0.5
            for _ in range(SLICES):
                self.engine.tick(self.now)

    def events(self) -> list[str]:
        return [str(content["event"]) for content, _ in self.sent]

    def call(self, call_id: str = "c") -> RelaySession:
        assert ng.is_ok(self.ask(ng.offer(call_id, "a", BODY % 4000)))
        assert ng.is_ok(self.ask(ng.answer(call_id, "a", "b", BODY.replace(b".1\r", b".2\r") % 5000)))
        return list(self.opener.sessions.values())[-1]

    def free(self) -> int:
        return len(self.opener.pool)


def media_of(reply: dict[str, Any]) -> list[sdp.Media]:
    assert ng.is_ok(reply), reply
    return sdp.parse(reply["sdp"]).media


def packet(sequence: int) -> bytes:
    return rtp.build(8, sequence, sequence * 160, 1, bytes(160))


def test_ping_tells_who_answers() -> None:
    reply = House().ask(ng.ping())
    assert (reply["result"], reply["started"]) == ("pong", "instance")
    assert "events" in reply["capabilities"]


def test_a_pong_counts_calls_and_the_packets_of_those_that_ended_too() -> None:
    house = House()
    session = house.call()
    for i in range(20):
        session.receive(0, RTP, packet(i), ("192.0.2.1", 4000), house.now)
    house.pass_time(1)
    reply = house.ask(ng.ping())
    assert (reply["sessions"], reply["packets-total"]) == (1, 20)
    session.receive(0, RTP, packet(20), ("192.0.2.1", 4000), house.now)
    house.ask(ng.delete("c"))
    reply = house.ask(ng.ping())
    assert (reply["sessions"], reply["packets-total"]) == (0, 21)


def test_a_call() -> None:
    house = House()
    to_bob = media_of(house.ask(ng.offer("c", "a", BODY % 4000)))
    to_alice = media_of(house.ask(ng.answer("c", "a", "b", BODY % 5000)))
    assert to_bob[0].port != to_alice[0].port
    assert house.free() == 18
    assert house.ask(ng.list_calls())["calls"] == ["c"]
    assert house.ask(ng.delete("c", "a", "b"))["totals"]["RTP"]["packets"] == 0
    assert (house.free(), len(house.engine)) == (20, 0)


def test_a_repeated_cookie_is_answered_but_not_done_again() -> None:
    house = House()
    data = ng.encode_command("k", ng.offer("c", "a", BODY % 4000))
    first = house.engine.handle(data, SWITCH, 1.0)
    house.ask(ng.delete("c"))
    assert house.engine.handle(data, SWITCH, 2.0) == first
    assert len(house.engine) == 0


def test_reoffers_from_either_side_keep_the_ports() -> None:
    house = House()
    to_bob = media_of(house.ask(ng.offer("c", "a", BODY % 4000)))[0].port
    to_alice = media_of(house.ask(ng.answer("c", "a", "b", BODY % 5000)))[0].port
    assert media_of(house.ask(ng.offer("c", "b", BODY % 5002, to_tag="a")))[0].port == to_alice
    assert media_of(house.ask(ng.answer("c", "b", "a", BODY % 4002)))[0].port == to_bob
    assert media_of(house.ask(ng.offer("c", "a", BODY % 4004, to_tag="b")))[0].port == to_bob
    assert house.free() == 18


def test_a_refused_reoffer_changes_nothing() -> None:
    house = House()
    session = house.call()
    assert session.receive(0, RTP, packet(1), ("192.0.2.1", 4000), house.now) is not None
    house.ask(ng.offer("c", "a", BODY % 4444, to_tag="b"))
    assert session.receive(0, RTP, packet(2), ("192.0.2.1", 4000), house.now) is not None
    relayed = session.receive(1, RTP, packet(1), ("192.0.2.2", 5000), house.now)
    assert relayed is not None
    assert relayed[2] == ("192.0.2.1", 4000)


def test_the_last_answer_of_a_fork_wins() -> None:
    house = House()
    session = house.call()
    house.ask(ng.answer("c", "a", "b2", BODY.replace(b".1\r", b".3\r") % 6000))
    relayed = session.receive(0, RTP, packet(1), ("192.0.2.1", 4000), house.now)
    assert relayed is not None
    assert relayed[2] == ("192.0.2.3", 6000)
    assert session.receive(1, RTP, packet(1), ("192.0.2.2", 5000), house.now) is None
    assert house.ask(ng.delete("c", "a", "b")) == {"result": "ok"}
    assert len(house.engine) == 1
    house.ask(ng.delete("c", "a", "b2"))
    assert house.free() == 20


def test_an_answer_to_nobodys_offer_is_refused() -> None:
    house = House()
    house.ask(ng.offer("c", "a", BODY % 4000))
    assert house.ask(ng.answer("c", "x", "b", BODY % 5000))["result"] == "error"


def test_lines_come_and_go() -> None:
    house = House()
    fax = b"m=image %d udptl t38\r\n"
    chat = b"m=message 2855 TCP/MSRP *\r\n"
    lines = media_of(house.ask(ng.offer("c", "a", BODY % 4000 + chat)))
    assert [bool(line.port) for line in lines] == [True, False]
    house.ask(ng.answer("c", "a", "b", BODY % 5000 + b"m=message 0 TCP/MSRP *\r\n"))
    lines = media_of(house.ask(ng.offer("c", "b", BODY % 0 + chat + fax % 5004)))
    assert [bool(line.port) for line in lines] == [False, False, True]
    assert house.free() == 18
    house.ask(ng.answer("c", "b", "a", BODY % 0 + b"m=message 0 TCP/MSRP *\r\n" + fax % 4004))
    session = next(iter(house.opener.sessions.values()))
    assert session.receive(0, RTP, b"\x00t38", ("192.0.2.1", 4004), house.now) is not None
    house.ask(ng.delete("c"))
    assert house.free() == 20


def test_an_answer_that_refuses_a_line_is_passed_on() -> None:
    house = House()
    house.ask(ng.offer("c", "a", BODY % 4000))
    assert media_of(house.ask(ng.answer("c", "a", "b", BODY % 0)))[0].port == 0
    house.pass_time(300)
    assert house.events() == []


def test_ports_used_up_leave_nothing_behind() -> None:
    house = House(pairs=3)
    assert house.ask(ng.offer("c", "a", BODY % 4000 + AUDIO % 4002)) == {
        "result": "error", "error-reason": "no ports left",
    }  # fmt: skip
    assert (house.free(), len(house.engine)) == (3, 0)
    house.call("d")
    assert house.ask(ng.offer("d", "a", BODY % 4000 + AUDIO % 4002))["error-reason"] == "no ports left"
    assert (house.free(), len(house.engine)) == (1, 1)
    assert ng.is_ok(house.ask(ng.query("d")))


def test_more_lines_than_are_relayed_are_refused() -> None:
    house = House(pairs=60)
    lines = media_of(house.ask(ng.offer("c", "a", HEAD + (AUDIO % 4000) * 20)))
    assert [bool(line.port) for line in lines] == [True] * 8 + [False] * 12


@pytest.mark.parametrize(
    "command",
    [
        {"command": "dance"},
        {"command": "offer"},
        {"command": "offer", "call-id": "c", "from-tag": "a"},
        {"command": "offer", "call-id": "c", "from-tag": "a", "sdp": b"nonsense"},
        {"command": "offer", "call-id": ["c"], "from-tag": "a", "sdp": BODY % 4000},
        {"command": "answer", "call-id": "c", "from-tag": "a", "to-tag": "b", "sdp": BODY % 4000},
        {"command": "query", "call-id": "c"},
        {"command": "delete"},
        {"command": "block media", "call-id": "c"},
    ],
)
def test_refused_commands(command: dict[str, Any]) -> None:
    house = House()
    reply = house.ask(command)
    assert reply["result"] == "error"
    assert reply["error-reason"]
    assert (house.free(), len(house.engine)) == (20, 0)


def test_strange_options_do_no_harm() -> None:
    house = House()
    command = {**ng.offer("c", "a", BODY % 4000), "replace": 1, "codec": "x", "received from": [1, 2], "destination": 5}
    assert ng.is_ok(house.ask({**command, "media address": 7, "flags": {}}))


def test_what_is_no_command_gets_no_reply() -> None:
    assert House().engine.handle(b"nonsense", SWITCH, 1.0) is None


def test_unknown_and_foreign_tags_delete_nothing() -> None:
    house = House()
    house.call()
    for command in (ng.delete("other", "a", "b"), ng.delete("c", "x", "y")):
        reply = house.ask(command)
        assert ng.is_ok(reply)
        assert reply["warning"]
    assert len(house.engine) == 1
    assert ng.is_ok(house.ask(ng.delete("c", "b", "a")))
    assert len(house.engine) == 0


def test_the_address_is_chosen_by_the_destination() -> None:
    house = House(advertise=("203.0.113.9", "192.0.2.0/24=192.0.2.250"))
    offered = house.ask(ng.offer("c", "a", BODY % 4000))
    assert sdp.parse(offered["sdp"]).connection == "203.0.113.9"
    offered = house.ask(ng.offer("d", "a", BODY % 4000, extra={"destination": "192.0.2.77"}))
    assert sdp.parse(offered["sdp"]).connection == "192.0.2.250"
    answered = house.ask(ng.answer("d", "a", "b", BODY % 5000))
    assert sdp.parse(answered["sdp"]).connection == "192.0.2.250"
    offered = house.ask(ng.offer("e", "a", BODY % 4000, media_address="198.51.100.1"))
    assert sdp.parse(offered["sdp"]).connection == "198.51.100.1"


def test_silence_is_told_once_and_not_during_hold() -> None:
    house = House()
    house.call()
    house.pass_time(59)
    assert house.events() == []
    house.pass_time(30)
    assert house.events() == ["media-timeout"]
    content, destination = house.sent[0]
    assert (content["call-id"], content["started"], destination) == ("c", "instance", SWITCH)
    assert len(house.engine) == 1
    house.ask(ng.offer("c", "a", BODY % 4000 + b"a=sendonly\r\n"))
    house.ask(ng.answer("c", "a", "b", BODY % 5000 + b"a=recvonly\r\n"))
    house.pass_time(300)
    assert house.events() == ["media-timeout"]
    assert house.ask(ng.statistics())["timeouts-total"] == 1


def test_an_unanswered_call_does_not_time_out() -> None:
    house = House()
    house.ask(ng.offer("c", "a", BODY % 4000))
    house.pass_time(300)
    assert house.events() == []


def test_one_way_speech_is_told() -> None:
    house = House()
    session = house.call()
    for i in range(20):
        session.receive(0, RTP, packet(i), ("192.0.2.1", 4000), house.now)
        house.pass_time(0.5)
    assert house.events() == ["one-way"]
    assert house.sent[0][0]["direction"] == "a only"
    assert house.ask(ng.query("c"))["one-way"] == 1
    assert house.ask(ng.statistics())["one-way-total"] == 1


def test_a_call_whose_delete_was_lost_is_reaped() -> None:
    house = House(session_limit_s=100.0)
    house.call()
    house.ask(ng.offer("ringing", "a", BODY % 4000))
    house.pass_time(110)
    assert sorted(house.events()) == ["media-timeout", "session-reaped", "session-reaped"]
    assert (house.free(), len(house.engine)) == (20, 0)


def test_blocking() -> None:
    house = House()
    session = house.call()
    assert ng.is_ok(house.ask(ng.block_media("c", "a")))
    assert session.receive(0, RTP, packet(1), ("192.0.2.1", 4000), house.now) is None
    assert session.receive(1, RTP, packet(1), ("192.0.2.2", 5000), house.now) is not None
    assert ng.is_ok(house.ask(ng.unblock_media("c")))
    assert session.receive(0, RTP, packet(2), ("192.0.2.1", 4000), house.now) is not None


def test_statistics_keep_what_ended_calls_counted() -> None:
    house = House()
    session = house.call()
    session.receive(0, RTP, packet(1), ("192.0.2.1", 4000), house.now)
    assert house.ask(ng.statistics())["totals"]["packets"] == 1
    house.ask(ng.delete("c"))
    told = house.ask(ng.statistics())
    assert (told["sessions"], told["totals"]["packets"], told["totals"]["calls"]) == (0, 1, 1)


def test_closing_ends_every_call() -> None:
    house = House()
    house.call("c")
    house.call("d")
    house.engine.close()
    assert (house.free(), len(house.engine)) == (20, 0)


HOUSE_BODY = b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"


def alone(house: House) -> RelaySession:
    """A caller whom the house answered."""
    assert ng.is_ok(house.ask(ng.offer("c", "a", BODY % 4000)))
    told = house.ask(ng.answer("c", "a", ng.HOUSE, HOUSE_BODY))
    assert (sdp.parse(told["sdp"]).connection, media_of(told)[0].port) == ("127.0.0.1", 20000)
    return next(iter(house.opener.sessions.values()))


def test_a_caller_alone_with_the_house() -> None:
    house = House()
    session = alone(house)
    assert session.receive(0, RTP, packet(1), ("192.0.2.1", 4000), house.now) is None
    assert house.ask(ng.query("c"))["totals"]["RTP"]["packets"] == 1
    for i in range(40):
        session.receive(0, RTP, packet(2 + i), ("192.0.2.1", 4000), house.now)
        house.pass_time(0.5)
    house.pass_time(600)
    assert house.events() == []


def test_a_caller_behind_a_translator_is_learnt_by_the_house_too() -> None:
    house = House()
    session = alone(house)
    for i in range(200):
        session.receive(0, RTP, packet(i), ("198.51.100.7", 999), house.now + i * 0.02)
    assert session.lane(0, RTP).target == ("198.51.100.7", 999)


def test_a_caller_whose_reports_end_is_missed_by_the_house() -> None:
    house = House()
    session = alone(house)
    report = bytes([0x80, 201, 0, 1, 0, 0, 0, 8])
    for _ in range(40):
        session.receive(0, RTCP, report, ("192.0.2.1", 4001), house.now)
        house.pass_time(5)
    assert house.events() == []
    house.pass_time(70)
    assert house.events() == ["media-timeout"]


def test_the_house_may_offer() -> None:
    house = House()
    told = house.ask(ng.offer("c", ng.HOUSE, HOUSE_BODY))
    assert sdp.parse(told["sdp"]).connection == "127.0.0.1"
    assert ng.is_ok(house.ask(ng.answer("c", ng.HOUSE, "a", BODY % 4000)))
    session = next(iter(house.opener.sessions.values()))
    assert session.lane(1, RTP).target == ("192.0.2.1", 4000)
    assert session.lane(0, RTP).target is None


class Watcher(Extension):
    def __init__(self, services: Services) -> None:
        self.services = services
        self.seen: list[str] = []

    @property
    def capabilities(self) -> list[str]:
        return ["watching"]

    def commands(self) -> dict[str, Callable[[dict[str, Any], Address, float], dict[str, Any]]]:
        return {"watch": self._watch}

    def _watch(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        call, side, tag = self.services.party_of(command)
        self.services.notify(call, "watched", {"tag": tag})
        return {"result": "ok", "side": side}

    def read(self, negotiation: Negotiation, session: sdp.SessionDescription) -> None:
        if session.attribute("refuse-me") is not None:
            raise MediaError("no")
        self.seen.append(f"read {negotiation.tag}")

    def write(self, negotiation: Negotiation, session: sdp.SessionDescription) -> None:
        self.seen.append(f"write {session.media[0].port} {negotiation.address}")
        session.media[0].add_attribute("watched")

    def answered(self, negotiation: Negotiation) -> None:
        self.seen.append(f"answered {negotiation.call.open_lines()[0].session.lane(0, RTP).target}")

    def ended(self, call: MediaCall) -> None:
        self.seen.append(f"ended {len(call.open_lines())}")

    def close(self) -> None:
        self.seen.append("close")


def test_an_extension_has_its_say() -> None:
    house = House(extensions=[Watcher])
    watcher = house.engine.extensions[0]
    assert isinstance(watcher, Watcher)
    assert house.ask(ng.ping())["capabilities"][-1] == "watching"
    assert media_of(house.ask(ng.offer("c", "a", BODY % 4000)))[0].attribute("watched") == ""
    house.ask(ng.answer("c", "a", "b", BODY % 5000))
    assert house.ask({"command": "watch", "call-id": "c", "from-tag": "b"})["side"] == 1
    assert house.sent[-1][0] == {
        "event": "watched", "call-id": "c", "tag": "b", "started": "instance",
    }  # fmt: skip
    for wrong in ({"from-tag": "x"}, {"to-tag": "a"}, {"from-tag": "a", "call-id": "d"}):
        assert house.ask({"command": "watch", "call-id": "c", **wrong})["result"] == "error"
    house.engine.close()
    assert watcher.seen == [
        "read a", "write 20002 127.0.0.1", "read b", "write 20000 127.0.0.1", "answered ('192.0.2.1', 4000)",
        "ended 1", "close",
    ]  # fmt: skip


def test_an_offer_that_an_extension_refuses_leaves_nothing_open() -> None:
    house = House(extensions=[Watcher])
    refused = HEAD + b"a=refuse-me\r\n" + AUDIO % 4000
    assert house.ask(ng.offer("c", "a", refused))["error-reason"] == "no"
    assert (house.free(), len(house.engine)) == (20, 0)
    house.call()
    assert house.ask(ng.offer("c", "a", refused))["result"] == "error"
    assert (house.free(), len(house.engine)) == (18, 1)


def test_treated_lines_are_ticked() -> None:
    class Clocked:
        def __init__(self) -> None:
            self.ticks = 0

        def hear(self, side: int, packet: bytes, now: float) -> None:
            raise AssertionError((side, packet, now))

        def tick(self, _now: float) -> None:
            self.ticks += 1

        def close(self) -> None:
            self.ticks += 100

    house, tap = House(extensions=[Watcher]), Clocked()
    house.call()
    path = next(iter(house.engine._calls.values())).open_lines()[0].path
    path.add_ticked(tap)
    house.engine.tick(house.now)
    assert tap.ticks == 0
    path.add_tap(tap)
    house.engine.tick(house.now)
    house.ask(ng.delete("c"))
    house.engine.tick(house.now)
    assert tap.ticks == 101
