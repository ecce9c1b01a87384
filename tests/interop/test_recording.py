"""Calls of real phones are recorded: each voice in its column, pauses left out, full disks, lost engines survived."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

from kit.api import Api
from kit.baresip import Baresip
from kit.company import company
from kit.daemon import Daemon
from kit.program import wait_until
from kit.stereo import Stereo
from kit.talk import ALICE, BOB, Talk
from kit.tone import wait_heard, write_tone

ANNOUNCEMENT = 1000
SECOND_BYTES = 4 * 8000


def recorded_company(announcement: str | None = "recorded") -> dict[str, Any]:
    document = company(sounds=[{"id": "recorded", "file": "recorded.wav"}])
    document["account"]["recording"] = {"calls": "all", "announcement": announcement}
    return document


def studio(folder: Path, announcement: str | None = "recorded") -> Daemon:
    """A daemon that records all calls, after one second of a tone."""
    sounds = folder / "routerd" / "conf" / "sounds"
    sounds.mkdir(parents=True)
    write_tone(sounds / "recorded.wav", ANNOUNCEMENT, seconds=1)
    return Daemon(folder, recorded_company(announcement))


def phones(folder: Path, daemon: Daemon, alice_codecs: str = "pcma") -> tuple[Baresip, Baresip]:
    return (
        Baresip(folder, "2001", server=daemon.port, frequency=ALICE, codecs=alice_codecs),
        Baresip(folder, "2002", server=daemon.port, frequency=BOB),
    )


def wait_recorded(folder: Path, seconds: float, parts: int = 1) -> Path:
    """Until the newest recording that goes on has so many seconds; its path."""
    found = wait_until(
        lambda: sorted((folder / "routerd" / "recordings").rglob("*.part"), key=lambda path: path.stat().st_mtime),
        lambda paths: len(paths) >= parts and paths[-1].stat().st_size >= SECOND_BYTES * seconds,
        30,
        f"{seconds} s of recording",
    )
    newest: Path = found[-1]
    return newest


def test_left_and_right_after_the_announcement(tmp_path: Path) -> None:
    with studio(tmp_path) as daemon:
        alice, bob = phones(tmp_path, daemon)
        with alice, bob:
            talk = Talk(daemon, alice, bob)
            for phone in (alice, bob):
                wait_heard(phone.recordings, ANNOUNCEMENT, seconds=0.8)
            wait_recorded(tmp_path, 3)
            said = talk.hang_up()["recording"]
    assert (said["failed"], said["left"]) == (None, "caller")
    file = Path(said["file"])
    assert (file.stat().st_size, file.stat().st_mode & 0o777) == (said["size_bytes"], 0o600)
    sound = Stereo(file)
    assert abs(sound.seconds - said["duration_s"]) < 0.1
    sound.assert_column(0, ALICE, at_least_s=sound.seconds - 0.7, never=(BOB, ANNOUNCEMENT))
    sound.assert_column(1, BOB, at_least_s=sound.seconds - 0.7, never=(ALICE, ANNOUNCEMENT))


def test_a_pause_is_left_out_and_the_file_is_heard_by_the_api(tmp_path: Path) -> None:
    with studio(tmp_path, None) as daemon:
        alice, bob = phones(tmp_path, daemon)
        with alice, bob:
            talk = Talk(daemon, alice, bob)
            api = Api(daemon)
            (call,) = api.get("/calls")["calls"]
            order = f"/calls/{call['id']}/recording"
            part = wait_recorded(tmp_path, 2)
            api.order("PUT", order, {"recording": "paused"})
            began = time.monotonic()
            talk.assert_alive(2.5)
            written = part.stat().st_size
            api.order("PUT", order, {"recording": "on"})
            paused_s = time.monotonic() - began
            wait_recorded(tmp_path, written / SECOND_BYTES + 1)
            record = talk.hang_up()
            said = record["recording"]
            heard = api.file(f"/recordings/{record['id']}")
    assert abs(said["paused_s"] - paused_s) < 1, said
    talked_s = record["duration_s"] - said["paused_s"]
    assert abs(said["duration_s"] - talked_s) < 1, record
    assert heard == Path(said["file"]).read_bytes()
    sound = Stereo(Path(said["file"]))
    assert abs(sound.seconds - said["duration_s"]) < 0.1
    sound.assert_column(0, ALICE, at_least_s=sound.seconds - 1, never=(BOB,))


def test_the_disk_is_full_and_the_call_goes_on(tmp_path: Path) -> None:
    """The limit on file sizes is a full disk that a test can have without being root."""
    with studio(tmp_path, None) as daemon:
        alice, bob = phones(tmp_path, daemon)
        with alice, bob:
            resource.prlimit(daemon.child("media"), resource.RLIMIT_FSIZE, (3 * SECOND_BYTES, resource.RLIM_INFINITY))
            talk = Talk(daemon, alice, bob)
            wait_until(lambda: daemon.metric("sip_dropped_total", 'reason="recording_failed"'), bool, 30, "a failure")
            talk.assert_alive(2)
            record = talk.hang_up()
    said = record["recording"]
    assert record["outcome"] == "answered"
    assert said["failed"], said
    sound = Stereo(Path(said["file"]))
    assert sound.seconds >= 2
    sound.assert_column(0, ALICE, at_least_s=1)


def test_the_engine_dies_and_recording_goes_on_in_another_file(tmp_path: Path) -> None:
    with studio(tmp_path) as daemon:
        alice, bob = phones(tmp_path, daemon)
        with alice, bob:
            talk = Talk(daemon, alice, bob)
            left = wait_recorded(tmp_path, 4)
            daemon.kill_child("media")
            talk.assert_alive(1)
            wait_recorded(tmp_path, 2, parts=2)
            said = talk.hang_up()["recording"]
    assert said["failed"] == "the media engine was lost"
    assert [Path(part["file"]) for part in said["parts"]] == [left, Path(said["parts"][1]["file"])]
    for part in said["parts"]:
        sound = Stereo(Path(part["file"]))
        assert sound.seconds >= 2  # also what the killed engine left can be played
        sound.assert_column(0 if part["left"] == "caller" else 1, ALICE, at_least_s=1, never=(BOB, ANNOUNCEMENT))
