"""What jobs are told and what they answer: plain values between the control process and its children."""

from __future__ import annotations

from typing import Any

import msgspec


class Task(msgspec.Struct, frozen=True, tag=True):
    """Base of the tasks: a document's text, and what its errors call it."""

    text: bytes
    source: str


class Plan(Task, frozen=True):
    """What the text would change for ``account``, and the calls of so many days before ``at`` (UTC seconds)."""

    account: str
    store: str
    sounds_dir: str
    days: float
    at: float


class Replay(Task, frozen=True):
    """Recorded calls of ``account`` decided again by the text: those of the days before ``at``, or the one ``call``."""

    account: str
    store: str
    sounds_dir: str
    days: float
    at: float
    call: str = ""


class Simulate(Task, frozen=True):
    """A scenario played by the text."""

    scenario: bytes


class Wrong(msgspec.Struct, frozen=True):
    """One error of a document or a scenario."""

    message: str
    pointer: str
    line: int
    hint: str


class Outcome(msgspec.Struct, frozen=True):
    """What came of a task: a result, or every error; ``missing`` says that a call or the store is not there."""

    result: Any = None
    errors: list[Wrong] = []
    missing: str = ""
