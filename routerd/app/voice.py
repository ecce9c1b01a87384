"""The audio of one call of a scripted phone: a tone goes out in packets of 20 ms, what comes in is counted.

PCMA where the other side takes it (ITU-T G.711), else the silence of PCMU; the payload of a 400 Hz tone is the same in
every packet.
"""

from __future__ import annotations

import asyncio
import math
import socket
from typing import TYPE_CHECKING, Final

from routerd.errors import MediaError
from routerd.media import rtp, sdp

if TYPE_CHECKING:
    from routerd.sip.flow import Address

PACKET_S: Final = 0.02
SAMPLES: Final = 160
LONGEST_S: Final = 600.0
ATTEMPTS: Final = 50
LOUDNESS: Final = 6000
TONE_SAMPLES: Final = 20  # one period of 400 Hz at 8000 samples a second


def a_law(sample: int) -> int:
    """Compress one 16-bit sample (G.711 §3, table 1)."""
    value, mask = sample >> 3, 0xD5
    if value < 0:
        value, mask = -value - 1, 0x55
    segment = max(0, value.bit_length() - 5)
    return (segment << 4 | value >> max(1, segment) & 0x0F) ^ mask


TONE: Final = bytes(
    a_law(round(LOUDNESS * math.sin(2 * math.pi * index / TONE_SAMPLES))) for index in range(TONE_SAMPLES)
) * (SAMPLES // TONE_SAMPLES)
SILENCE_MU_LAW: Final = b"\xff" * SAMPLES


def far_end(description: bytes) -> tuple[Address, list[str]]:
    """Give where a description wants its audio, and the payload types it takes; raises MediaError."""
    session = sdp.parse(description)
    for media in session.media:
        if media.kind == "audio" and media.port:
            return (session.address_of(media), media.port), media.formats
    raise MediaError("the description has no audio")


class Voice:
    """A socket on an even port (RFC 3550 §11); ``talk`` until ``close``."""

    __slots__ = ("_socket", "_task", "heard", "port", "sent")

    def __init__(self, host: str) -> None:
        self.heard = 0
        self.sent = 0
        self._socket = _even(host)
        self.port: int = self._socket.getsockname()[1]
        self._task: asyncio.Task[None] | None = None
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def talk(self, target: Address, payload_types: list[str]) -> None:
        """Send the tone to ``target``; once."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send(target, "8" in payload_types))

    def close(self) -> None:
        """Be silent and close the socket; again does nothing."""
        if self._task is not None:
            self._task.cancel()
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    async def _send(self, target: Address, a_law_taken: bool) -> None:
        payload_type, payload = (8, TONE) if a_law_taken else (0, SILENCE_MU_LAW)
        for number in range(int(LONGEST_S / PACKET_S)):
            packet = rtp.build(payload_type, number, number * SAMPLES, self.port, payload, marker=not number)
            try:
                self._socket.sendto(packet, target)
                self.sent += 1
            except BlockingIOError:
                pass  # a full buffer costs a packet, as on any network
            except OSError:
                return  # the far end has closed its port
            await asyncio.sleep(PACKET_S)

    def _read(self) -> None:
        try:
            rtp.parse(self._socket.recv(rtp.MAX_PACKET_BYTES))
        except (OSError, MediaError):
            return
        self.heard += 1


def _even(host: str) -> socket.socket:
    """Give a bound socket on an even port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    tried: list[socket.socket] = []  # kept bound meanwhile, so that the next one is another
    try:
        while len(tried) < ATTEMPTS:
            bound = socket.socket(family, socket.SOCK_DGRAM)
            tried.append(bound)
            bound.setblocking(False)
            bound.bind((host, 0))
            if bound.getsockname()[1] % 2 == 0:
                return tried.pop()
    finally:
        for odd in tried:
            odd.close()
    raise MediaError("no even port is free")
