from __future__ import annotations

import json
from typing import TYPE_CHECKING

from routerd.config.document import Document
from routerd.config.pieces import field_types
from routerd.config.schema import document_schema, schema_text

if TYPE_CHECKING:
    from pathlib import Path


def test_the_file_is_what_the_structs_say(root: Path) -> None:
    text = (root / "docs" / "document.schema.json").read_text(encoding="utf-8")
    assert text == schema_text(), "run: python docs/make_schema.py"


def test_every_key_is_there_and_no_other_is_allowed() -> None:
    schema = document_schema()
    document = schema["$defs"]["Document"]
    assert set(document["properties"]) == set(field_types(Document))
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())
    assert document["required"] == ["schema", "account"]


def test_patterns_are_those_of_editors() -> None:
    text = json.dumps(document_schema())
    assert "(?!" not in text
    kinds = document_schema()["$defs"]["Destination"]["oneOf"]
    assert [kind["properties"]["type"]["enum"] for kind in kinds][1:] == [["external"], ["hangup"]]
