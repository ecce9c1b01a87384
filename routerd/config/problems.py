"""What goes wrong while reading documents and settings: all errors at once, and the words for them."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, Final

from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_PROBLEMS: Final = 1000
MAX_CANDIDATES: Final = 1000
SECRET_KEYS: Final = frozenset({"password", "pin"})  # whose values are never shown


class DocumentErrors(ConfigError):  # noqa: N818 - it is many errors
    """All that is wrong with one document or settings file; ``errors`` holds each with pointer, line and hint."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        first = errors[0]
        count = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(
            first.message + count, pointer=first.pointer, line=first.line, hint=first.hint, source=first.source
        )
        self.errors = tuple(errors)


class Problems:
    """Collects errors while a document is read; lines are filled in when they are known."""

    __slots__ = ("broken", "errors", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.errors: list[ConfigError] = []
        self.broken: set[str] = set()

    def close_shape(self) -> None:
        """Say that what follows is about meaning: nothing more is noted of values that were unreadable already."""
        for error in self.errors:
            pointer = error.pointer
            while pointer.count("/") > 2 and pointer not in self.broken:
                self.broken.add(pointer)
                pointer = pointer.rpartition("/")[0]

    def add(self, message: str, pointer: str, hint: str = "") -> None:
        """Note one error; beyond ``MAX_PROBLEMS`` they are dropped, so hostile input stays bounded."""
        if not self.full and pointer not in self.broken:
            self.errors.append(ConfigError(message, pointer=pointer, hint=hint, source=self.source))

    @property
    def full(self) -> bool:
        """Whether as many errors are noted as anybody will read: looking for more is a waste."""
        return len(self.errors) >= MAX_PROBLEMS

    def place(self, lines: dict[str, int]) -> None:
        """Fill in the lines by pointer and bring the errors into the order of the source."""
        for error in self.errors:
            error.line = lines.get(error.pointer, error.line)
        self.errors.sort(key=lambda error: error.line)

    def raise_any(self) -> None:
        """Raise :class:`DocumentErrors` when there is an error."""
        if self.errors:
            raise DocumentErrors(self.errors)


def join(pointer: str, key: str | int) -> str:
    """Append ``key`` to a JSON pointer (RFC 6901 §3)."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def split(pointer: str) -> list[str]:
    """Take a JSON pointer apart into its unescaped parts (RFC 6901 §4)."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give a hint such as ``did you mean "asha"?``, or an empty one."""
    candidates = [name for _, name in zip(range(MAX_CANDIDATES), known, strict=False)]
    close = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    if candidates and len(candidates) <= 12:
        return "known: " + ", ".join(sorted(candidates))
    return ""


def show(value: Any) -> str:
    """Show a wrong value shortly and safely."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, int) else _integer(value)
    return text if len(text) <= 60 else text[:57] + '…"'


def _integer(value: int) -> str:
    """Show an integer; one of hostile length has no decimal form (int_max_str_digits)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if value.bit_length() < 256 else "a huge number"
