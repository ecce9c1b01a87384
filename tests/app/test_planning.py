from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from routerd.app.planning import against_running, read, replay_all, to_json
from routerd.app.sounds import SoundLibrary
from routerd.config.load import read_document
from routerd.config.problems import DocumentErrors
from routerd.store.reading import StoreReader
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


def changed(document_text: str) -> bytes:
    return document_text.replace("Asha Rao", "Asha R").encode()


def test_a_document_is_compared_with_the_one_in_force(tmp_path: Path, document_text: str) -> None:
    store = Store(tmp_path / "s.db")
    store.add_document("acme", document_text.encode(), source="acme.yaml", digest="", at=1.0)
    store.close()
    document, tables = read(changed(document_text), "new.yaml", SoundLibrary(""))
    with StoreReader(tmp_path / "s.db") as reader:
        version, changes = against_running(reader, document)
        report = replay_all(reader, tables, 0.0)
    told: Any = json.loads(json.dumps(to_json(version, changes, report)))
    assert (told["document_version"], told["calls"], told["different"]) == (1, 0, [])
    assert [(change["section"], change["name"]) for change in told["document"]] == [("agents", "asha")]


def test_shown_secrets_are_those_of_the_one_in_force(document_text: str) -> None:
    shown = document_text.replace("password: secret-2001", "password: {set: true}").encode()
    old = read_document(document_text.encode(), source="acme.yaml")
    document, _ = read(shown, "new.yaml", SoundLibrary(""), old)
    assert document == old
    with pytest.raises(DocumentErrors):
        read(shown, "new.yaml", SoundLibrary(""))
