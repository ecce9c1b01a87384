"""The JSON Schema of the routing document, for editors: generated from the structs, never written by hand.

``docs/document.schema.json`` is made by ``python docs/make_schema.py``; a test keeps it equal to :func:`schema_text`.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from routerd.config.descriptions import KEYS
from routerd.config.document import Document
from routerd.config.references import LISTS

TITLE: Final = "routerd routing document"
_PYTHON_END: Final = r"$(?!\n)"


def document_schema() -> dict[str, Any]:
    """Give the schema (JSON Schema 2020-12) as plain values."""
    schema = msgspec.json.schema(Document)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLE, **_plain(schema)}
    for name, keys in KEYS.items():
        for key, said in keys.items():
            schema["$defs"][name]["properties"][key]["description"] = said
    destination = schema["$defs"]["Destination"]
    destination["oneOf"] = [
        _alternative(sorted(LISTS), "id"),
        _alternative(["external"], "number"),
        {"properties": {"type": {"enum": ["hangup"]}, "id": False, "number": False}},
    ]
    return schema


def _alternative(kinds: list[str], key: str) -> dict[str, Any]:
    other = "number" if key == "id" else "id"
    return {"properties": {"type": {"enum": kinds}, other: {"type": "null"}}, "required": [key]}


def _plain(value: Any) -> Any:
    """Write patterns as editors read them: their ``$`` never matches before a line feed."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.replace(_PYTHON_END, "$") if isinstance(value, str) else value


def schema_text() -> str:
    """Give the schema as the file's text."""
    return json.dumps(document_schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
