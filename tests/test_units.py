"""The systemd units: systemd itself finds them well-formed and hardened (no systemd is booted here)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from routerd.config.settings import MediaSettings, RunSettings

ROOT = Path(__file__).resolve().parents[1]
UNITS = sorted((ROOT / "systemd").glob("*.service"))
MOST_EXPOSED = 2.0  # of 10; what systemd calls "OK"


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_unit_is_well_formed(unit: Path, tmp_path: Path) -> None:
    for each in UNITS:  # they name each other; the program lies elsewhere on a machine that has it
        text = re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", each.read_text(), flags=re.MULTILINE)
        (tmp_path / each.name).write_text(text)
    done = analyze("verify", "--man=no", str(tmp_path / unit.name))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_unit_is_hardened(unit: Path) -> None:
    done = analyze("security", "--offline=yes", str(unit))
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert level is not None, done.stderr
    assert float(level[1]) <= MOST_EXPOSED, done.stdout


def test_the_daemon_has_time_to_drain() -> None:
    text = (ROOT / "systemd" / "routerd.service").read_text()
    stop = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) > RunSettings().drain_s + 10


PR_SET_MDWE = 65
NEEDED = (  # what the media process and its libraries make memory executable for, if anything
    "import uvloop, numpy, G722, pylibsrtp\n"
    "from routerd.media_worker.dtls import Dtls, Identity\n"
    "Dtls(Identity.make())\n"
)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_engine_may_do_what_the_unit_denies(unit: Path) -> None:
    """Both units may run the media process: routerd.service starts one where the other unit is not enabled."""
    denied = re.search(r"^MemoryDenyWriteExecute=(yes|true|1|on)$", unit.read_text(), re.MULTILINE)
    deny = f"import ctypes; assert not ctypes.CDLL(None).prctl({PR_SET_MDWE}, 1, 0, 0, 0)\n" if denied else ""
    done = subprocess.run(
        [sys.executable, "-c", deny + NEEDED], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_both_units_share_the_folders_of_recordings_and_messages() -> None:
    texts = [unit.read_text() for unit in UNITS]
    for key in ("User", "Group", "StateDirectory", "WorkingDirectory", "UMask"):
        assert len({re.search(rf"^{key}=(.*)$", text, re.MULTILINE)[1] for text in texts}) == 1, key  # type: ignore[index]
    relative = [MediaSettings().recordings_dir, MediaSettings().voicemail_dir]
    assert not [path for path in relative if Path(path).is_absolute()], "below WorkingDirectory, which is writable"
