from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kit.ports import free_port
from routerd.cli.demo import decision

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The shipped settings and demo company, at free ports."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    settings = tmp_path / "conf" / "routerd.toml"
    sip, control, admin = free_port(), free_port(), free_port()
    first = 46_000 + os.getpid() % 300 * 20
    text = settings.read_text()
    for old, new in (
        (":5060", f":{sip}"),
        (":2223", f":{control}"),
        (":8080", f":{admin}"),
        ("[20000, 29999]", f"[{first}, {first + 19}]"),
    ):
        assert old in text
        text = text.replace(old, new)
    settings.write_text(text)
    return tmp_path


def command(*more: str) -> list[str]:
    return [sys.executable, "-m", "routerd.cli.main", "demo", "--settings", "conf/routerd.toml", *more]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "100"}


def play(site: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*more), cwd=site, env=environment(), capture_output=True, text=True, timeout=90, check=False
    )


def test_one_real_call_and_its_story_for_programs(site: Path) -> None:
    done = play(site, "--once", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    story = json.loads(done.stdout)
    assert story["failure"] is None
    messages = [(row["from"], row["message"]) for row in story["ladder"]]
    assert ("trunk pstn", "INVITE +918069651170") in messages
    assert ("routerd", "401 Unauthorized (REGISTER)") in messages
    assert ("phone 2001", "200 OK (INVITE)") in messages
    assert ("routerd", "BYE 2001") in messages
    assert messages.index(("phone 2001", "180 Ringing (INVITE)")) < messages.index(("routerd", "180 Ringing (INVITE)"))
    record = story["record"]
    assert (record["outcome"], record["answered_by"], record["ended_by"]) == ("answered", "extension:2001", "caller")
    assert 0.9 <= record["duration_s"] < 3
    assert any(line.startswith("agent asha (number): available") for line in story["decision"])
    assert min(story["audio"].values()) > 20  # a second of 20 ms packets, both ways through the relay


def test_it_stays_up_until_ctrl_c_and_leaves_no_store(site: Path) -> None:
    with subprocess.Popen(command(), cwd=site, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Stop: Ctrl-C" in line:
                break
        assert process.poll() is None, said
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    for words in ("asha-demo-2001", "Ladder", "──▶ INVITE +918069651170", "◀── 200 OK (BYE)", "Decision", "gate 10"):
        assert words in said
    assert re.search(r"outcome +answered", said)
    assert sorted(path.name for path in site.iterdir()) == ["admin.token", "conf"]


def test_a_company_without_such_a_number_is_wrong_input(site: Path) -> None:
    document = site / "conf" / "demo.yaml"
    text = document.read_text()
    assert "destination: {type: agent, id: asha}" in text
    document.write_text(
        text.replace("destination: {type: agent, id: asha}", "destination: {type: voicemail, id: general}")
    )
    done = play(site, "--once")
    assert done.returncode == 2
    assert "nothing was started" in done.stderr
    assert "at any hour" in done.stderr


def test_wrong_settings_start_nothing(site: Path) -> None:
    (site / "conf" / "routerd.toml").write_text("[sip]\nlisten = 5060\n")
    done = play(site)
    assert done.returncode == 2
    assert "/sip/listen" in done.stderr


def test_a_trace_from_json_reads_as_the_live_one() -> None:
    gates: list[Any] = ["number", None, ["enabled", True, None, None, None, False, [0, 1]],
                        [[["extension", "extension:2001", None], ["number", "+919000000001", None]]]]  # fmt: skip
    entry = ["agent", "asha", gates, None]
    lines = decision({"trace": [entry]})
    assert lines[0] == "agent asha (number): available"
    assert lines[-1] == "  gate 10 ring plan: [extension:2001, +919000000001] → passed"
    assert decision({}) == []
