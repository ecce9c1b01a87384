"""A document as it was written, changed entry by entry: plain values, without the defaults that nobody wrote.

:func:`read_plain` gives the tree of a text. :func:`redacted` hides its secrets, :func:`keep_plain` puts those of the
version before where ``{"set": true}`` came back. :func:`put_entry`, :func:`remove_entry` and :func:`merge_patch`
(RFC 7396) change it; :func:`write_plain` makes the text. A changed document is JSON: comments and anchors of YAML
do not survive a change of one of its entries. What the result means is judged by whoever compiles it.
"""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec
import yaml

from routerd.config.document import Document
from routerd.config.positions import TextStop, read_tree
from routerd.config.problems import SECRET_KEYS, DocumentErrors, Problems, join
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

Tree = dict[str, Any]

SHOWN: Final[Tree] = {"set": True}
NAMED_BY: Final = {"numbers": "number", "outbound_routes": "prefix", "blocked_callers": "number"}
SINGLE: Final = frozenset({"schema", "account", "destination_policy"})
SECTIONS: Final = tuple(name for name in Document.__struct_fields__ if name not in SINGLE)


def read_plain(text: bytes, source: str) -> Tree:
    """Give the values of a text; raises DocumentErrors when it is no document at all."""
    problems = Problems(source)
    try:
        tree = read_tree(text.decode("utf-8-sig"), source, problems)
    except TextStop as stop:
        raise DocumentErrors([ConfigError(stop.message, line=stop.line, hint=stop.hint, source=source)]) from stop
    except UnicodeDecodeError as error:
        raise DocumentErrors([ConfigError("not UTF-8", hint="save the file as UTF-8", source=source)]) from error
    problems.raise_any()
    if not isinstance(tree, dict):
        raise DocumentErrors([ConfigError("a document is a mapping", source=source)])
    return tree


def read_stored(text: bytes, source: str) -> Tree:
    """Give the values of a text that was judged before: a good one is read faster."""
    if text[:1] == b"{":
        with suppress(msgspec.DecodeError, RecursionError):  # flow YAML begins so, too
            return msgspec.json.decode(text, type=dict[str, Any])
    return read_plain(text, source)


def write_plain(tree: Tree) -> bytes:
    """Give the text of a tree: JSON, one line a value."""
    try:
        return msgspec.json.format(msgspec.json.encode(tree), indent=1) + b"\n"
    except OverflowError:  # an integer that only JSON can hold; whoever judges the text refuses it
        return (json.dumps(tree, indent=1, ensure_ascii=False) + "\n").encode()


def write_yaml(tree: Tree) -> bytes:
    """Give the text of a tree as YAML."""
    written: bytes = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, encoding="utf-8", width=120)
    return written


class _Dumper(yaml.CSafeDumper):
    """Writes no anchors: equal values are written out each time."""

    def ignore_aliases(self, _value: Any) -> bool:
        """Say that nothing is an alias."""
        return True


# -- secrets ---------------------------------------------------------------------------------------------------------


def redacted(tree: Tree) -> Tree:
    """Give a copy in which every secret is ``{"set": true}``, one that stands in clear and a reference alike."""
    shown: Tree = copy.deepcopy(tree)
    _each_secret(shown, "", "", lambda secret, _pointer, _key: secret if secret is None else dict(SHOWN))
    return shown


def keep_plain(new: Tree, old: Tree | None) -> bool:
    """Put the secrets of ``old`` where ``new`` says ``{"set": true}``; whether there was one. Changes ``new``.

    Raises DocumentErrors for each that ``old`` does not have.
    """
    stored: dict[str, Any] = {}
    problems = Problems("")
    found = False

    def remember(secret: Any, _pointer: str, key: str) -> Any:
        stored[key] = secret
        return secret

    def change(secret: Any, pointer: str, key: str) -> Any:
        nonlocal found
        if not (isinstance(secret, dict) and secret.get("set") is True and len(secret) == 1):
            return secret
        found = True
        if stored.get(key) in (None, SHOWN):
            problems.add("no secret is stored to be kept", pointer, f"give the secret of {key}")
            return secret
        return stored[key]

    if old is not None:
        _each_secret(old, "", "", remember)
    _each_secret(new, "", "", change)
    problems.raise_any()
    return found


def _each_secret(value: Any, pointer: str, key: str, change: Callable[[Any, str, str], Any]) -> None:
    """Replace every secret below ``value`` by ``change(secret, pointer, key)``; entries of lists are told by name."""
    if isinstance(value, dict):
        for name, inner in value.items():
            below, named = join(pointer, name), f"{key} {name}".strip()
            if name in SECRET_KEYS and (inner is None or isinstance(inner, str | dict)):
                value[name] = change(inner, below, named)
            elif isinstance(inner, dict | list):
                _each_secret(inner, below, named, change)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            if isinstance(inner, dict | list):
                name = str(inner.get("id", place)) if isinstance(inner, dict) else str(place)
                _each_secret(inner, join(pointer, place), f"{key} {name}", change)


# -- entries ---------------------------------------------------------------------------------------------------------


def entries(tree: Tree, section: str) -> list[Any]:
    """Give the entries of a list of the document; the list itself, for changing."""
    found = tree.get(section)
    if not isinstance(found, list):
        found = tree[section] = []
    return found


def name_of(section: str, entry: Any) -> str | None:
    """Give what an entry is called by."""
    name = entry.get(NAMED_BY.get(section, "id")) if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def place_of(tree: Tree, section: str, name: str) -> int | None:
    """Give where the entry of that name stands; None: there is none."""
    found = tree.get(section)
    listed = found if isinstance(found, list) else []
    return next((place for place, entry in enumerate(listed) if name_of(section, entry) == name), None)


def put_entry(tree: Tree, section: str, name: str, entry: Tree) -> tuple[int, bool]:
    """Put ``entry`` where the one of that name stands, else at the end; its place, and whether it is new.

    An entry that does not say its name gets it; raises DocumentErrors when it says another.
    """
    field = NAMED_BY.get(section, "id")
    entry = {field: name, **entry}
    if entry[field] != name:
        raise DocumentErrors([ConfigError(f"this is {name}", pointer=f"/{field}", hint="a name never changes")])
    place = place_of(tree, section, name)
    listed = entries(tree, section)
    if place is None:
        listed.append(entry)
        return len(listed) - 1, True
    listed[place] = entry
    return place, False


def remove_entry(tree: Tree, section: str, name: str) -> bool:
    """Remove the entry of that name; whether there was one."""
    place = place_of(tree, section, name)
    if place is None:
        return False
    del tree[section][place]
    return True


def merge_patch(target: Any, patch: Any) -> Any:
    """Give ``target`` changed by a JSON merge patch (RFC 7396 §2): null removes, mappings merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    result: Tree = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result
