"""What the static analysis says: findings, and the list into which every check notes them."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Severity = Literal["error", "warning", "info"]
SEVERITIES: Final = ("error", "warning", "info")
MAX_FINDINGS: Final = 2000


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding: ``code`` for programs, ``message`` and ``hint`` for people, ``pointer`` and ``line`` say where."""

    code: str
    severity: Severity
    pointer: str
    message: str
    hint: str = ""
    line: int = 0


class Findings:
    """Collects findings, at most ``MAX_FINDINGS``."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def error(self, code: str, pointer: str, message: str, hint: str = "") -> None:
        """Note what will fail."""
        self._add(code, "error", pointer, message, hint)

    def warning(self, code: str, pointer: str, message: str, hint: str = "") -> None:
        """Note what will probably surprise."""
        self._add(code, "warning", pointer, message, hint)

    def info(self, code: str, pointer: str, message: str, hint: str = "") -> None:
        """Note what has no effect."""
        self._add(code, "info", pointer, message, hint)

    def _add(self, code: str, severity: Severity, pointer: str, message: str, hint: str) -> None:
        if len(self.found) < MAX_FINDINGS:
            self.found.append(Finding(code=code, severity=severity, pointer=pointer, message=message, hint=hint))
