from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.media import rtp
from routerd.media.relay_session import RTP, PartyMedia, RelaySession
from routerd.media_worker.call import MediaCall, MediaLine
from routerd.media_worker.path import Path
from routerd.media_worker.relay_sockets import LinePorts

if TYPE_CHECKING:
    from routerd.media.relay_lane import Address

ALICE = ("192.0.2.1", 4000)
BOB = ("192.0.2.2", 5000)


class Opener:
    def __init__(self) -> None:
        self.closed: list[LinePorts] = []
        self.treated: list[bool] = []

    def open(self, session: RelaySession) -> LinePorts:
        raise AssertionError(session)

    def close(self, ports: LinePorts) -> None:
        self.closed.append(ports)

    def treat(self, ports: LinePorts, path: Path | None) -> None:
        assert len(ports) == 2
        self.treated.append(path is not None)

    def send(self, ports: LinePorts, side: int, component: int, data: bytes, destination: Address) -> None:
        raise AssertionError(ports, side, component, data, destination)


def call_with_audio(opener: Opener | None = None) -> MediaCall:
    call = MediaCall("c", "a", ("127.0.0.1", 9), 100.0)
    call.note_answer("a", "b")
    session = RelaySession()
    session.signal(0, PartyMedia(ALICE, None, clocks={8: 8000}))
    session.signal(1, PartyMedia(BOB, None, clocks={8: 8000}))
    session.answered(100.0)
    call.put_line(1, MediaLine("audio", session, LinePorts(20000, 20002), opener or Opener()))
    return call


def test_tags_and_sides() -> None:
    call = call_with_audio()
    call.note_tag("a", 0)
    call.note_tag("c", 1)
    assert [call.side_of(tag) for tag in ("a", "b", "c", "x")] == [0, 1, 1, 1]
    assert call.knows("a")
    assert call.knows("c")
    assert not call.knows("x")


def test_who_answers_is_on_the_other_side_than_who_offered() -> None:
    call = call_with_audio()
    assert [call.side_for_offer(*tags) for tags in (("a", "b"), ("b", "a"), ("b", None), ("c", "b"), ("c", 7))] == [
        0, 1, 1, 0, 1,
    ]  # fmt: skip
    call.note_answer("b", "c")
    assert ([call.side_of(tag) for tag in "abc"], call.speakers) == ([0, 1, 0], ["c", "b"])
    assert call.side_for_offer("house", "b") == 0
    call.note_tag("house", 0)
    call.note_answer("house", "b")
    assert (call.speakers, call.house) == (["house", "b"], 0)
    assert call.side_for_offer("house", "c") == 1


def test_statistics() -> None:
    call = call_with_audio()
    line = call.open_lines()[0]
    for i in range(10):
        line.session.receive(0, RTP, rtp.build(8, i * 2, i * 320, 5, bytes(160)), ALICE, 101.0 + i * 0.04)
    line.session.receive(1, RTP, b"junk", BOB, 101.0)
    told = call.statistics(1000.0)
    assert (told["created"], told["last signal"], told["last heard"]) == (1100, 1100, 1101)
    assert told["totals"]["RTP"] == {
        "packets": 10, "bytes": 1720, "errors": 1, "foreign": 0, "garbage": 1, "lost": 9,
    }  # fmt: skip
    assert [(heard["tag"], heard["packets"], heard["lost"]) for heard in told["heard"]] == [("a", 10, 9), ("b", 0, 0)]
    stream = told["tags"]["a"]["medias"][0]["streams"][0]
    assert (stream["local port"], stream["SSRC"], stream["endpoint"]) == (20000, 5, {"address": ALICE[0], "port": 4000})
    assert told["tags"]["b"]["medias"][0]["index"] == 2
    assert "tags" not in call.summary(0.0)
    assert call.expects_media()
    assert not call.is_one_way()


def test_an_empty_call() -> None:
    call = MediaCall("c", "a", ("127.0.0.1", 9), 100.0)
    assert call.line(3) is None
    assert (call.last_heard_s(), call.expects_media(), call.is_one_way()) == (0.0, False, False)
    assert call.summary(0.0)["last heard"] == 0


def test_closing_gives_every_port_back() -> None:
    opener = Opener()
    call = call_with_audio(opener)
    call.close()
    assert opener.closed == [LinePorts(20000, 20002)]
    assert call.open_lines() == []


def test_the_house_is_a_party_until_another_one_answers() -> None:
    call = MediaCall("c", "a", ("127.0.0.1", 9), 100.0)
    assert call.house is None
    call.note_answer("a", "house")
    assert call.house == 1
    call.note_answer("a", "b")
    assert call.house is None
    call.note_tag("house", 0)
    assert call.house is None
    assert MediaCall("c", "house", ("127.0.0.1", 9), 100.0).house == 0


class Silent:
    def __init__(self) -> None:
        self.closed = 0

    def hear(self, side: int, packet: bytes, now: float) -> None:
        raise AssertionError((side, packet, now))

    def close(self) -> None:
        self.closed += 1


def test_a_line_is_treated_as_long_as_somebody_wants_to_see_its_packets() -> None:
    opener, treated = Opener(), set[Path]()
    line = MediaLine("audio", RelaySession(), LinePorts(20000, 20002), opener, treated)
    assert not line.is_treated
    tap = Silent()
    line.path.add_tap(tap)
    assert line.is_treated
    assert treated == {line.path}
    line.path.remove_tap(tap)
    assert not line.is_treated
    assert (opener.treated, tap.closed, treated) == ([True, False], 1, set())
    line.path.add_tap(tap)
    line.close()
    assert (tap.closed, treated, opener.closed) == (2, set(), [LinePorts(20000, 20002)])


def test_what_answers_checks_of_connectivity_is_alive() -> None:
    line = call_with_audio().open_lines()[0]
    assert line.last_heard_s() == 100.0
    line.path.alive_s = 170.0
    assert line.last_heard_s() == 170.0
