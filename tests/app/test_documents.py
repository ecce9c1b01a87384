from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from routerd.app.documents import DocumentReader, Documents, digest_of, read_files, unchanged
from routerd.app.setup import ControlSetup
from routerd.config.snapshot import SnapshotBuilder
from routerd.errors import ConfigError
from routerd.store.spool import StoreWriter

if TYPE_CHECKING:
    from pathlib import Path


def test_every_error_of_every_file_comes_at_once(tmp_path: Path, document_text: str) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(document_text)
    bad.write_text(document_text.replace("schema: 1", "schema: 9").replace("status", "x") + "\nnonsense: 1\n")
    files, errors = read_files(DocumentReader("", ""), (str(good), str(bad), str(tmp_path / "none.yaml")))
    assert [path for path, _, _ in files] == [str(good)]
    assert {error.source for error in errors} == {str(bad), str(tmp_path / "none.yaml")}
    assert {error.pointer for error in errors} >= {"/schema", "/nonsense"}


def test_two_files_of_one_account_are_refused(tmp_path: Path, document_text: str) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(document_text)
    _, errors = read_files(DocumentReader("", ""), (str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")))
    assert len(errors) == 1


def test_secrets_come_from_their_folder(tmp_path: Path, document_text: str) -> None:
    (tmp_path / "phone").write_text("from-a-file\n")
    text = document_text.replace("password: secret-2001", "password: {file: phone}").encode()
    tables = DocumentReader(str(tmp_path), "").tables(text, "acme.yaml", 3)
    assert tables.extensions["2001"].password == "from-a-file"
    with pytest.raises(ConfigError):
        DocumentReader("", "").tables(text, "acme.yaml", 3)


class Place:
    def __init__(self, folder: Path, writer: StoreWriter, text: str) -> None:
        self.file = folder / "acme.yaml"
        self.file.write_text(text)
        setup = ControlSetup("", (str(self.file),), "", "", ("127.0.0.1", 1), "")
        self.make = lambda: Documents(setup, writer)


@pytest.fixture
async def place(tmp_path: Path, document_text: str) -> Any:
    writer = StoreWriter(tmp_path / "store.db", lambda *_: None)
    await writer.open()
    yield Place(tmp_path, writer, document_text)
    await writer.close()


def names(documents: Documents) -> list[str]:
    builder = SnapshotBuilder()
    for part in documents.parts:
        builder.feed(part)
    return [agent.name for agent in builder.finish(1).accounts["acme"].agents.values()]


async def test_the_file_is_taken_once_and_then_the_store_counts(place: Any) -> None:
    first = place.make()
    await first.load()
    assert (first.version, first.versions, names(first)) == (1, {"acme": 1}, ["Asha Rao", "Ravi Iyer"])
    place.file.write_text(place.file.read_text().replace("Asha Rao", "Asha R"))
    second = place.make()
    await second.load()
    assert (second.version, names(second)) == (1, ["Asha Rao", "Ravi Iyer"])
    assert await second.reload()
    assert (second.version, names(second)) == (2, ["Asha R", "Ravi Iyer"])
    assert not await second.reload()
    third = place.make()
    await third.load()
    assert (third.version, names(third)) == (2, ["Asha R", "Ravi Iyer"])


async def test_a_wrong_document_changes_nothing(place: Any) -> None:
    documents = place.make()
    await documents.load()
    parts = documents.parts
    place.file.write_text("schema: 1\naccount: {}\n")
    with pytest.raises(ConfigError):
        await documents.reload()
    assert documents.parts is parts
    assert documents.versions == {"acme": 1}


def test_files_whose_text_is_known(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    known = {digest_of(b"1"), digest_of(b"3")}
    assert unchanged((str(one),), known)
    assert not unchanged((str(one), str(two)), known)
    two.write_bytes(b"3")
    assert unchanged((str(one), str(two)), known)
    assert not unchanged((str(tmp_path / "none"),), known)


async def test_documents_are_compiled_beside_the_loop_and_only_when_they_changed(place: Any, monkeypatch: Any) -> None:
    threads: list[Any] = []
    compile_text = DocumentReader.tables

    def tables(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return compile_text(*arguments)

    monkeypatch.setattr(DocumentReader, "tables", tables)
    documents = place.make()
    await documents.load()
    assert threads
    assert threading.main_thread() not in threads
    threads.clear()
    assert not await documents.reload()
    assert threads == []
    place.file.write_text(place.file.read_text() + "\n")
    assert await documents.reload()
    assert threads
