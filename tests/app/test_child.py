from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from routerd.app import child

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import os, signal, subprocess, sys
script = '''
import os, signal
from routerd.app.child import end_with_parent
end_with_parent(os.getppid())
print(os.getpid(), flush=True)
signal.pause()
'''
inner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
print(inner.stdout.readline(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_ends_with_its_parent_however_that_ends() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    if psutil.pid_exists(pid):
        psutil.Process(pid).wait(10)
    assert not psutil.pid_exists(pid)


def test_a_child_whose_parent_is_gone_already_ends_at_once() -> None:
    program = "from routerd.app.child import end_with_parent; end_with_parent(1 << 21); print('lived')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


def test_every_role_has_its_function() -> None:
    assert set(child.ROLES) == {"sip", "control", "media"}


def test_a_child_without_a_setup_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        child.main(["sip", str(tmp_path), str(os.getppid())])
