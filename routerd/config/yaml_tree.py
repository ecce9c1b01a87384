"""YAML text → plain values, within bounds, and with a stricter reading than YAML 1.1.

Theory of operation: the events of libyaml's parser are read one by one, without recursion, so depth, the number of
values, aliases and duplicate keys are judged before anything grows. An alias is replaced by the value it names, and
every value below it counts again towards the budget: an alias bomb ends at ``MAX_VALUES``. Only ``true``/``false``
are booleans, so Norway's ``NO`` stays text; ``10:00``, ``2026-12-25``, ``+9180…`` and ``0123`` without quotes stay
text too, which is what their writers mean in a routing document.

:func:`read_yaml` gives the tree; on failure :func:`locate_yaml` reads again and gives the lines of pointers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from routerd.config.problems import Problems, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_DEPTH: Final = 40
MAX_VALUES: Final = 1_000_000
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,30})\Z")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z")
_CONSTANTS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_TAG: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = frozenset({_TAG + "map", _TAG + "seq", _TAG + "str", "!"})


class YamlStop(Exception):  # noqa: N818 - it stops the reading, after the problem was noted
    """The text cannot be read on; ``line`` says where."""

    def __init__(self, message: str, line: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.hint = hint


class _Open:
    """A collection that is being read."""

    __slots__ = ("anchor", "key", "keyed", "size", "value")

    def __init__(self, value: dict[str, Any] | list[Any], anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key = ""
        self.keyed = False
        self.size = 1


class _Builder:
    """Builds the tree from events; ``duplicates`` lists (pointer, line) of keys that stand twice."""

    def __init__(self) -> None:
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.root: Any = None
        self.documents = 0
        self.values = 0
        self.duplicates: list[tuple[str, int]] = []

    def feed(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._take(_scalar(event, line), 1, event.anchor, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event, line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = self.stack.pop()
            self._take(done.value, done.size, done.anchor, line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise YamlStop("a second YAML document begins here", line, "one account, one document: one file each")

    def _open(self, event: Any, line: int) -> None:
        if event.tag is not None and event.tag not in _PLAIN_TAGS:
            raise YamlStop(f"the tag {event.tag[:60]} is not allowed", line, "plain values only")
        if self.stack and isinstance(self.stack[-1].value, dict) and not self.stack[-1].keyed:
            raise YamlStop("a key must be text", line)
        if len(self.stack) >= MAX_DEPTH:
            raise YamlStop(f"nested deeper than {MAX_DEPTH} levels", line)
        self.stack.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))

    def _alias(self, anchor: str | None, line: int) -> None:
        if anchor is None or anchor not in self.anchors:
            raise YamlStop(f"the alias *{(anchor or '')[:60]} names nothing that is complete", line)
        value, size = self.anchors[anchor]
        self._take(value, size, None, line)

    def _take(self, value: Any, size: int, anchor: str | None, line: int) -> None:
        """Put a finished value where it belongs."""
        self.values += 1
        if anchor is not None:
            self.anchors[anchor] = (value, size)
        if not self.stack:
            self.root = value
            return
        top = self.stack[-1]
        top.size += size
        if top.size + len(self.stack) > MAX_VALUES or self.values > MAX_VALUES:
            raise YamlStop(f"more than {MAX_VALUES} values", line, "aliases count each time they are used")
        if isinstance(top.value, list):
            top.value.append(value)
        elif not top.keyed:
            self._key(top, value, line)
        else:
            top.value[top.key] = value
            top.keyed = False

    def _key(self, top: _Open, key: Any, line: int) -> None:
        if isinstance(key, dict | list):
            raise YamlStop("a key must be text", line)
        text = key if isinstance(key, str) else _key_text(key)
        if text == "<<":
            raise YamlStop("merge keys (<<) are not read", line, "use an alias for a whole value, or write it out")
        if isinstance(top.value, dict) and text in top.value:
            self.duplicates.append((join(self.pointer(), text), line))
        top.key = text
        top.keyed = True

    def pointer(self) -> str:
        """Give the pointer of the innermost open collection."""
        result = ""
        for level in self.stack[:-1]:
            result = join(result, level.key if isinstance(level.value, dict) else len(level.value))
        return result


def _key_text(key: Any) -> str:
    """Give the text of a key that reads as a number or constant: menu options such as ``1:``."""
    if key is None:
        return "null"
    return str(key).lower() if isinstance(key, bool) else str(key)


def _scalar(event: Any, line: int) -> Any:
    """Resolve one scalar; quoted ones are text."""
    if event.tag is not None and event.tag not in _PLAIN_TAGS:
        raise YamlStop(f"the tag {event.tag[:60]} is not allowed", line, "plain values only")
    text: str = event.value
    if event.tag is not None or not event.implicit[0]:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "-0123456789":
        return text
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


def _events(text: str) -> Iterator[Any]:
    """Give the parser's events; its errors become :class:`YamlStop`."""
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlStop(f"not YAML: {error.problem or error.context}", mark.line + 1 if mark else 0) from error
    except yaml.YAMLError as error:
        raise YamlStop(f"not YAML: {str(error).splitlines()[0]}", 0) from error


def read_yaml(text: str, problems: Problems) -> Any:
    """Read the tree; duplicate keys are noted in ``problems``. Raises :class:`YamlStop` when reading cannot go on."""
    builder = _Builder()
    for event in _events(text):
        builder.feed(event)
    for pointer, line in builder.duplicates:
        problems.add("the key stands twice", pointer, "keep one of them")
        if problems.errors:
            problems.errors[-1].line = line
    return builder.root


def locate_yaml(text: str, pointers: Iterable[str]) -> dict[str, int]:
    """Give the 1-based line of each pointer; one inside an alias has the line of its nearest visible ancestor."""
    wanted = set(pointers)
    finder = _Finder()
    for event in _events(text):
        finder.feed(event)
    return {pointer: finder.nearest(pointer) for pointer in wanted}


class _Finder:
    """Follows the events and keeps the line of every pointer."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.stack: list[tuple[str, bool]] = []  # (pointer, is a mapping)
        self.counts: list[int] = []
        self.keys: list[str | None] = []

    def feed(self, event: Any) -> None:
        """Take the next event."""
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()
            self.counts.pop()
            self.keys.pop()
            return
        if not isinstance(event, yaml.NodeEvent):
            return
        line = event.start_mark.line + 1 if event.start_mark else 0
        if self.stack and self.stack[-1][1] and self.keys[-1] is None:
            key = event.value if isinstance(event, yaml.ScalarEvent) else "*"
            self.keys[-1] = key
            self.lines[join(self.stack[-1][0], key)] = line
            return
        pointer = self._next(line)
        if isinstance(event, yaml.CollectionStartEvent):
            self.stack.append((pointer, isinstance(event, yaml.MappingStartEvent)))
            self.counts.append(0)
            self.keys.append(None)

    def _next(self, line: int) -> str:
        """Give the pointer of the value that begins now."""
        if not self.stack:
            self.lines.setdefault("", line)
            return ""
        base, mapping = self.stack[-1]
        if mapping:
            pointer = join(base, self.keys[-1] or "")
            self.keys[-1] = None
            return pointer
        pointer = join(base, self.counts[-1])
        self.counts[-1] += 1
        self.lines[pointer] = line
        return pointer

    def nearest(self, pointer: str) -> int:
        """Give the line of ``pointer`` or of its nearest known ancestor."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)
