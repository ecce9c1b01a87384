"""SIPVicious as it is used against servers: it finds out that we are there, no extension, and no password."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.company import company
from kit.daemon import Daemon
from kit.options import ask
from kit.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EXTENSION = "2001"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("scanned"), company(), digest=("MD5",)) as running:
        yield running


def attack(tool: str, folder: Path, *arguments: str) -> str:
    """Run one of the tools; what it printed."""
    program = Path(sys.executable).with_name(f"sipvicious_{tool}")
    if not program.exists():
        pytest.skip(f"{program.name} is not installed")
    done = subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_scan_finds_a_server(daemon: Daemon, tmp_path: Path) -> None:
    heard = attack("svmap", tmp_path, "-p", str(daemon.port), "-b", HOST, HOST)
    assert f"{HOST}:{daemon.port}" in heard, heard
    assert ask(daemon.port, 1.0) == 200


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
def test_no_extension_is_found(daemon: Daemon, tmp_path: Path, method: str) -> None:
    scan = ("-p", str(daemon.port), "-b", HOST, "-m", method, "-e", "1990-2010", "--force")
    heard = attack("svwar", tmp_path, *scan, HOST)
    rows = [line for line in heard.splitlines() if line.startswith("| ")][1:]
    found = {row.split("|")[1].strip() for row in rows}
    # all or nobody: what exists is not told from what does not
    assert not found or len(found) == 21, heard
    assert ask(daemon.port, 1.0) == 200


def crack(daemon: Daemon, folder: Path, words: Sequence[str]) -> str:
    """Guess at the extension's password with these words."""
    (folder / "words.txt").write_text("\n".join(words) + "\n")
    arguments = ("-p", str(daemon.port), "-b", HOST, "-u", EXTENSION, "-d", str(folder / "words.txt"))
    return attack("svcrack", folder, *arguments, "--domain", "acme.test", "--maximumtime", "3", HOST)


def test_a_password_is_found_among_the_first_but_not_behind_thirty(tmp_path: Path) -> None:
    """The first run shows that the tool works; in the second it is shut out before it comes to the right one."""
    with Daemon(tmp_path, company(), digest=("MD5",)) as daemon:
        heard = crack(daemon, tmp_path, ["wrong", "secret"])
        assert "secret" in heard, heard
        heard = crack(daemon, tmp_path, [f"wrong{number}" for number in range(30)] + ["secret"])
        assert "secret" not in heard, heard
        assert ask(daemon.port, 0.5) != 200
