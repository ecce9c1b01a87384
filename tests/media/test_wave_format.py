from __future__ import annotations

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import MediaError
from routerd.media.wave_format import (
    ALAW,
    CANONICAL_HEADER_BYTES,
    FLOAT,
    MULAW,
    PCM,
    WaveFormat,
    canonical_header,
    read_wave,
)


def chunk(name: bytes, content: bytes, claimed: int | None = None) -> bytes:
    size = len(content) if claimed is None else claimed
    return name + struct.pack("<I", size) + content + b"\0" * (len(content) % 2)


def form(tag: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, block: int | None = None) -> bytes:
    size = channels * bits // 8 if block is None else block
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate % 2**32, rate * size % 2**32, size, bits))


def riff(*chunks: bytes) -> bytes:
    content = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def judge(content: bytes) -> WaveFormat:
    return read_wave(lambda offset, length: content[offset : offset + length], len(content))


@pytest.mark.parametrize(
    ("tag", "bits", "channels", "coding"),
    [
        (1, 8, 1, PCM),
        (1, 16, 2, PCM),
        (1, 24, 1, PCM),
        (1, 32, 6, PCM),
        (3, 32, 1, FLOAT),
        (3, 64, 2, FLOAT),
        (6, 8, 1, ALAW),
        (7, 8, 2, MULAW),
    ],
)
def test_common_formats_are_taken(tag: int, bits: int, channels: int, coding: str) -> None:
    sound = b"\1" * (10 * channels * bits // 8)
    found = judge(riff(form(tag, channels, 44_100, bits), chunk(b"data", sound)))
    assert (found.coding, found.width_bytes, found.channels, found.rate_hz) == (coding, bits // 8, channels, 44_100)
    assert (found.frames, found.offset) == (10, 44)
    assert found.duration_s == pytest.approx(10 / 44_100)


def test_extensible_says_its_coding_in_its_extension() -> None:
    guid = struct.pack("<H", 3) + bytes.fromhex("000000001000800000AA00389B71")
    content = struct.pack("<HHIIHHHHI", 0xFFFE, 2, 48_000, 384_000, 8, 32, 22, 32, 3) + guid
    found = judge(riff(chunk(b"fmt ", content), chunk(b"data", b"\0" * 80)))
    assert (found.coding, found.channels, found.frames) == (FLOAT, 2, 10)
    with pytest.raises(MediaError, match="extension"):
        judge(riff(chunk(b"fmt ", content[:-1] + b"\0"), chunk(b"data", b"\0" * 80)))


def test_other_chunks_of_any_size_are_passed_over() -> None:
    others = chunk(b"LIST", b"x" * 70_001), chunk(b"bext", b"")
    found = judge(riff(others[0], form(), others[1], chunk(b"data", b"\0" * 6), chunk(b"id3 ", b"y")))
    assert found.frames == 3


def test_what_was_written_to_a_pipe_goes_to_the_end_of_the_file() -> None:
    for claimed in (0xFFFFFFFF, 0x7FFFF000):
        assert judge(riff(form(), chunk(b"data", b"\0" * 101, claimed))).frames == 51  # and its byte of padding


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"nonsense and more of it", "not a WAV"),
        (b"ID3\x04\0\0\0\0\0\0\0\0", "MP3"),
        (b"OggS" + b"\0" * 30, "Ogg"),
        (b"fLaC" + b"\0" * 30, "FLAC"),
        (b"RF64\xff\xff\xff\xffWAVE", "4 GB"),
        (b"RIFF\0\0\0\0AVI LIST", "not a WAV"),
        (riff(), "no format"),
        (riff(form()), "no samples"),
        (riff(chunk(b"data", b"\0" * 8), form()), "before their format"),
        (riff(chunk(b"fmt ", b"\1\0\1\0"), chunk(b"data", b"\0\0")), "cut short"),
        (riff(form(), chunk(b"data", b"")), "no sound"),
        (riff(form(), chunk(b"data", b"\0")[:-2]), "cut short"),
        (riff(form(), chunk(b"data", b"\0" * 50, 4000)), "50 of 4000"),
        (riff(form(rate=0), chunk(b"data", b"\0" * 8)), "0 samples a second"),
        (riff(form(rate=4_000_000_000), chunk(b"data", b"\0" * 8)), "4000000000 samples"),
        (riff(form(channels=0), chunk(b"data", b"\0" * 8)), "0 channels"),
        (riff(form(channels=9), chunk(b"data", b"\0" * 80)), "9 channels"),
        (riff(form(block=0), chunk(b"data", b"\0" * 8)), "contradicts"),
        (riff(form(block=65_535), chunk(b"data", b"\0" * 8)), "contradicts"),
        (riff(form(bits=12, block=1), chunk(b"data", b"\0" * 8)), "contradicts"),
        (riff(form(bits=64), chunk(b"data", b"\0" * 8)), "64 bits"),
        (riff(form(tag=6, bits=16), chunk(b"data", b"\0" * 8)), "alaw samples of 16"),
        (riff(form(tag=17, bits=4, block=1), chunk(b"data", b"\0" * 8)), "IMA ADPCM"),
        (riff(form(tag=49), chunk(b"data", b"\0" * 8)), "GSM"),
        (riff(form(tag=4711), chunk(b"data", b"\0" * 8)), "unknown format 4711"),
    ],
)
def test_what_cannot_be_played_says_why(content: bytes, said: str) -> None:
    with pytest.raises(MediaError, match=said):
        judge(content)


def test_endless_chunks_are_not_followed_for_ever() -> None:
    reads = 0

    def read(offset: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        return (b"RIFF\0\0\0\0WAVE" if offset == 0 else b"junk\0\0\0\0\0\0\0\0")[:length]

    with pytest.raises(MediaError):
        read_wave(read, 1 << 40)
    assert reads < 1000


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_are_taken_for_more_than_they_are(noise: bytes, dressed: bool) -> None:
    content = riff(form(), noise) if dressed else noise
    try:
        found = judge(content)
    except MediaError:
        return
    assert found.frames > 0
    assert found.offset + found.frames * found.frame_bytes <= len(content)


@given(
    tag=st.sampled_from([0, 1, 3, 6, 7, 17, 85, 0xFFFE, 0xFFFF]),
    channels=st.sampled_from([0, 1, 2, 8, 9, 65_535]),
    rate=st.sampled_from([0, 1, 4000, 8000, 192_000, 2**31, 2**32 - 1]),
    block=st.sampled_from([0, 1, 2, 3, 4, 8, 65_535]),
    bits=st.sampled_from([0, 1, 8, 12, 16, 20, 24, 32, 64, 65_535]),
    claimed=st.sampled_from([0, 1, 7, 100, 2**31, 2**32 - 1]),
)
def test_a_header_that_lies_is_refused_or_held_to_the_file(
    tag: int, channels: int, rate: int, block: int, bits: int, claimed: int
) -> None:
    head = chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, 0, block, bits))
    content = riff(head, chunk(b"data", b"\0" * 100, claimed))
    try:
        found = judge(content)
    except MediaError:
        return
    assert found.offset + found.frames * found.frame_bytes <= len(content)
    assert 0 < found.duration_s <= 100 / 4000


def test_the_canonical_header_is_read_by_others() -> None:
    content = canonical_header(3) + b"\1\0\2\0\3\0"
    with wave.open(io.BytesIO(content)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate(), sound.getnframes()) == (
            1,
            2,
            16000,
            3,
        )
    found = judge(content)
    assert found.canonical
    assert found.offset == CANONICAL_HEADER_BYTES
    assert not judge(canonical_header(3, 8000) + content[44:]).canonical
