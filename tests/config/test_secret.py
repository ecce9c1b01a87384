from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from routerd.config.document import SecretRef
from routerd.config.load import encode, read_document
from routerd.config.problems import DocumentErrors, Problems
from routerd.config.secret import (
    HIDDEN,
    SecretSource,
    check_shape,
    keep_secrets,
    map_secrets,
    redact,
    resolve_into,
    resolve_secrets,
)  # fmt: skip
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from routerd.config.document import Document


def files(name: str) -> bytes:
    held = {"phone": b"from-file\n", "binary": b"\xff\xfe", "long": b"x" * 1000, "empty": b"\n"}
    if name not in held:
        raise FileNotFoundError(name)
    return held[name]


SOURCE = SecretSource({"ROUTERD_SECRET_A": "from-env", "HOME": "/nowhere", "ROUTERD_SECRET_EMPTY": ""}, files)


@pytest.fixture
def document(company: dict[str, Any]) -> Document:
    company["trunks"][0]["auth"] = {"username": "acme", "password": {"env": "ROUTERD_SECRET_A"}}
    company["extensions"][0]["password"] = {"file": "phone"}
    company["voicemails"][0]["pin"] = "4711"
    return read_document(json.dumps(company).encode(), source="a.json")


def test_resolved(document: Document) -> None:
    clear = resolve_secrets(document, SOURCE)
    assert clear.trunks[0].auth is not None
    assert clear.trunks[0].auth.password == "from-env"
    assert [extension.password for extension in clear.extensions] == ["from-file", "secret-2002"]
    assert clear.voicemails[0].pin == "4711"


@pytest.mark.parametrize(
    "reference",
    [
        SecretRef(env="HOME"),
        SecretRef(env="ROUTERD_SECRET_B"),
        SecretRef(env="ROUTERD_SECRET_EMPTY"),
        SecretRef(file="missing"),
        SecretRef(file="../phone"),
        SecretRef(file=".."),
        SecretRef(file="binary"),
        SecretRef(file="long"),
        SecretRef(file="empty"),
        SecretRef(set=True),
        SecretRef(),
    ],
)
def test_references_that_are_not_followed(reference: SecretRef) -> None:
    with pytest.raises(ConfigError):
        SOURCE(reference)


def test_no_secrets_dir_no_files() -> None:
    with pytest.raises(ConfigError, match="secrets_dir"):
        SecretSource({})(SecretRef(file="phone"))


def test_what_does_not_resolve_is_named_all_at_once(document: Document) -> None:
    with pytest.raises(DocumentErrors) as caught:
        resolve_secrets(document, SecretSource({}))
    assert [error.pointer for error in caught.value.errors] == ["/trunks/0/auth/password", "/extensions/0/password"]
    problems = Problems("")
    assert resolve_into(document, SOURCE, problems) == resolve_secrets(document, SOURCE)
    assert not problems.errors


def test_shown_hidden_and_kept(document: Document) -> None:
    shown = redact(document)
    written = encode(shown)
    assert b"4711" not in written
    assert b"ROUTERD_SECRET" not in written
    assert shown.voicemails[0].pin == HIDDEN
    assert keep_secrets(shown, document) == document
    assert keep_secrets(document, None) == document


def test_the_mail_servers_password_is_a_secret(company: dict[str, Any]) -> None:
    company["account"]["mail"] = {"host": "m.example", "sender": "a@m.example", "password": {"env": "ROUTERD_SECRET_A"}}
    document = read_document(json.dumps(company).encode(), source="a.json")
    resolved = resolve_secrets(document, SOURCE)
    assert resolved.account.mail is not None
    assert resolved.account.mail.password == "from-env"
    hidden = redact(resolved)
    assert hidden.account.mail is not None
    assert hidden.account.mail.password == HIDDEN
    assert keep_secrets(hidden, document).account.mail == document.account.mail
    company["account"]["mail"]["password"] = {"env": "ROUTERD_SECRET_NONE"}
    with pytest.raises(DocumentErrors) as caught:
        resolve_secrets(read_document(json.dumps(company).encode(), source="a.json"), SOURCE)
    assert [error.pointer for error in caught.value.errors] == ["/account/mail/password"]


def test_nothing_to_keep(document: Document) -> None:
    with pytest.raises(DocumentErrors) as caught:
        keep_secrets(redact(document), None)
    assert [error.pointer for error in caught.value.errors] == [
        "/trunks/0/auth/password", "/extensions/0/password", "/extensions/1/password", "/voicemails/0/pin",
    ]  # fmt: skip
    with pytest.raises(DocumentErrors):
        keep_secrets(redact(document), redact(document))


@pytest.mark.parametrize(
    "secret", [SecretRef(), SecretRef(env="ROUTERD_SECRET_A", file="a"), SecretRef(env="E", set=True)]
)
def test_a_reference_names_one_place(secret: SecretRef) -> None:
    problems = Problems("")
    check_shape(secret, "/x", problems)
    check_shape("clear", "/y", problems)
    check_shape(HIDDEN, "/z", problems)
    assert [error.pointer for error in problems.errors] == ["/x"]


def test_secrets_are_found_by_what_they_belong_to(document: Document) -> None:
    keys: list[str] = []
    map_secrets(document, lambda secret, _pointer, key: (keys.append(key), secret)[1])
    assert keys == ["trunk pstn", "extension 2001", "extension 2002", "voicemail general"]
