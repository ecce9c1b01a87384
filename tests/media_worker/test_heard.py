from __future__ import annotations

import struct

from routerd.media import rtp
from routerd.media.relay_session import RTCP, RTP, PartyMedia, RelaySession
from routerd.media_worker.call import MediaLine
from routerd.media_worker.heard import heard, one_way
from routerd.media_worker.relay_sockets import LinePorts

ALICE = ("192.0.2.1", 4000)
BOB = ("192.0.2.2", 5000)
STRANGER = ("198.51.100.9", 7000)


class Opener:
    def close(self, ports: LinePorts) -> None:
        """The ports were never open."""


def line() -> MediaLine:
    session = RelaySession()
    session.signal(0, PartyMedia(ALICE, (ALICE[0], 4001), clocks={8: 8000}))
    session.signal(1, PartyMedia(BOB, (BOB[0], 5001), clocks={8: 8000}))
    session.answered(100.0)
    return MediaLine("audio", session, LinePorts(20000, 20002), Opener(), set())  # type: ignore[arg-type]


def speak(talk: MediaLine, side: int, source: tuple[str, int], packets: int, *, every: int = 1) -> None:
    for number in range(0, packets * every, every):
        packet = rtp.build(8, number, number * 160, 5, bytes(160))
        talk.session.receive(side, RTP, packet, source, 100.0 + number * 0.02)


def test_a_good_voice_and_a_poor_one() -> None:
    talk = line()
    speak(talk, 0, ALICE, 100)
    speak(talk, 1, BOB, 100, every=2)
    good, poor = heard([talk], 0), heard([talk], 1)
    assert (good["packets"], good["lost"], good["payload-type"]) == (100, 0, 8)
    assert good["mos-x100"] > 430
    assert (poor["packets"], poor["lost"]) == (100, 99)
    assert poor["mos-x100"] < 200
    assert "cause" not in good
    assert "round-trip-us" not in good


def test_the_round_trip_counts() -> None:
    talk = line()
    speak(talk, 1, BOB, 50)
    report = struct.pack(">BBHIIIIII", 0x80, 200, 6, 1, 1, 2 << 16, 0, 0, 0)
    talk.session.receive(0, RTCP, report, (ALICE[0], 4001), 101.0)
    answer = struct.pack(">BBHIIIIIII", 0x81, 201, 7, 2, 1, 0, 0, 0, 1 << 16 | 2, 0)
    near = heard([talk], 1)["mos-x100"]
    talk.session.receive(1, RTCP, answer, (BOB[0], 5001), 101.5)
    far = heard([talk], 1)
    assert far["round-trip-us"] == 500_000
    assert far["mos-x100"] < near - 20


def test_a_call_without_lines() -> None:
    assert heard([], 0)["packets"] == 0


def test_one_way_names_who_and_why() -> None:
    talk = line()
    for second in range(7):
        for number in range(50):
            packet = rtp.build(8, second * 50 + number, 0, 5, bytes(160))
            talk.session.receive(0, RTP, packet, ALICE, 100.0 + second + number / 50)
        talk.session.receive(1, RTP, bytes(12), BOB, 100.0 + second)  # no RTP
    for number in range(20):
        packet = rtp.build(8, number, 0, 5, bytes(160))
        talk.session.receive(1, RTP, packet, (STRANGER[0], STRANGER[1] + number % 2), 106.5)
    assert talk.session.check(107.0) == "one-way"
    told = one_way(talk, ["a", "b"])
    assert (told["direction"], told["silent"], told["cause"]) == ("a only", "b", "unlatched")
    assert STRANGER[0] in told["cause-text"]
    silent = heard([talk], 1)
    assert (silent["packets"], silent["foreign"], silent["garbage"], silent["cause"]) == (0, 20, 7, "unlatched")
    assert "mos-x100" not in silent
