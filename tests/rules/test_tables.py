from __future__ import annotations

import msgspec
from rules_kit.builders import document
from rules_kit.player import compile_document

from routerd.rules import tables
from routerd.rules.tables import AccountTables


def test_tables_pass_through_msgpack_unchanged() -> None:
    made = compile_document(document())
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=AccountTables)
    assert again == made


def test_every_table_is_frozen_and_untracked() -> None:
    kinds = [k for k in vars(tables).values() if isinstance(k, type) and issubclass(k, tables.Table)]
    assert len(kinds) > 20
    assert all(kind.__struct_config__.frozen and not kind.__struct_config__.gc for kind in kinds)
