from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = ("sqlite3", "_sqlite3", "aiosqlite", "argon2", "yaml", "tomllib", "litestar", "uvicorn", "phonenumbers")
FORBIDDEN_OURS = ("routerd.config.load", "routerd.config.document", "routerd.config.settings", "routerd.store")


def test_the_sip_process_loads_nothing_that_can_hold_its_loop() -> None:
    program = "import sys, routerd.app.child, routerd.app.sip, routerd.b2bua.switch\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    assert "routerd.b2bua.switch" in loaded
    assert not loaded & {*FORBIDDEN, *FORBIDDEN_OURS}


def test_no_library_of_the_store_is_mapped_in_the_running_process(site: Any) -> None:
    site.start()
    mapped = " ".join(region.path for region in psutil.Process(site.child("sip").pid).memory_maps())
    assert "uvloop" in mapped
    assert "sqlite" not in mapped
    stored = " ".join(region.path for region in psutil.Process(site.child("control").pid).memory_maps())
    assert "sqlite" in stored
