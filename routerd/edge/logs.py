"""Log lines: structlog, bound and filtered; JSON for machines, coloured lines for a terminal; no secret gets through.

Nothing here is called on the hot path: the switch speaks by notes, and ``NoteLog`` writes at most one line a second
for each reason, with how often it was said.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

SECRET_KEY = re.compile(r"password|secret|token|authorization|credential|ha1|private_key", re.IGNORECASE)
SECRET_IN_TEXT = re.compile(
    r"""((?:password|secret|token|response|nonce|cnonce)\s*[=:]\s*)("[^"]*"|[^\s,;"]+)|(\bBearer\s+)\S+""",
    re.IGNORECASE,
)
HIDDEN = "***"
MOST_REASONS = 200
ALARMING = "exception"  # a bug that the switch has caught


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog processor: hide values under secret names, and digest or bearer credentials within texts."""
    for key, value in event.items():
        if SECRET_KEY.search(key):
            event[key] = HIDDEN
        elif isinstance(value, str):
            event[key] = SECRET_IN_TEXT.sub(lambda found: (found[1] or found[3]) + HIDDEN, value)
    return event


def configure(process: str, *, json: bool, level: str = "info") -> None:
    """Set up logging of this process, once, to standard error; ``process`` stands on every line."""
    renderer: Any = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


def logger(module: str) -> Any:
    """Give a logger that says ``module`` on every line; made before :func:`configure`, it obeys it all the same."""
    return structlog.get_logger(module=module)


class NoteLog:
    """Gathers notes between two ``flush`` calls and writes one line a reason; our own bugs go to ``alarm``."""

    __slots__ = ("_alarm", "_said", "_write")

    def __init__(self, write: Callable[..., None], alarm: Callable[..., None]) -> None:
        self._write = write
        self._alarm = alarm
        self._said: dict[str, tuple[int, str]] = {}

    def hear(self, reason: str, detail: str) -> None:
        """Take one note."""
        said = self._said.get(reason)
        if said is not None:
            self._said[reason] = (said[0] + 1, said[1])
        elif len(self._said) < MOST_REASONS:
            self._said[reason] = (1, detail)

    def flush(self) -> None:
        """Write what was gathered; call it once a second."""
        if self._said:
            said, self._said = self._said, {}
            for reason, (times, detail) in said.items():
                write = self._alarm if reason == ALARMING else self._write
                write("note", reason=reason, times=times, detail=detail)
