from __future__ import annotations

import os
from pathlib import Path

import pytest
from media_kit.studio import write_tone

from routerd.errors import MediaError
from routerd.media_worker.prompt_files import PromptFiles


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_one_prompt_for_all_who_hear_it_in_one_codec(tmp_path: Path) -> None:
    files, path = PromptFiles(), write_tone(tmp_path / "a.wav", 440, 0.5)
    first = files.open(path, "PCMA", 20)
    assert files.open(path, "PCMA", 20) is first
    assert files.open(path, "PCMU", 20) is not first
    assert files.open(path, "PCMA", 30) is not first
    assert files.reopen(first, "PCMU", 20).name == "PCMU"
    assert len(files) == 3


def test_a_file_that_was_replaced_is_read_anew_and_the_old_one_plays_to_its_end(tmp_path: Path) -> None:
    files, path = PromptFiles(), write_tone(tmp_path / "a.wav", 440, 1.0)
    old = files.open(path, "PCMA", 20)
    beginning = old.payload(0)
    other = write_tone(tmp_path / "b.wav", 1000, 0.5)
    Path(other).replace(path)
    new = files.open(path, "PCMA", 20)
    assert (new.count, old.count) == (25, 50)
    assert new.payload(3) != old.payload(3)
    assert beginning == old.payload(0)
    assert old.payload(49) is not None
    Path(path).unlink()
    assert new.payload(24) is not None
    with pytest.raises(MediaError, match="No such file"):
        files.open(path, "PCMA", 20)


def test_what_is_unused_longest_goes_first(tmp_path: Path) -> None:
    files = PromptFiles(idle_bytes=9000)
    paths = [write_tone(tmp_path / f"{number}.wav", 440, 0.5) for number in range(4)]
    prompts = [files.open(path, "PCMA", 20) for path in paths]
    for prompt in prompts:
        assert prompt.payload(24) is not None
        files.release(prompt)
    assert len(files) == 2
    assert files.open(paths[3], "PCMA", 20) is prompts[3]
    assert files.open(paths[0], "PCMA", 20) is not prompts[0]


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    before = open_files()
    files = PromptFiles(idle_bytes=1000)
    junk = tmp_path / "junk.wav"
    junk.write_bytes(b"RIFF" + bytes(100))
    paths = [write_tone(tmp_path / f"{number}.wav", 440, 3.0) for number in range(5)]
    for path in paths:
        prompt = files.open(path, "PCMA", 20)
        prompt.payload(120)
        files.release(prompt)
        for wrong in (str(junk), str(tmp_path), "/dev/null", "a.wav"):
            with pytest.raises(MediaError):
                files.open(wrong, "PCMA", 20)
    whole = files.open(paths[0], "PCMA", 20)
    assert whole.payload(149) is not None
    files.release(whole)
    assert open_files() == before
    files.open(paths[1], "PCMA", 20)
    files.close()
    assert (open_files(), len(files)) == (before, 0)


def test_a_file_that_becomes_unreadable_ends_there(tmp_path: Path) -> None:
    files, path = PromptFiles(), write_tone(tmp_path / "a.wav", 440, 3.0)
    prompt = files.open(path, "PCMA", 20)
    assert prompt.payload(0) is not None
    os.truncate(path, 1000)
    assert prompt.payload(149) is None
    assert prompt.is_whole
