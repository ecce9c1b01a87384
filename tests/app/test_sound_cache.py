from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from routerd.app.documents import DocumentReader
from routerd.app.sound_cache import UNUSED_S, VERSIONS_KEPT, SoundCache
from routerd.media.wave_format import canonical_header, read_wave

if TYPE_CHECKING:
    from pathlib import Path

    from routerd.rules.tables import AccountTables


def wav(frames: int, rate_hz: int = 16_000) -> bytes:
    return canonical_header(frames, rate_hz) + b"\1\0" * frames


@pytest.fixture
def cache(tmp_path: Path) -> SoundCache:
    made = SoundCache(tmp_path / "deep" / "cache")
    made.open()
    return made


def tables_of(cache: SoundCache, sounds: Path, version: int, content: bytes) -> AccountTables:
    (sounds / "a.wav").write_bytes(content)
    text = "schema: 1\naccount: {id: acme, name: Acme, country: IN}\nsounds: [{id: a, file: a.wav}]\n"
    return DocumentReader("", str(sounds), str(cache.folder)).tables(text.encode(), "acme.yaml", version)


def age(cache: SoundCache, seconds: float) -> None:
    for path in cache.folder.iterdir():
        os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def test_it_is_for_its_owner_only(cache: SoundCache) -> None:
    assert cache.folder.stat().st_mode & 0o777 == 0o700


def test_only_whole_files_of_the_one_form_are_playable(cache: SoundCache) -> None:
    (cache.folder / "good.wav").write_bytes(wav(8000))
    (cache.folder / "short.wav").write_bytes(wav(8000)[:-2])
    (cache.folder / "other.wav").write_bytes(wav(8000, 8000))
    (cache.folder / "empty.wav").write_bytes(b"")
    (cache.folder.parent / "outside.wav").write_bytes(wav(8000))
    assert cache.length("good.wav") == 0.5
    for name in ("short.wav", "other.wav", "empty.wav", "none.wav", "../outside.wav"):
        assert cache.length(name) is None


def test_a_recording_in_the_right_form_is_taken_as_it_is(cache: SoundCache, tmp_path: Path) -> None:
    sound = wav(100)
    source = tmp_path / "source.wav"
    source.write_bytes(sound[:36] + b"LIST\4\0\0\0abcd" + sound[36:])
    content = source.read_bytes()
    kind = read_wave(lambda offset, length: content[offset : offset + length], len(content))
    cache.take("a.wav", source, kind)
    assert (cache.folder / "a.wav").read_bytes() == sound
    assert [path.name for path in cache.folder.iterdir()] == ["a.wav"]


def test_what_no_late_version_plays_is_removed(cache: SoundCache, tmp_path: Path) -> None:
    files = []
    for version in range(1, VERSIONS_KEPT + 3):
        tables = tables_of(cache, tmp_path, version, wav(100 + version))
        files.append(tables.sounds["a"].path)
        cache.keep([tables])
        age(cache, 2 * UNUSED_S)
    (cache.folder / ".making-x").write_bytes(b"left by a crash")
    (cache.folder / ".spoken-x").mkdir()
    age(cache, 2 * UNUSED_S)
    fresh = tables_of(cache, tmp_path, 0, wav(50)).sounds["a"].path  # of a document that is not in force
    cache.keep([tables])
    left = {str(path) for path in cache.folder.iterdir()}
    assert left == {*files[-VERSIONS_KEPT:], fresh, str(cache.folder / "uses.json")}
    assert cache.used_by("acme", tables.version) == {"a": files[-1].rpartition("/")[2]}
    assert cache.used_by("acme", 1) == {}


def test_a_spoilt_note_of_uses_is_begun_anew(cache: SoundCache, tmp_path: Path) -> None:
    (cache.folder / "uses.json").write_text("{nonsense")
    tables = tables_of(cache, tmp_path, 4, wav(10))
    cache.keep([tables])
    assert list(cache.used_by("acme", 4)) == ["a"]


def test_a_cache_that_was_never_opened_keeps_nothing(tmp_path: Path) -> None:
    SoundCache(tmp_path / "none").keep([])
    assert not (tmp_path / "none").exists()
