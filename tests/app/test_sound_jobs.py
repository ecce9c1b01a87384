from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from routerd.app import sound_jobs
from routerd.app.sound_jobs import Job, do_all

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def tone(path: Path) -> Job:
    subprocess.run(["sox", "-n", "-r", "8000", "-b", "16", str(path), "synth", "0.2", "sine", "440"], check=True)
    return Job(target=str(path.with_suffix(".made")), source=str(path))


def test_each_job_has_its_answer(tmp_path: Path) -> None:
    good, other = tone(tmp_path / "a.wav"), tone(tmp_path / "b.wav")
    bad = Job(target=str(tmp_path / "c.made"), source=str(tmp_path / "c.wav"))
    assert do_all([], tmp_path) == []
    assert do_all([good, bad, other], tmp_path) == [None, "No such file or directory", None]
    assert sorted(path.name for path in tmp_path.glob("*.made")) == ["a.made", "b.made"]
    assert (tmp_path / "a.made").stat().st_mode & 0o777 == 0o600


def test_the_job_that_a_child_dies_of_is_blamed_and_the_others_are_done(tmp_path: Path) -> None:
    killer = tmp_path / "killer"
    killer.write_text('#!/bin/sh\nkill -9 "$PPID"\n')
    killer.chmod(0o700)
    jobs = [
        tone(tmp_path / "a.wav"),
        Job(target=str(tmp_path / "b.made"), text="x", program=str(killer)),
        tone(tmp_path / "c.wav"),
    ]
    first, second, third = do_all(jobs, tmp_path)
    assert (first, third) == (None, None)
    assert second is not None
    assert "exit status -9" in second


def test_a_child_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o700)
    monkeypatch.setattr(sound_jobs, "JOB_S", 1.5)
    assert do_all([Job(target=str(tmp_path / "a"), text="x", program=str(slow))], tmp_path) == [
        "the sound could not be made: it took too long"
    ]


def test_a_child_knows_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERD_SECRET_TRUNK", "hush")
    told = tmp_path / "told"
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\nenv > {told}\nexit 1\n")
    spy.chmod(0o700)
    assert do_all([Job(target=str(tmp_path / "a"), text="x", program=str(spy))], tmp_path) == [
        "espeak-ng: exit status 1"
    ]
    assert "hush" not in told.read_text()
    assert f"PATH={os.environ['PATH']}" in told.read_text()
