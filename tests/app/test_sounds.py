from __future__ import annotations

import os
import stat
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from routerd.app import sounds as module
from routerd.app.documents import DocumentReader, errors_of
from routerd.app.sounds import SoundLibrary, cache_of
from routerd.config.load import read_document
from routerd.config.problems import Problems
from routerd.errors import ConfigError
from routerd.media.wave_format import canonical_header

HEAD = "schema: 1\naccount: {id: acme, name: Acme, country: IN}\nsounds:\n"


class Place:
    """Two folders, and documents with the given lines of sounds."""

    def __init__(self, folder: Path) -> None:
        self.sounds = folder / "sounds"
        self.cache = folder / "cache"
        self.sounds.mkdir()

    def tables(self, *lines: str, version: int = 0) -> Any:
        text = HEAD + "".join(f"  - {line}\n" for line in lines)
        return DocumentReader("", str(self.sounds), str(self.cache)).tables(text.encode(), "acme.yaml", version)

    def refused(self, *lines: str) -> list[ConfigError]:
        with pytest.raises(ConfigError) as caught:
            self.tables(*lines)
        return errors_of(caught.value)

    def tone(self, name: str, *form: str, length: str = "0.5") -> Path:
        path = self.sounds / name
        path.parent.mkdir(exist_ok=True)
        subprocess.run(
            ["sox", "-n", *(form or ("-r", "8000", "-b", "16")), str(path), "synth", length, "sine", "440"], check=True
        )
        return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def no_children(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []

    def do_all(jobs: list[Any], _folder: Path) -> list[None]:
        seen.extend(jobs)
        return [None] * len(jobs)

    monkeypatch.setattr(module, "do_all", do_all)
    return seen


def test_files_and_texts_become_files_to_be_played(place: Place) -> None:
    place.tone("welcome.wav")
    place.tone("stereo.wav", "-r", "44100", "-b", "24", "-c", "2")
    made = place.tables(
        "{id: a, file: welcome.wav}", "{id: b, file: stereo.wav}", "{id: c, text: Please hold the line.}",
        "{id: d, text: Please hold the line., voice: en-gb}", "{id: e, file: welcome.wav, duration_s: 9}",
    ).sounds  # fmt: skip
    assert made["a"].duration_s == pytest.approx(0.5, abs=0.001)
    assert made["b"].duration_s == pytest.approx(0.5, abs=0.001)
    assert 0.7 < made["c"].duration_s < 3
    assert made["e"].duration_s == 9
    assert made["a"].path == made["e"].path
    assert made["c"].path != made["d"].path
    for sound in made.values():
        path = Path(sound.path)
        assert path.is_absolute()
        assert path.parent == place.cache
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.cache.stat().st_mode) == 0o700


def test_the_accounts_voice_speaks_what_names_none(place: Place, no_children: list[Any]) -> None:
    text = (
        HEAD.replace("country: IN", "country: IN, voice: de")
        + "  - {id: a, text: Hallo}\n  - {id: b, text: Hi, voice: en}\n"
    )
    with pytest.raises(ConfigError):  # nobody has spoken them
        DocumentReader("", "", str(place.cache)).tables(text.encode(), "acme.yaml", 0)
    assert [(job.text, job.voice) for job in no_children] == [("Hallo", "de"), ("Hi", "en")]


def test_nothing_is_made_twice(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ("{id: a, file: welcome.wav}", "{id: b, text: Hello.}", "{id: c, text: Hello.}")
    batches: list[int] = []
    do_all = module.do_all

    def counted(jobs: Any, folder: Path) -> Any:
        batches.append(len(jobs))
        return do_all(jobs, folder)

    monkeypatch.setattr(module, "do_all", counted)
    place.tone("welcome.wav")
    first = place.tables(*lines).sounds
    assert place.tables(*lines).sounds == first
    assert place.tables(*lines, "{id: d, file: welcome.wav}").sounds["d"].path == first["a"].path
    assert batches == [2, 0, 0]


def test_a_file_that_changes_is_made_anew_and_the_old_one_stays(place: Place) -> None:
    path = place.tone("welcome.wav")
    before = place.tables("{id: a, file: welcome.wav}").sounds["a"]
    place.tone("welcome.wav", length="0.7")
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))
    after = place.tables("{id: a, file: welcome.wav}").sounds["a"]
    assert after.path != before.path
    assert after.duration_s == pytest.approx(0.7, abs=0.001)
    assert Path(before.path).is_file()


def test_what_is_spoilt_in_the_cache_is_made_again(place: Place) -> None:
    place.tone("welcome.wav")
    before = place.tables("{id: a, file: welcome.wav}").sounds["a"]
    content = Path(before.path).read_bytes()
    Path(before.path).write_bytes(content[: len(content) // 2])
    assert place.tables("{id: a, file: welcome.wav}").sounds["a"] == before
    assert Path(before.path).read_bytes() == content


def test_the_accounts_own_folder_comes_first(place: Place) -> None:
    place.tone("welcome.wav")
    place.tone("acme/welcome.wav", length="0.9")
    assert place.tables("{id: a, file: welcome.wav}").sounds["a"].duration_s == pytest.approx(0.9, abs=0.001)


def test_every_wrong_file_is_refused_with_its_place_and_a_hint(place: Place) -> None:
    (place.sounds / "mp3.wav").write_bytes(b"ID3\4" + b"\0" * 100)
    (place.sounds / "cut.wav").write_bytes(place.tone("whole.wav").read_bytes()[:-100])
    place.tone("gsm.wav", "-r", "8000", "-e", "gsm-full-rate")
    (place.sounds / "folder.wav").mkdir()
    os.mkfifo(place.sounds / "pipe.wav")
    errors = place.refused(
        "{id: a, file: none.wav}", "{id: b, file: mp3.wav}", "{id: c, file: cut.wav}", "{id: d, file: gsm.wav}",
        "{id: e, file: folder.wav}", "{id: f, file: pipe.wav}", "{id: g, file: whole.wav}",
    )  # fmt: skip
    said = [(error.pointer, error.line, error.message) for error in errors]
    assert [(pointer, line) for pointer, line, _ in said] == [(f"/sounds/{i}/file", 4 + i) for i in range(6)]
    words = ["no file", "MP3", "cut short", "GSM", "not a file", "not a file"]
    for (_, _, message), word in zip(said, words, strict=True):
        assert word in message
    assert "sounds_dir" in errors[0].hint
    assert all("A-law" in error.hint for error in errors[1:])
    assert {error.source for error in errors} == {"acme.yaml"}


def test_nothing_outside_of_the_folder_is_read(place: Place, tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(canonical_header(10) + b"\0" * 20)
    (place.sounds / "link.wav").symlink_to(secret)
    (place.sounds / "loop.wav").symlink_to(place.sounds / "loop.wav")
    (place.sounds / "acme").symlink_to(tmp_path)
    (place.sounds / "inside.wav").symlink_to(place.tone("real.wav"))
    errors = place.refused(
        "{id: a, file: link.wav}", "{id: b, file: loop.wav}", "{id: c, file: secret.wav}", "{id: d, file: inside.wav}"
    )
    assert [error.pointer for error in errors] == ["/sounds/0/file", "/sounds/1/file", "/sounds/2/file"]
    assert "outside" in errors[0].message
    assert "outside" in errors[2].message
    for name in ("../secret.wav", "/etc/passwd", "acme/secret.wav", "..", "a\\0b"):
        assert place.refused(f"{{id: a, file: '{name}'}}")[0].pointer == "/sounds/0/file"


def test_what_is_too_large_or_too_long_is_refused_before_it_is_read(place: Place) -> None:
    with (place.sounds / "large.wav").open("wb") as file:
        file.write(canonical_header(1))
        file.truncate(module.MAX_FILE_BYTES + 1)  # sparse
    with (place.sounds / "long.wav").open("wb") as file:
        frames = int(module.MAX_SOUND_S + 1) * 16_000
        file.write(canonical_header(frames))
        file.truncate(44 + 2 * frames)
    errors = place.refused("{id: a, file: large.wav}", "{id: b, file: long.wav}")
    assert [word in error.message for word, error in zip(("bytes", "lasts 1201 s"), errors, strict=True)] == [
        True,
        True,
    ]
    assert list(place.cache.iterdir()) == []


def test_texts_without_a_speaker(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = place.tables("{id: a, text: Known.}").sounds["a"]
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    assert place.tables("{id: a, text: Known.}").sounds["a"] == spoken
    (error,) = place.refused("{id: a, text: Known.}", "{id: b, text: New.}")
    assert (error.pointer, error.line) == ("/sounds/1/text", 5)
    assert "espeak-ng is not installed" in error.message
    assert "apt install espeak-ng" in error.hint


def test_a_voice_that_does_not_exist(place: Place) -> None:
    (error,) = place.refused("{id: a, text: Hello., voice: klingonese}")
    assert error.pointer == "/sounds/0/text"
    assert "voice" in error.message
    assert place.refused("{id: a, text: Hello., voice: --help}")[0].pointer == "/sounds/0/voice"


def test_a_document_in_force_goes_on_when_its_sources_are_gone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place.tone("welcome.wav")
    lines = ("{id: a, file: welcome.wav}", "{id: b, text: Hello there.}")
    tables = place.tables(*lines, version=3)
    SoundLibrary("", str(place.cache)).keep([tables])
    path.unlink()
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    assert place.tables(*lines, version=3).sounds == tables.sounds
    assert place.refused(*lines)[0].pointer == "/sounds/0/file"  # a new document is judged by what is there
    with pytest.raises(ConfigError):
        place.tables(*lines, version=4)


def test_recordings_that_are_others_than_those_in_force(place: Place) -> None:
    path = place.tone("welcome.wav")
    lines = ("{id: a, file: welcome.wav}", "{id: b, text: Hello there.}")
    text = (HEAD + "".join(f"  - {line}\n" for line in lines)).encode()
    library = SoundLibrary(str(place.sounds), str(place.cache))
    document = read_document(text, source="acme.yaml")
    assert not library.changed(document)  # nothing is in force
    library.keep([place.tables(*lines, version=3)])
    assert not library.changed(document)
    place.tone("welcome.wav", length="0.6")
    assert library.changed(document)
    library.keep([place.tables(*lines, version=3)])
    assert not library.changed(document)
    path.write_bytes(b"spoilt")
    assert not library.changed(document)
    path.unlink()
    assert not library.changed(document)
    assert not SoundLibrary(str(place.sounds)).changed(document)


def test_without_a_cache_files_are_judged_and_measured_only(place: Place, no_children: list[Any]) -> None:
    place.tone("welcome.wav")
    reader = DocumentReader("", str(place.sounds))
    text = HEAD + "  - {id: a, file: welcome.wav}\n  - {id: b, text: Hello.}\n"
    made = reader.tables(text.encode(), "acme.yaml", 0).sounds
    assert (made["a"].duration_s, made["a"].path) == (0.5, "")
    assert (made["b"].duration_s, made["b"].path) == (0.0, "")
    with pytest.raises(ConfigError):
        reader.tables(text.replace("welcome", "none").encode(), "acme.yaml", 0)
    assert DocumentReader("", "").tables(text.encode(), "acme.yaml", 0).sounds["a"].duration_s == 0
    assert no_children == []


def test_lengths_that_are_known(place: Place) -> None:
    place.tone("welcome.wav")
    text = (
        HEAD
        + "  - {id: a, file: welcome.wav}\n  - {id: b, text: Hi.}\n  - {id: c, file: no.wav}\n  - {id: d, text: New.}\n"
    )
    document = read_document(text.encode(), source="acme.yaml")
    library = SoundLibrary(str(place.sounds), str(place.cache))
    assert library.measure(document) == {"a": 0.5}
    spoken = place.tables("{id: b, text: Hi.}").sounds["b"].duration_s
    assert library.measure(document) == {"a": 0.5, "b": spoken}


def test_a_cache_that_cannot_be_made(place: Place, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    (error,) = place.refused("{id: a, text: Hello.}")
    assert error.pointer == "/sounds"


def test_many_at_once_make_the_same_files(place: Place) -> None:
    place.tone("welcome.wav")
    found: list[Any] = []

    def make() -> None:
        found.append(place.tables("{id: a, file: welcome.wav}", "{id: b, text: Hello.}").sounds)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert all(each == found[0] for each in found)
    assert len(list(place.cache.glob("*.wav"))) == 2
    assert list(place.cache.glob(".*")) == []


def test_the_demo_company_needs_no_child_and_no_speaker(place: Place, no_children: list[Any]) -> None:
    conf = Path(__file__).resolve().parents[2] / "conf"
    reader = DocumentReader("", str(conf / "sounds"), str(place.cache))
    sounds = reader.tables((conf / "demo.yaml").read_bytes(), "demo.yaml", 0).sounds
    assert {"welcome", "music", "leave_a_message"} <= sounds.keys()
    assert all(Path(sound.path).is_file() and sound.duration_s > 0.5 for sound in sounds.values())
    assert {f"{name}.wav" for name in sounds} == {path.name for path in (conf / "sounds").iterdir()}
    assert no_children == []


def test_the_cache_lies_beside_the_store() -> None:
    assert cache_of("/var/lib/routerd/routerd.db") == "/var/lib/routerd/sounds-cache"
    assert cache_of("") == ""


def test_problems_of_a_library_without_a_folder_are_none() -> None:
    problems = Problems("x")
    SoundLibrary("").judge(read_document((HEAD + "  - {id: a, file: no.wav}\n").encode(), source="x"), problems)
    assert problems.errors == []
