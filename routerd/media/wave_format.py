"""What a WAV file holds: its format and where its samples lie, found with a bounded number of small reads.

RIFF (Microsoft/IBM "Multimedia Programming Interface", 1991) with WAVE_FORMAT_EXTENSIBLE (Microsoft, 2001). Nothing
that a header claims is believed: sizes are held against the file's, and a file that is not what it says is refused.
:func:`read_wave` judges a file; :func:`canonical_header` writes the one form that is played.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from routerd.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Callable

PCM: Final = "pcm"
FLOAT: Final = "float"
ALAW: Final = "alaw"
MULAW: Final = "mulaw"

CANONICAL_HZ: Final = 16_000
CANONICAL_HEADER_BYTES: Final = 44
TAKEN: Final = "WAV with 8, 16, 24 or 32 bit PCM, float, A-law or µ-law, 4 to 192 kHz"

_CODINGS: Final = {1: PCM, 3: FLOAT, 6: ALAW, 7: MULAW}
_EXTENSIBLE: Final = 0xFFFE
_GUID_END: Final = bytes.fromhex("000000001000800000AA00389B71")
_WIDTHS: Final = {PCM: (1, 2, 3, 4), FLOAT: (4, 8), ALAW: (1,), MULAW: (1,)}
_EXOTIC: Final = {
    2: "MS ADPCM",
    17: "IMA ADPCM",
    49: "GSM 6.10",
    80: "MPEG",
    85: "MP3",
    100: "G.726",
    101: "G.722",
    255: "AAC",
}
_MAGICS: Final = (
    (b"RF64", "RF64, a WAV beyond 4 GB"),
    (b"BW64", "BW64, a WAV beyond 4 GB"),
    (b"RIFX", "a big-endian WAV"),
    (b"FORM", "AIFF"),
    (b".snd", "Sun audio"),
    (b"OggS", "Ogg"),
    (b"fLaC", "FLAC"),
    (b"ID3", "MP3"),
    (b"\xff\xfb", "MP3"),
    (b"\xff\xf3", "MP3"),
    (b"caff", "Core Audio"),
    (b"MThd", "MIDI"),
)
_UNKNOWN_LENGTH: Final = 0x7FFF_0000  # what is written to a pipe claims this or more: the rest of the file is meant
_MOST_CHUNKS: Final = 500
_MOST_CHANNELS: Final = 8
_FORMAT: Final = struct.Struct("<HHIIHH")


class WaveFormat(NamedTuple):
    """Samples of ``coding`` and ``width_bytes``, ``channels`` interleaved, from ``offset`` on, ``frames`` of them."""

    coding: str
    width_bytes: int
    channels: int
    rate_hz: int
    offset: int
    frames: int

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.frames / self.rate_hz

    @property
    def frame_bytes(self) -> int:
        """The size of one sample of every channel."""
        return self.width_bytes * self.channels

    @property
    def canonical(self) -> bool:
        """Whether it is already in the form that is played."""
        return (self.coding, self.width_bytes, self.channels, self.rate_hz) == (PCM, 2, 1, CANONICAL_HZ)


def read_wave(read: Callable[[int, int], bytes], size_bytes: int) -> WaveFormat:
    """Judge a file of ``size_bytes`` of which ``read(offset, length)`` gives parts (less at its end).

    Raises MediaError: it is no WAV, damaged, cut short, without sound, or of a format that is not taken.
    """
    head = read(0, 12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise MediaError(_not_wave(head))
    coding: tuple[str, int, int, int] | None = None
    at = 12
    for _ in range(_MOST_CHUNKS):
        header = read(at, 8)
        if len(header) < 8:
            break
        name, claimed = header[:4], int.from_bytes(header[4:], "little")
        if name == b"fmt ":
            coding = _coding(read(at + 8, min(claimed, 40)))
        elif name == b"data":
            if coding is None:
                raise MediaError("the file is damaged: samples stand before their format")
            return _sound(coding, at + 8, claimed, size_bytes - at - 8)
        at += 8 + claimed + claimed % 2
        if at > size_bytes:
            break
    raise MediaError("the file is damaged: it has no samples" if coding else "the file is damaged: it has no format")


def _not_wave(head: bytes) -> str:
    if not head:
        return "the file is empty"
    kind = next((name for magic, name in _MAGICS if head.startswith(magic)), None)
    return "the file is not a WAV" if kind is None else f"the file is {kind}"


def _coding(content: bytes) -> tuple[str, int, int, int]:
    """Read a format chunk: (coding, bytes a sample, channels, samples a second)."""
    if len(content) < _FORMAT.size:
        raise MediaError("the file is damaged: its format is cut short")
    tag, channels, rate_hz, _, frame_bytes, bits = _FORMAT.unpack_from(content)
    if tag == _EXTENSIBLE:
        if len(content) < 40 or content[26:40] != _GUID_END:
            raise MediaError("the samples are of an unknown extension")
        tag = int.from_bytes(content[24:26], "little")
    if tag not in _CODINGS:
        raise MediaError(f"the samples are {_EXOTIC.get(tag, f'of the unknown format {tag}')}")
    coding = _CODINGS[tag]
    if not 4000 <= rate_hz <= 192_000:
        raise MediaError(f"{rate_hz} samples a second")
    if not 1 <= channels <= _MOST_CHANNELS:
        raise MediaError(f"{channels} channels")
    width = frame_bytes // channels
    if frame_bytes != width * channels or width != (bits + 7) // 8:
        raise MediaError("the file is damaged: its format contradicts itself")
    if width not in _WIDTHS[coding]:
        raise MediaError(f"{coding} samples of {bits} bits")
    return coding, width, channels, rate_hz


def _sound(coding: tuple[str, int, int, int], offset: int, claimed: int, there: int) -> WaveFormat:
    """Give the samples that really are there."""
    kind, width, channels, rate_hz = coding
    if claimed > there and claimed < _UNKNOWN_LENGTH:
        raise MediaError(f"the file is cut short: {max(0, there)} of {claimed} bytes of sound are there")
    frames = max(0, min(claimed, there)) // (width * channels)
    if frames == 0:
        raise MediaError("the file holds no sound")
    return WaveFormat(kind, width, channels, rate_hz, offset, frames)


def canonical_header(frames: int, rate_hz: int = CANONICAL_HZ) -> bytes:
    """Write the header of mono 16-bit PCM; the samples follow (little-endian)."""
    size = 2 * frames
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", CANONICAL_HEADER_BYTES - 8 + size, b"WAVE",
        b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16,
        b"data", size,
    )  # fmt: skip
