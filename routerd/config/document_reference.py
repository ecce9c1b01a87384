"""The reference of the routing document, for people: generated from the structs, never written by hand.

``docs/document-reference.md`` is made by ``python docs/make_schema.py``; a test keeps it equal to
:func:`reference_text`. Editors read the schema instead (:mod:`routerd.config.schema`).
"""

from __future__ import annotations

import json
import types
from typing import TYPE_CHECKING, Any, Final, Literal, Union, get_args, get_origin

import msgspec

from routerd.config.descriptions import KEYS
from routerd.config.document import Affinity, Destination, Document, SecretRef, Window
from routerd.config.fields import EXPLANATIONS
from routerd.config.pieces import bare_type, constraints_of, field_types

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED: Final[dict[type[Any], str]] = {
    Destination: "destination", SecretRef: "secret", Affinity: "affinity", Window: "window",
}  # fmt: skip
_HEAD: Final = """# Document reference

Every key of the routing document, made from the code by `python docs/make_schema.py`.
[configuration.md](configuration.md) introduces it, [document.schema.json](document.schema.json) is for editors.
An unknown key is an error.
"""


def reference_text() -> str:
    """Give the page's text."""
    parts = [_HEAD, "## The document\n", *_table(Document, ""), ""]
    for key, (_, kind, _) in field_types(Document).items():
        for path, struct in _sections(kind, key):
            level = "##" if "." not in path else "###"
            parts += [f"{level} {path}\n", _docstring(struct) + "\n", *_table(struct, path), ""]
    parts.append("## Used in several places\n")
    for struct, name in SHARED.items():
        parts += [f"### {name}\n", _docstring(struct) + "\n", *_table(struct, name), ""]
    return "\n".join(parts).rstrip() + "\n"


def _sections(kind: Any, path: str) -> Iterator[tuple[str, type[Any]]]:
    """Give the structs below a key, each with the path that leads there."""
    for struct, suffix in _structs(kind):
        if struct in SHARED:
            continue
        here = path + suffix
        yield here, struct
        for key, (_, inner, _) in field_types(struct).items():
            yield from _sections(inner, f"{here}.{key}")


def _structs(kind: Any) -> Iterator[tuple[type[Any], str]]:
    bare = bare_type(kind)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        yield bare, ""
    elif get_origin(bare) in {Union, types.UnionType}:
        for member in get_args(bare):
            yield from _structs(member)
    elif get_origin(bare) is tuple:
        yield from ((struct, "[]" + suffix) for struct, suffix in _structs(get_args(bare)[0]))


def _docstring(struct: type[Any]) -> str:
    return (struct.__doc__ or "").replace("``", "`")


def _table(struct: type[Any], path: str) -> list[str]:
    said = KEYS[struct.__name__]
    lines = ["| key | type | default | says |", "|---|---|---|---|"]
    for key, (_, kind, field) in field_types(struct).items():
        below = f"{path}.{key}" if path else key
        lines.append(f"| `{key}` | {_words(kind, below)} | {_default(field)} | {said[key]} |")
    return lines


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    if isinstance(value, msgspec.Struct) and not any(one.required for _, _, one in field_types(type(value)).values()):
        return "its defaults"
    return f"`{json.dumps(msgspec.to_builtins(value), ensure_ascii=False)}`"


def _words(kind: Any, path: str) -> str:
    """Say in words what a key may hold; structs are linked."""
    bare, origin = bare_type(kind), get_origin(bare_type(kind))
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        name = SHARED.get(bare, path)
        return f"[{name}](#{_anchor(name)})"
    if origin in {Union, types.UnionType}:
        members = [member for member in get_args(bare) if member is not type(None)]
        nullable = len(members) < len(get_args(bare))
        return " or ".join([*(_words(member, path) for member in members), *(["null"] if nullable else [])])
    if origin is tuple:
        return f"list: {_words(get_args(bare)[0], path + '[]')}"
    if origin is dict:
        key, value = get_args(bare)
        return f"mapping: {_words(key, path)} to {_words(value, path)}"
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in get_args(bare))
    return _leaf(bare, constraints_of(kind))


def _leaf(bare: Any, metas: list[msgspec.Meta]) -> str:
    if bare is bool:
        return "true or false"
    pattern = next((meta.pattern for meta in metas if meta.pattern in EXPLANATIONS), None)
    if pattern is not None:
        return EXPLANATIONS[pattern][0].removeprefix("not ")
    described = next((meta.description for meta in metas if meta.description), "")
    if bare is str and described:
        return described[0].lower() + described[1:].rstrip(".")
    noun = {str: "text", int: "whole number", float: "number"}[bare]
    least = next((str(bound) for meta in metas for bound in (meta.ge, meta.min_length) if bound is not None), "")
    above = next((f"above {meta.gt}" for meta in metas if meta.gt is not None), "")
    most = next((str(bound) for meta in metas for bound in (meta.le, meta.max_length) if bound is not None), "")
    unit = " characters" if bare is str else ""
    first = f"from {least}" if least else above
    bounds = " ".join(part for part in (first, f"up to {most}{unit}" if most else "") if part)
    return f"{noun} {bounds}".strip()


def _anchor(heading: str) -> str:
    """Give the anchor that a page's heading has on GitHub."""
    return "".join(letter for letter in heading.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")
