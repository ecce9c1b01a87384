"""What one document says otherwise than another, by meaning: entries added, removed and changed, field by field.

Two texts that mean the same (YAML and JSON, defaults written out or left out) do not differ. Secrets are never shown.
:func:`differences` compares documents as :func:`routerd.config.load.read_document` gives them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routerd.config.document import Document

ADDED, REMOVED, CHANGED, REORDERED = "added", "removed", "changed", "reordered"
_KEYS: Final = {"numbers": ("number",), "outbound_routes": ("prefix",), "blocked_callers": ("number", "prefix")}
_SECRETS: Final = frozenset({"password", "pin"})
_HIDDEN: Final = "(secret)"
_LONGEST: Final = 120


class FieldChange(msgspec.Struct, frozen=True):
    """A field (``caller_ids.mode``) and what it said; of lists only what was taken away and what was put in."""

    field: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.field}: {self.before} → {self.after}"


class Difference(msgspec.Struct, frozen=True):
    """An entry of a section (``agents``, ``asha``) that was added, removed, changed; or a section in another order."""

    section: str
    name: str
    what: str
    fields: tuple[FieldChange, ...] = ()


def differences(old: Document | None, new: Document) -> list[Difference]:
    """Return what ``new`` says otherwise than ``old`` (None: everything is new), in the order of the document."""
    before: dict[str, Any] = {} if old is None else _plain(old)
    after = _plain(new)
    found: list[Difference] = []
    for section in new.__struct_fields__:
        one, other = before.get(section), after.get(section)
        if isinstance(one, list) or isinstance(other, list):
            found += _of_list(section, _named(section, one or []), _named(section, other or []))
        else:
            found += _of_single(section, one, other)
    return found


def _plain(document: Document) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return plain


def _named(section: str, entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give the entries by name; one that stands twice is told apart by its place among its namesakes."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name = next((str(entry[key]) for key in _KEYS.get(section, ("id",)) if entry.get(key) is not None), "")
        place = 2
        unique = name
        while unique in found:
            unique = f"{name} ({place})"
            place += 1
        found[unique] = entry
    return found


def _of_list(section: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    for name, entry in after.items():
        if name not in before:
            yield Difference(section, name, ADDED)
        elif before[name] != entry:
            changes = tuple(_changes(before[name], entry))
            if changes:
                yield Difference(section, name, CHANGED, changes)
    for name in before:
        if name not in after:
            yield Difference(section, name, REMOVED)
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield Difference(section, "", REORDERED)


def _of_single(section: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if before is None or after is None:
        yield Difference(section, "", ADDED if before is None else REMOVED)
    elif isinstance(before, dict):
        changes = tuple(_changes(before, after))
        if changes:
            yield Difference(section, "", CHANGED, changes)
    else:
        yield Difference(section, "", CHANGED, (FieldChange(section, _text(before), _text(after)),))


def _changes(before: dict[str, Any], after: dict[str, Any], above: str = "") -> Iterator[FieldChange]:
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        field = above + name
        if one == other:
            continue
        if name in _SECRETS:
            yield FieldChange(field, _HIDDEN if one is not None else "none", _HIDDEN if other is not None else "none")
        elif isinstance(one, dict) and isinstance(other, dict):
            yield from _changes(one, other, field + ".")
        elif isinstance(one, list) and isinstance(other, list):
            yield _of_values(field, one, other)
        else:
            yield FieldChange(field, _text(one), _text(other))


def _of_values(field: str, before: list[Any], after: list[Any]) -> FieldChange:
    gone = [value for value in before if value not in after]
    come = [value for value in after if value not in before]
    if not gone and not come:  # another order, or another number of the same
        gone, come = before, after
    return FieldChange(field, _text(gone), _text(come))


def _text(value: Any) -> str:
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value if isinstance(value, str) else msgspec.json.encode(_masked(value)).decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _HIDDEN if name in _SECRETS else _masked(part) for name, part in value.items()}
    return [_masked(part) for part in value] if isinstance(value, list) else value
