"""Every command of the API's page, in order, against a running daemon."""

from __future__ import annotations

import re
import subprocess
import wave
from pathlib import Path
from typing import TYPE_CHECKING

from kit.company import company, trunk
from kit.daemon import Daemon
from kit.ports import HOST

if TYPE_CHECKING:
    from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)


def document() -> dict[str, Any]:
    """The company, with Asha and her hours."""
    hours = {"id": "hours", "time_group": "day", "matched": {"type": "hangup"}, "unmatched": {"type": "hangup"}}
    made = company(trunk("pstn", 5999), time_conditions=[hours])
    made["time_groups"] = [{"id": "day", "rules": [{"days": ["mon"]}]}]
    made["agents"].append({"id": "asha", "name": "Asha Rao"})
    return made


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    lines = [line for body in BLOCK.findall(PAGE.read_text(encoding="utf-8")) for line in body.splitlines()]
    assert len(lines) > 15
    script = "\n".join(lines).replace("curl -s ", "curl -sS --fail-with-body ").replace('"7"', '"1"')
    with Daemon(tmp_path, document(), settings={"document": {"sounds_dir": "sounds"}}) as daemon:
        with wave.open(str(daemon.folder / "welcome.wav"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(b"\0\0" * 8000)
        script = script.replace("127.0.0.1:8080", f"{HOST}:{daemon.admin_port}")
        script = script.replace("/tokens/ID", '/tokens/$(sed -n \'s/.*"id":"\\([0-9a-f]*\\)".*/\\1/p\' made)')
        script = script.replace('"expires_in_s": 2592000}\'', '"expires_in_s": 2592000}\' | tee made')
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=daemon.folder, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        said = "\n".join(daemon.program.lines.events)
        made = re.findall(r'"secret":"([^"]+)"', done.stdout)
        assert made
        assert not [one for one in (*made, (daemon.folder / "admin.token").read_text().strip()) if one in said]
        assert (daemon.folder / "back.wav").read_bytes() == (daemon.folder / "welcome.wav").read_bytes()
