from __future__ import annotations

import stat
import wave
from typing import TYPE_CHECKING

import pytest

from routerd.media_worker.wav_file import HEADER_BYTES, WavFile, free_bytes

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> tuple[int, int, bytes]:
    with wave.open(str(path)) as sound:
        return sound.getnchannels(), sound.getframerate(), sound.readframes(1 << 20)


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "2026" / "11" / "call.wav"
    assert free_bytes(str(path)) > 0
    made = WavFile(str(path), 2, 8000)
    made.append(b"\1\0\2\0" * 100)
    assert not path.exists()
    made.finish()
    assert read(path) == (2, 8000, b"\1\0\2\0" * 100)
    assert made.frames == 100
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_process_leaves_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    made = WavFile(str(path), 1, 16000)
    made.append(b"\1\0" * 50)
    made.refresh()
    made.append(b"\2\0" * 50)
    assert read(tmp_path / "call.wav.part") == (1, 16000, b"\1\0" * 50)
    made.finish()
    assert read(path)[2] == b"\1\0" * 50 + b"\2\0" * 50


def test_the_end_can_be_cut(tmp_path: Path) -> None:
    made = WavFile(str(tmp_path / "m.wav"), 1, 8000)
    made.append(b"\1\0" * 50)
    made.truncate(60)
    assert made.frames == 50
    made.truncate(10)
    made.append(b"\3\0")
    made.finish()
    assert read(tmp_path / "m.wav")[2] == b"\1\0" * 10 + b"\3\0"
    assert (tmp_path / "m.wav").stat().st_size == made.file_bytes == HEADER_BYTES + 22


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        free_bytes(str(tmp_path / "file" / "x.wav"))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "x.wav.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        WavFile(str(tmp_path / "x.wav"), 1, 8000)


def test_a_full_disk_leaves_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    made = WavFile(str(path), 2, 8000)
    made.append(b"\1\0\2\0" * 10)
    made._file.write(b"\1")  # a block of which the disk took one byte
    made.abandon()
    assert read(path)[2] == b"\1\0\2\0" * 10


def test_no_more_than_the_header_can_say(tmp_path: Path) -> None:
    made = WavFile(str(tmp_path / "call.wav"), 1, 8000)
    made.size_bytes = (1 << 32) - 100
    with pytest.raises(OSError, match="4 GiB"):
        made.append(bytes(200))
    made.size_bytes = 0
    made.finish()
