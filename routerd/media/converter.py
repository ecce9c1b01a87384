"""Packets of one party made fit for the other: another codec, another payload number (RFC 3551, RFC 4733).

Theory of operation. One ``Converter`` stands for one direction. By payload type a packet is passed as it is,
renumbered, decoded and encoded anew, or dropped because the other party has no use for it (digits, comfort noise). A
packet stays one packet: sequence numbers keep the gaps of the network, closed only where packets are dropped here.
All codecs spoken here have the same RTP clock, so timestamps stay. G.722 is converted within the telephone's band.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from routerd.errors import MediaError
from routerd.media import g711, g722, rtp
from routerd.media.formats import SPOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from routerd.media.formats import Format, LineFormats

_SEQUENCE: Final = struct.Struct(">H")
_TYPE_BITS: Final = 0x7F
_MARKER: Final = 0x80
_PASSED: Final = -1
_DROPPED: Final = -2


class Converter:
    """One direction of one line."""

    __slots__ = ("_dropped", "_numbers", "_target", "_transcoders", "unreadable")

    def __init__(self, heard: Mapping[int, Format], wanted: LineFormats, target: Format | None) -> None:
        """Take what the payload types of the packets mean, what their receiver takes, and what to convert into."""
        self._numbers: list[int] = [_PASSED] * 128
        self._transcoders: dict[int, Callable[[bytes], bytes]] = {}
        self._target: int = 0 if target is None else target.payload_type
        self._dropped: int = 0
        self.unreadable: int = 0
        for number, form in heard.items():
            same = wanted.find(form)
            if same is not None:
                self._numbers[number & _TYPE_BITS] = same.payload_type
            elif form.name in SPOKEN and target is not None:
                self._transcoders[number & _TYPE_BITS] = make_transcoder(form.name, target.name)
            else:
                self._numbers[number & _TYPE_BITS] = _DROPPED

    @property
    def changes_anything(self) -> bool:
        """Whether some packet would not pass as it is."""
        return bool(self._transcoders) or any(number not in {_PASSED, at} for at, number in enumerate(self._numbers))

    def convert(self, packet: bytes) -> bytes | None:
        """The packet for the other party; None when it is not passed on."""
        second = packet[1]
        number = second & _TYPE_BITS
        transcode = self._transcoders.get(number)
        if transcode is not None:
            return self._transcoded(packet, transcode)
        wanted = self._numbers[number]
        if wanted == _DROPPED:
            self._dropped += 1
            return None
        if wanted not in {_PASSED, number}:
            packet = packet[:1] + bytes((second & _MARKER | wanted,)) + packet[2:]
        return packet if not self._dropped else packet[:2] + self._sequence(packet) + packet[4:]

    def _transcoded(self, packet: bytes, transcode: Callable[[bytes], bytes]) -> bytes | None:
        try:
            parsed = rtp.parse(packet)
        except MediaError:
            self.unreadable += 1
            self._dropped += 1
            return None
        head = b"\x80" + bytes((packet[1] & _MARKER | self._target,)) + self._sequence(packet) + packet[4:12]
        return head + transcode(parsed.payload)

    def _sequence(self, packet: bytes) -> bytes:
        return _SEQUENCE.pack((_SEQUENCE.unpack_from(packet, 2)[0] - self._dropped) & 0xFFFF)


def make_transcoder(source: str, target: str) -> Callable[[bytes], bytes]:
    """A function from one codec's payloads to another's, with its own memory; both are of ``formats.SPOKEN``."""
    if source == target:
        return bytes
    if target != "G722" and source != "G722":
        table = g711.A_TO_U if source == "PCMA" else g711.U_TO_A
        return lambda payload: payload.translate(table)
    if target == "G722":
        encoder = g722.Encoder(g722.NARROW_HZ)
        return lambda payload: encoder.encode(g711.decode(source, payload))
    decoder = g722.Decoder(g722.NARROW_HZ)
    return lambda payload: g711.encode(target, decoder.decode(payload).tobytes())


def law(samples: bytes) -> bytes:
    """Samples at 8 kHz as A-law, from where ``make_transcoder`` goes on."""
    return g711.encode("PCMA", samples)


def make_listener(source: str) -> Callable[[bytes], bytes]:
    """A function from one codec's payloads to samples at 8 kHz (bytes, the machine's byte order)."""
    if source == "G722":
        decoder = g722.Decoder(g722.NARROW_HZ)
        return lambda payload: decoder.decode(payload).tobytes()
    return lambda payload: g711.decode(source, payload)
