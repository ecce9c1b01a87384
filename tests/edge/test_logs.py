from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from routerd.edge.logs import HIDDEN, NoteLog, redact


@pytest.mark.parametrize("key", ["password", "auth_token", "secret", "Authorization", "ha1"])
def test_values_under_secret_names_are_hidden(key: str) -> None:
    assert redact(None, "info", {key: "asha-demo", "user": "2001"}) == {key: HIDDEN, "user": "2001"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('Digest username="2001", response="0a1b", uri="sip:a"', 'Digest username="2001", response=***, uri="sip:a"'),
        ("Authorization refused: Bearer abc.def", "Authorization refused: Bearer ***"),
        ("password=hunter2 next", "password=*** next"),
        ("a plain line", "a plain line"),
    ],
)
def test_credentials_within_texts_are_hidden(text: str, shown: str) -> None:
    assert redact(None, "info", {"event": text})["event"] == shown


def test_a_reason_said_often_is_one_line() -> None:
    lines: list[dict[str, Any]] = []
    notes = NoteLog(lambda _, **facts: lines.append(facts), lambda *_, **__: None)
    for number in range(500):
        notes.hear("malformed", f"datagram {number}")
    notes.hear("merged", "")
    notes.flush()
    notes.flush()
    assert lines == [
        {"reason": "malformed", "times": 500, "detail": "datagram 0"},
        {"reason": "merged", "times": 1, "detail": ""},
    ]


def test_a_bug_of_ours_is_said_louder() -> None:
    said: list[str] = []
    notes = NoteLog(lambda _, **__: said.append("info"), lambda _, **__: said.append("error"))
    notes.hear("exception", "Traceback …")
    notes.hear("malformed", "")
    notes.flush()
    assert said == ["error", "info"]


def test_reasons_are_bounded() -> None:
    lines: list[str] = []
    notes = NoteLog(lambda _, **facts: lines.append(facts["reason"]), lambda *_, **__: None)
    for number in range(10_000):
        notes.hear(str(number), "")
    notes.flush()
    assert len(lines) == 200


def test_json_lines_bear_process_and_module() -> None:
    program = (
        "from routerd.edge import logs; log = logs.logger('edge.x'); logs.configure('sip', json=True, level='warning');"
        "log.info('unheard'); log.warning('heard', password='p')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    said = json.loads(line)
    assert (said["event"], said["process"], said["module"], said["password"]) == ("heard", "sip", "edge.x", HIDDEN)
