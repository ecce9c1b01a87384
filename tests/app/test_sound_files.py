from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest

from routerd.admin_api.problems import Problem
from routerd.app.sound_files import keep_file, read_file
from routerd.app.sounds import SoundLibrary


def silence(seconds: float) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * int(8000 * seconds))
    return out.getvalue()


def test_a_file_is_named_by_its_content_and_never_changes(tmp_path: Path) -> None:
    first = keep_file(str(tmp_path), "acme", "welcome", silence(0.5))
    assert first == keep_file(str(tmp_path), "acme", "welcome", silence(0.5))
    second = keep_file(str(tmp_path), "acme", "welcome", silence(1))
    assert first != second
    library = SoundLibrary(str(tmp_path))
    assert read_file(library, "acme", first) == silence(0.5)
    assert read_file(library, "acme", second) == silence(1)
    assert sorted(path.name for path in (tmp_path / "acme").iterdir()) == sorted([first, second])
    with pytest.raises(Problem):
        read_file(library, "beta", first)


@pytest.mark.parametrize("name", ["../../x", ".hidden", "a+b@c", "..", "-x"])
def test_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    kept = keep_file(str(tmp_path), "acme", name, silence(0.1))
    assert Path(kept).name == kept
    assert not kept.startswith((".", "-"))
    assert (tmp_path / "acme" / kept).is_file()


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    for content, folder, status in ((b"x", str(tmp_path), 422), (silence(0.1), "", 409), (silence(1300), "", 409),
                                    (silence(1300), str(tmp_path), 422)):  # fmt: skip
        with pytest.raises(Problem) as refused:
            keep_file(folder, "acme", "a", content)
        assert refused.value.status == status
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem) as refused:
        keep_file(str(tmp_path / "file"), "acme", "a", silence(0.1))
    assert refused.value.status == 409
