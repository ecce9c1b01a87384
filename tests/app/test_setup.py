from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from routerd.app.setup import (
    READY_DESCRIPTOR,
    SETUP_FILE,
    ControlSetup,
    MediaSetup,
    Setup,
    SipSetup,
    read_setup,
    tell_ready,
    write_setup,
)
from routerd.b2bua.settings import Listener, MediaEngine, SwitchSettings

if TYPE_CHECKING:
    from pathlib import Path

SETUP = Setup(
    control=ControlSetup("/s.db", ("/a.yaml",), "", "/sounds", ("127.0.0.1", 8080), "/token"),
    sip=SipSetup(
        SwitchSettings(
            (Listener("udp", "::1", 5060, "x.test", ("MD5",), (("10.0.0.0/8", "10.0.0.5"),)),),
            (MediaEngine("a", False),),
        ),
        (("127.0.0.1", 2223),),
    ),
    media=MediaSetup(("127.0.0.1", 2223), "127.0.0.1", ("203.0.113.5",), (20000, 20010)),
)


def test_what_is_written_is_read_and_ours_alone(tmp_path: Path) -> None:
    write_setup(SETUP, tmp_path / "run")
    assert read_setup(tmp_path / "run") == SETUP
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "run" / SETUP_FILE).stat().st_mode & 0o777 == 0o600


def test_rubbish_is_refused(tmp_path: Path) -> None:
    (tmp_path / SETUP_FILE).write_bytes(b"rubbish")
    with pytest.raises(msgspec.DecodeError):
        read_setup(tmp_path)


def test_ready_is_told_once(monkeypatch: Any) -> None:
    reading, writing = os.pipe()
    monkeypatch.setenv(READY_DESCRIPTOR, str(writing))
    tell_ready()
    tell_ready()
    assert os.read(reading, 100) == b"ready\n"
    assert os.read(reading, 100) == b""
    os.close(reading)
