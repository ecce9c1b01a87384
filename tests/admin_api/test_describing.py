from __future__ import annotations

import msgspec
import pytest

from routerd.admin_api import describing
from routerd.config.document import Document
from routerd.config.editing import SECTIONS
from routerd.config.load import read_document


def test_every_list_has_the_schema_of_its_entries() -> None:
    schemas = describing.components()
    for section in SECTIONS:
        assert describing.kind_of(section) in schemas
    assert describing.kind_of("agents") == "Agent"
    assert schemas["Agent"]["additionalProperties"] is False


def test_patterns_are_those_of_other_languages() -> None:
    assert r"(?!\n)" not in msgspec.json.encode(describing.components()).decode()


@pytest.mark.parametrize("kind", [kind for kind in describing.EXAMPLES if kind != "Document"])
def test_examples_are_what_they_say(kind: str) -> None:
    types = {made.__name__: made for made in describing.KINDS.values()}
    assert msgspec.convert(describing.EXAMPLES[kind], types[kind])


def test_the_example_document_is_a_good_one() -> None:
    text = msgspec.json.encode(describing.EXAMPLES["Document"])
    assert isinstance(read_document(text, source="x.json"), Document)


def test_options_say_what_is_taken_and_given() -> None:
    assert set(describing.takes_patch("Agent")[describing.BODY]) == {describing.MERGE, describing.JSON}
    assert describing.gives_document(304)[describing.ALSO] == (304,)
    assert set(describing.takes_document()[describing.BODY]) == {describing.JSON, describing.YAML}
