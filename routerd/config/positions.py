"""Text → plain values and the lines of pointers, for JSON (here) and YAML (:mod:`routerd.config.yaml_tree`).

Lines are looked up only for the pointers that are wanted, in a second pass: a good document pays nothing for them,
and in a bad one the parts without a fault are skipped at the speed of the C scanner.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from json.decoder import scanstring  # type: ignore[attr-defined]  # the scanner's own string reader, public by name
from typing import TYPE_CHECKING, Any, Final

from routerd.config.problems import Problems, join, split
from routerd.config.yaml_tree import YamlStop, locate_yaml, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPACE: Final = " \t\r\n"
_SURROGATE: Final = re.compile(r"\\u[dD][89abAB]|\\u[dD][c-fC-F]")


class TextStop(Exception):  # noqa: N818 - the text cannot be read at all
    """The text is neither JSON nor YAML; ``line`` says where reading ended."""

    def __init__(self, message: str, line: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.hint = hint


def is_json(text: str, source: str) -> bool:
    """Tell JSON from YAML: by the source's name, else by the first character."""
    lower = source.lower()
    if lower.endswith((".yaml", ".yml")):
        return False
    return lower.endswith(".json") or text.lstrip(_SPACE)[:1] in ("{", "[")


def read_tree(text: str, source: str, problems: Problems) -> Any:
    """Read text into plain values, noting duplicate keys. Raises :class:`TextStop` when it cannot be read."""
    if is_json(text, source):
        return _read_json(text, problems)
    try:
        return read_yaml(text, problems)
    except YamlStop as stop:
        raise TextStop(stop.message, stop.line, stop.hint) from stop


def locate(text: str, source: str, pointers: Iterable[str]) -> dict[str, int]:
    """Give the 1-based line of each pointer (a missing key: of its parent); nothing when the text cannot be read."""
    if is_json(text, source):
        return _Locator(text, pointers).run()
    try:
        return locate_yaml(text, pointers)
    except YamlStop:
        return {}


def has_duplicates(text: str) -> bool:
    """Say whether any object of a JSON text has a key twice; keeps nothing of the values."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        if len({key for key, _ in pairs}) != len(pairs):
            found = True

    json.loads(text, object_pairs_hook=look)
    return found


class _Duplicate(dict[str, Any]):
    """An object in which keys stand twice; ``keys_twice`` names them."""

    keys_twice: tuple[str, ...] = ()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    marked = _Duplicate(result)
    counts = Counter(key for key, _ in pairs)
    marked.keys_twice = tuple(key for key, count in counts.items() if count > 1)
    return marked


def _read_json(text: str, problems: Problems) -> Any:
    try:
        tree = json.loads(text, object_pairs_hook=_pairs)
    except json.JSONDecodeError as error:
        raise TextStop(f"not JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise TextStop("nested too deep") from error
    except ValueError as error:  # an integer of thousands of digits
        raise TextStop(f"not JSON: {error}") from error
    _refuse_half_pairs(text, tree)
    _note_duplicates(tree, problems)
    return tree


def _refuse_half_pairs(text: str, tree: Any) -> None:
    """Stop at an escaped half of a surrogate pair: JSON lets it pass, and it is no text at all."""
    found = _SURROGATE.search(text)
    if found is None:
        return
    try:
        json.dumps(tree, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, found.start()) + 1
        raise TextStop("not JSON: half a surrogate pair", line, "write the character itself") from error
    except RecursionError as error:
        raise TextStop("nested too deep") from error


def _note_duplicates(tree: Any, problems: Problems) -> None:
    todo: list[tuple[str, Any]] = [("", tree)] if isinstance(tree, dict | list) else []
    while todo:
        pointer, value = todo.pop()
        if isinstance(value, _Duplicate):
            for key in value.keys_twice:
                problems.add("the key stands twice", join(pointer, key), "keep one of them")
        items = value.items() if isinstance(value, dict) else enumerate(value)
        todo.extend((join(pointer, key), item) for key, item in items if isinstance(item, dict | list) and item)


class _Locator:
    """Finds the lines of pointers in a text that is JSON, descending only towards them."""

    def __init__(self, text: str, pointers: Iterable[str]) -> None:
        self.text = text
        self.skip = json.JSONDecoder().raw_decode
        self.trie: dict[str, Any] = {}
        self.wanted = list(pointers)
        for pointer in self.wanted:
            node = self.trie
            for part in split(pointer):
                node = node.setdefault(part, {})
        self.lines: dict[str, int] = {}
        self.line = 1
        self.counted = 0

    def run(self) -> dict[str, int]:
        self._value(self._blank(0), self.trie, "")
        return {pointer: self._nearest(pointer) for pointer in self.wanted}

    def _nearest(self, pointer: str) -> int:
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)

    def _note(self, pointer: str, at: int) -> None:
        self.line += self.text.count("\n", self.counted, at)
        self.counted = at
        self.lines[pointer] = self.line

    def _blank(self, at: int) -> int:
        text = self.text
        while at < len(text) and text[at] in _SPACE:
            at += 1
        return at

    def _value(self, at: int, trie: dict[str, Any], pointer: str) -> int:
        """Read the value at ``at``; return where it ends."""
        if pointer not in self.lines:
            self._note(pointer, at)
        if trie and self.text[at] == "{":
            return self._object(at + 1, trie, pointer)
        if trie and self.text[at] == "[":
            return self._array(at + 1, trie, pointer)
        return int(self.skip(self.text, at)[1])

    def _object(self, at: int, trie: dict[str, Any], pointer: str) -> int:
        at = self._blank(at)
        while self.text[at] != "}":
            key, end = scanstring(self.text, at + 1, True)
            value_at = self._blank(self._blank(end) + 1)
            if key in trie:
                below = join(pointer, key)
                self._note(below, at)
                at = self._value(value_at, trie[key], below)
            else:
                at = int(self.skip(self.text, value_at)[1])
            at = self._comma(at)
        return at + 1

    def _array(self, at: int, trie: dict[str, Any], pointer: str) -> int:
        at = self._blank(at)
        index = 0
        while self.text[at] != "]":
            below = trie.get(str(index))
            at = int(self.skip(self.text, at)[1]) if below is None else self._value(at, below, join(pointer, index))
            at = self._comma(at)
            index += 1
        return at + 1

    def _comma(self, at: int) -> int:
        at = self._blank(at)
        return self._blank(at + 1) if self.text[at] == "," else at
