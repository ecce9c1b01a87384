# ruff: noqa: INP001 - a script, not a package
"""Write what is made of the document's structs anew: ``python docs/make_schema.py`` from the root of the project."""

from pathlib import Path

from routerd.config.document_reference import reference_text
from routerd.config.schema import schema_text

Path(__file__).with_name("document.schema.json").write_text(schema_text(), encoding="utf-8")
Path(__file__).with_name("document-reference.md").write_text(reference_text(), encoding="utf-8")
