from __future__ import annotations

import re
from typing import TYPE_CHECKING

from routerd.config.document import Document
from routerd.config.document_reference import reference_text
from routerd.config.pieces import field_types

if TYPE_CHECKING:
    from pathlib import Path


def test_the_page_is_what_the_structs_say(root: Path) -> None:
    text = (root / "docs" / "document-reference.md").read_text(encoding="utf-8")
    assert text == reference_text(), "run: python docs/make_schema.py"


def test_every_part_has_a_section_and_every_link_leads_to_one() -> None:
    text = reference_text()
    headings = re.findall(r"^##+ (.*)$", text, re.MULTILINE)
    anchors = {
        "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_") for heading in headings
    }
    assert len(anchors) == len(headings)
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert len(links) > 50
    assert set(links) <= anchors
    assert {"departments[].queue", "agents[].caller_ids", "ivrs[].invalid", "destination"} <= set(headings)
    assert all(f"| `{key}` |" in text for key in field_types(Document))


def test_types_defaults_and_limits_are_said() -> None:
    text = reference_text()
    for row in (
        "| `ring_timeout_s` | number from 5 up to 300 | `30` |",
        "| `pin` | text from 1 up to 512 characters or [secret](#secret) or null | `null` |",
        "| `members` | list: [departments[].members[]](#departmentsmembers) | `[]` |",
        "| `options` | mapping: a menu option to [destination](#destination) | `{}` |",
        "| `number` | a number in E.164 | required |",
        '| `status` | `active`, `suspended` | `"active"` |',
        "| `recording` | [account.recording](#accountrecording) | its defaults |",
        '| `destination` | [destination](#destination) | `{"type": "hangup"}` |',
        "| `addresses` | list: a network in CIDR form, or one address | `[]` |",
        "| `hours` | number above 0 up to 87600 | required |",
    ):
        assert row in text, row
