"""A third party sends sound and rubbish to every media port, before and during a call: counted, and never heard."""

from __future__ import annotations

import itertools
import math
import secrets
import socket
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kit.baresip import Baresip
from kit.company import company
from kit.daemon import MEDIA_PORTS, Daemon
from kit.ports import HOST
from kit.program import wait_until
from kit.rtp import encode
from kit.stereo import Stereo
from kit.talk import ALICE, BOB, Talk
from kit.tone import assert_not_heard

if TYPE_CHECKING:
    from collections.abc import Callable

STRANGER_HOST = "127.0.0.9"
INTRUDER = 1500
RUBBISH = (
    b"", b"\x80", b"\x80\x08", b"\xff" * 200, bytes(1500), b"\x80\x08" + bytes(4000), b"\x80\x7f" + bytes(10),
    b"\xbf\x88" + b"\xff" * 60,  # fifteen CSRCs, an extension and padding beyond its end
    b"\x80\xc8\xff\xff" + bytes(24), b"\x81\xc9\x00\x07" + bytes(4), b"\x80\xcb\x00\x00",  # RTCP: too long, short, BYE
    b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12), b"\x00\x01\xff\xff\x21\x12\xa4\x42" + bytes(12),  # STUN
    b"\x16\xfe\xfd" + bytes(60), b"\x14\xfe\xfd" + bytes(60),  # DTLS
)  # fmt: skip


class Intruder:
    """Sprays a tone as well-formed PCMA, with its own SSRC and with others', and rubbish, at all ports in turn."""

    def __init__(self, ports: range, host: str = STRANGER_HOST) -> None:
        self._ports = ports
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self._over = threading.Event()
        self.rounds = 0
        self.heard = 0
        step = math.tau * INTRUDER / 8000
        self._tone = bytes(encode(int(9000 * math.sin(step * i))) for i in range(8000))
        self._thread = threading.Thread(target=self._spray, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)
        self._socket.close()

    def _spray(self) -> None:
        ssrc = secrets.randbits(32)
        rubbish = itertools.cycle(RUBBISH)
        while not self._over.wait(0.02):
            number = self.rounds
            offset = number * 160 % 8000
            voice = self._tone[offset : offset + 160]
            for place, port in enumerate(self._ports):
                head = struct.pack("!BBHII", 0x80, 8, number & 0xFFFF, number * 160, ssrc + (number + place) % 3)
                self._send(next(rubbish) if (number + place) % 4 == 0 else head + voice, port)
            self.rounds += 1
            self._listen()

    def _send(self, datagram: bytes, port: int) -> None:
        try:
            self._socket.sendto(datagram, (HOST, port))
        except OSError:
            return  # nobody listens there (yet)

    def _listen(self) -> None:
        try:
            while True:
                self._socket.recv(4096)
                self.heard += 1
        except OSError:
            return


def media_record(record: dict[str, Any]) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = record["media"]["heard"]
    return heard


def more_rounds(intruder: Intruder, rounds: int) -> Callable[[int], bool]:
    wanted = intruder.rounds + rounds
    return lambda done: done >= wanted


def test_a_third_party_is_counted_and_never_heard(tmp_path: Path) -> None:
    document = company()
    document["account"]["recording"] = {"calls": "all"}
    with (
        Daemon(tmp_path, document) as daemon,
        Intruder(range(daemon.media_port, daemon.media_port + MEDIA_PORTS)) as intruder,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=ALICE) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=BOB) as bob,
    ):
        talk = Talk(daemon, alice, bob)  # rung, answered and latched under fire
        wait_until(lambda: intruder.rounds, more_rounds(intruder, 100), 60, "two seconds of fire")
        talk.assert_alive(1)
        record = talk.hang_up()
        assert intruder.heard == 0
        for phone in (alice, bob):
            assert_not_heard(phone.recordings()[-1], INTRUDER)
        foreign = [one.get("foreign", 0) for one in media_record(record)]
        assert all(count > 50 for count in foreign), record["media"]
        assert all(one["mos"] > 3 for one in media_record(record))  # strangers spoil no score
        sound = Stereo(Path(record["recording"]["file"]))
        sound.assert_column(0, ALICE, at_least_s=1, never=(INTRUDER, BOB))
        sound.assert_column(1, BOB, at_least_s=1, never=(INTRUDER, ALICE))


def test_another_port_of_the_partys_own_host_is_a_stranger_too(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=ALICE) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=BOB) as bob,
    ):
        talk = Talk(daemon, alice, bob)
        with Intruder(range(daemon.media_port, daemon.media_port + MEDIA_PORTS), HOST) as intruder:
            wait_until(lambda: intruder.rounds, more_rounds(intruder, 100), 60, "two seconds of fire")
            talk.assert_alive(1)
            assert intruder.heard == 0
        record = talk.hang_up()
        assert all(one.get("foreign", 0) > 50 for one in media_record(record))
        for phone in (alice, bob):
            assert_not_heard(phone.recordings()[-1], INTRUDER)
