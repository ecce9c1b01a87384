from __future__ import annotations

from typing import Any

import msgspec

from routerd.config.descriptions import KEYS
from routerd.config.document import Document
from routerd.config.pieces import field_types
from routerd.config.schema import document_schema


def test_every_key_has_its_sentence_and_none_is_left_over() -> None:
    defined: dict[str, Any] = msgspec.json.schema(Document)["$defs"]
    assert {name: set(part["properties"]) for name, part in defined.items()} == {
        name: set(keys) for name, keys in KEYS.items()
    }
    assert set(KEYS["Document"]) == set(field_types(Document))


def test_sentences_are_sentences() -> None:
    said = [text for keys in KEYS.values() for text in keys.values()]
    assert all(text.endswith(".") and (text[0].isupper() or text[0] == "`") and "|" not in text for text in said)


def test_editors_show_them() -> None:
    queue = document_schema()["$defs"]["Queue"]["properties"]
    assert queue["retry_after_s"]["description"] == KEYS["Queue"]["retry_after_s"]
