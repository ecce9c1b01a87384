# ruff: noqa: INP001 - a script, not a package
"""Write docs/document.schema.json anew: ``python docs/make_schema.py`` from the root of the project."""

from pathlib import Path

from routerd.config.schema import schema_text

Path(__file__).with_name("document.schema.json").write_text(schema_text(), encoding="utf-8")
