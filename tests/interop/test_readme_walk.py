"""Every fenced command of the README in an empty folder, to the first call and the first changed route."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UP = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 0x41))"  # SIOCSIFFLAGS: up and running
)


def test_the_readme_from_its_first_command_to_its_last(tmp_path: Path) -> None:
    folder = tmp_path / "routerd"
    folder.mkdir()
    walk = f'{sys.executable} -c "{UP}" && exec {sys.executable} -m kit.readme_walk {ROOT} {folder}'
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", walk],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests' / 'interop'}:{ROOT}"},
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
