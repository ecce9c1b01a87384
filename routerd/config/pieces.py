"""The slow pass: a tree of plain values → a struct, piece by piece, with every error instead of the first.

It runs only when the fast decoder has refused the text. A piece that is wrong is noted and replaced by its default
(or by a blank that no check takes for real), so that references and meaning can still be judged in the same run.
"""

from __future__ import annotations

import types
import typing
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec

from routerd.config.fields import EXPLANATIONS
from routerd.config.problems import SECRET_KEYS, did_you_mean, join, show

if TYPE_CHECKING:
    from routerd.config.problems import Problems

_NOUNS: Final[dict[Any, str]] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
_FIELDS: Final[dict[type[Any], dict[str, tuple[str, Any, msgspec.structs.FieldInfo]]]] = {}  # read once a type


def build(tree: Any, kind: type[Any], problems: Problems) -> Any:
    """Convert ``tree`` into the struct ``kind``; errors go to ``problems``, what was wrong is repaired."""
    return _Pieces(problems).value(tree, kind, "")


def field_types(kind: type[Any]) -> dict[str, tuple[str, Any, msgspec.structs.FieldInfo]]:
    """Give the fields of a struct by their names in documents: (attribute, type with limits, field)."""
    known = _FIELDS.get(kind)
    if known is None:
        hints = typing.get_type_hints(kind, include_extras=True)
        known = {field.encode_name: (field.name, hints[field.name], field) for field in msgspec.structs.fields(kind)}
        _FIELDS[kind] = known
    return known


def bare_type(kind: Any) -> Any:
    """Give the type within ``Annotated``."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def constraints_of(kind: Any) -> list[msgspec.Meta]:
    """Give the constraints of an annotated type, the inner ones first."""
    if get_origin(kind) is not Annotated:
        return []
    inner, *extras = get_args(kind)
    return [*constraints_of(inner), *(extra for extra in extras if isinstance(extra, msgspec.Meta))]


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


class _Pieces:
    """One slow pass."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def value(self, value: Any, kind: Any, pointer: str) -> Any:
        """Convert one value of any type; always returns something of that type."""
        bare = bare_type(kind)
        origin = get_origin(bare)
        if _is_struct(bare):
            return self._struct(value, bare, pointer)
        if origin in (Union, types.UnionType):
            return self._union(value, bare, pointer)
        if origin is tuple:
            return self._list(value, kind, get_args(bare)[0], pointer)
        if origin is dict:
            return self._mapping(value, kind, get_args(bare), pointer)
        if origin is Literal:
            return self._literal(value, get_args(bare), pointer)
        return self._leaf(value, kind, pointer)

    def _struct(self, value: Any, kind: type[Any], pointer: str) -> Any:
        if not isinstance(value, dict):
            self.problems.add(f"expected a mapping, found {show(value)}", pointer, _keys_hint(kind))
            return blank(kind)
        with suppress(msgspec.ValidationError, OverflowError, RecursionError):
            return msgspec.convert(value, kind)  # most parts of a wrong document are right
        known = field_types(kind)
        for key in value:
            if key not in known:
                self._unknown(key, known, pointer)
        made: dict[str, Any] = {}
        for key, (attribute, field_kind, field) in known.items():
            if key in value:
                made[attribute] = self._field(value[key], field_kind, field, join(pointer, key))
            elif field.required:
                self.problems.add(f'"{key}" is missing', pointer or "", f"{_describe(field_kind)} is required here")
                made[attribute] = blank(field_kind)
        return kind(**made)

    def _unknown(self, key: str, known: Any, pointer: str) -> None:
        free = f"known: {', '.join(known)}" if len(known) <= 12 else ""
        self.problems.add(f'unknown key "{key[:80]}"', join(pointer, key), did_you_mean(key, known) or free)

    def _field(self, value: Any, kind: Any, field: msgspec.structs.FieldInfo, pointer: str) -> Any:
        before = len(self.problems.errors)
        result = self.value(value, kind, pointer)
        simple = not _is_struct(bare_type(kind)) and get_origin(bare_type(kind)) not in (tuple, dict)
        if len(self.problems.errors) > before and simple and field.default is not msgspec.NODEFAULT:
            return field.default
        return result

    def _union(self, value: Any, kind: Any, pointer: str) -> Any:
        members = get_args(kind)
        if value is None and type(None) in members:
            return None
        rest = [member for member in members if member is not type(None)]
        structs = [member for member in rest if _is_struct(bare_type(member))]
        others = [member for member in rest if not _is_struct(bare_type(member))]
        if isinstance(value, dict) and structs:
            return self.value(value, structs[0], pointer)
        lists = [member for member in others if get_origin(bare_type(member)) is tuple]
        if isinstance(value, list) and lists:
            return self.value(value, lists[0], pointer)
        return self.value(value, others[0] if others else structs[0], pointer)

    def _list(self, value: Any, kind: Any, item: Any, pointer: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            self.problems.add(f"expected a list, found {show(value)}", pointer, "a list stands in [ ]")
            return ()
        if not self._sized(len(value), kind, pointer):
            return ()
        result = []
        for index, element in enumerate(value):
            if self.problems.full:
                break
            result.append(self.value(element, item, join(pointer, index)))
        return tuple(result)

    def _mapping(self, value: Any, kind: Any, args: tuple[Any, ...], pointer: str) -> dict[Any, Any]:
        if not isinstance(value, dict):
            self.problems.add(f"expected a mapping, found {show(value)}", pointer)
            return {}
        if not self._sized(len(value), kind, pointer):
            return {}
        return {
            self._leaf(key, args[0], join(pointer, key)): self.value(element, args[1], join(pointer, key))
            for key, element in value.items()
        }

    def _sized(self, size: int, kind: Any, pointer: str) -> bool:
        for meta in constraints_of(kind):
            if meta.max_length is not None and size > meta.max_length:
                self.problems.add(f"{size} entries: at most {meta.max_length} are allowed", pointer)
                return False
            if meta.min_length is not None and size < meta.min_length:
                self.problems.add(f"{size} entries: at least {meta.min_length} must stand here", pointer)
                return False
        return True

    def _literal(self, value: Any, words: tuple[Any, ...], pointer: str) -> Any:
        if any(value == word and type(value) is type(word) for word in words):
            return value
        choice = ", ".join(str(word) for word in words)
        hint = did_you_mean(value, [str(word) for word in words]) if isinstance(value, str) else ""
        self.problems.add(f"{show(value)} is not one of: {choice}", pointer, hint if hint.startswith("did") else "")
        return ""

    def _leaf(self, value: Any, kind: Any, pointer: str) -> Any:
        try:
            return msgspec.convert(value, kind)
        except (msgspec.ValidationError, OverflowError) as error:
            self.problems.add(*_explain(value, kind, pointer, str(error)))
        except RecursionError:
            self.problems.add("nested too deep", pointer)
        return str(value) if bare_type(kind) is str and isinstance(value, str | int) else blank(kind)


def _explain(value: Any, kind: Any, pointer: str, error: str) -> tuple[str, str, str]:
    """Say in a person's words what msgspec says of one value: (message, pointer, hint)."""
    bare = bare_type(kind)
    hidden = not SECRET_KEYS.isdisjoint(pointer.split("/")[-2:])  # what stands there is never shown
    shown = "what stands here" if hidden else show(value)
    if bare is str and not isinstance(value, str):
        quoted = isinstance(value, int | float) and not isinstance(value, bool)
        hint = "put it in quotes" + ("" if hidden else f': "{shown}"')
        return f"expected text, found {'something else' if hidden else shown}", pointer, hint if quoted else ""
    for meta in constraints_of(kind):
        if isinstance(value, str) and meta.pattern in EXPLANATIONS:
            message, hint = EXPLANATIONS[meta.pattern]
            return f"{shown} is {message}", pointer, hint
    if isinstance(value, bool) is not (bare is bool) or not isinstance(value, int | float | bare):
        return f"expected {_describe(kind)}, found {shown}", pointer, _limits(kind)
    return f"{shown}: {error.partition(' - at ')[0].replace('`', '').lower()}", pointer, _limits(kind)


def _limits(kind: Any) -> str:
    """Say which values are allowed."""
    low = [
        str(bound)
        for meta in constraints_of(kind)
        for bound in (meta.ge, meta.gt, meta.min_length)
        if bound is not None
    ]
    high = [
        str(bound)
        for meta in constraints_of(kind)
        for bound in (meta.le, meta.lt, meta.max_length)
        if bound is not None
    ]
    unit = " characters" if bare_type(kind) is str else ""
    return f"{_describe(kind)} from {low[0]} to {high[0]}{unit}" if low and high else ""


def _describe(kind: Any) -> str:
    bare = bare_type(kind)
    if get_origin(bare) in (Union, types.UnionType):
        return " or ".join(_describe(member) for member in get_args(bare))
    if get_origin(bare) is tuple:
        return "a list"
    if get_origin(bare) is Literal:
        return "one of " + ", ".join(str(word) for word in get_args(bare))
    return _NOUNS.get(bare, "a mapping")


def _keys_hint(kind: type[Any]) -> str:
    required = [key for key, (_, _, field) in field_types(kind).items() if field.required]
    return f"with the keys {', '.join(required)}" if required else ""


def blank(kind: Any) -> Any:
    """Make a value that stands for a missing one; every check passes over it."""
    bare = bare_type(kind)
    if _is_struct(bare):
        return bare(**{name: blank(of) for name, of, field in field_types(bare).values() if field.required})
    origin = get_origin(bare)
    if origin in (Union, types.UnionType):
        return None if type(None) in get_args(bare) else blank(get_args(bare)[0])
    if origin is tuple:
        return ()
    if origin is dict:
        return {}
    return {int: 0, float: 0.0, bool: False}.get(bare, "")
