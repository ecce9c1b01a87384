from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from routerd.app.documents import DocumentReader, digest_of, read_files, unchanged
from routerd.errors import ConfigError

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
