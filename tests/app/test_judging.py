from __future__ import annotations

from typing import Any

import pytest

from routerd.app.documents import DocumentReader, digest_of
from routerd.app.judging import Judge, claims_of, findings_of, named_claim
from routerd.config.problems import DocumentErrors
from routerd.store.versions import DocumentVersion


@pytest.fixture
def judge() -> Judge:
    return Judge(DocumentReader("", ""))


def stored(text: bytes, source: str = "acme.yaml") -> DocumentVersion:
    return DocumentVersion("acme", 4, 1.0, source, digest_of(text), text)


def test_deep_nesting_is_an_error_of_the_document(judge: Judge, document_text: str) -> None:
    deep = b'{"set": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(DocumentErrors):
        judge.prepare("acme", deep, "api.json", stored(document_text.encode()))
    nest: Any = []
    for _ in range(5000):
        nest = [nest]
    with pytest.raises(DocumentErrors, match="nested too deep"):
        judge.edited(stored(document_text.encode()), lambda tree: tree.update(agents=nest))


def test_a_stored_text_keeps_its_format_when_it_comes_back(judge: Judge, document_text: str) -> None:
    coming = judge.again(stored(document_text.encode()), "rollback-4")
    assert (coming.source, coming.text) == ("rollback-4.yaml", document_text.encode())
    assert judge.again(stored(document_text.encode(), "x"), "revert-4").source == "revert-4"
    assert judge.stored(stored(document_text.encode())).tables.version == 4


def test_what_belongs_to_one_account_only(judge: Judge, document_text: str) -> None:
    text = document_text + 'numbers: [{number: "+918069651170"}]\n'
    coming = judge.prepare("acme", text.encode(), "api.yaml", None)
    assert claims_of(coming.tables) == {"+918069651170", "acme.test"}
    assert [named_claim(claim) for claim in ("+91", "a.test")] == ["the number +91", "the domain a.test"]
    assert [finding.line for finding in findings_of(coming, text.encode(), "api.yaml")] != []


def test_a_secret_that_is_not_there_cannot_be_kept(judge: Judge, document_text: str) -> None:
    text = document_text.replace("password: secret-2001", "password: {set: true}").encode()
    with pytest.raises(DocumentErrors):
        judge.prepare("acme", text, "api.yaml", None)
    other = stored(document_text.replace("2001", "2009").encode())
    with pytest.raises(DocumentErrors) as refused:
        judge.prepare("acme", text, "api.yaml", other)
    assert [(error.pointer, error.line) for error in refused.value.errors] == [("/extensions/0/password", 8)]
