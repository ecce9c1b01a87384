from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routerd.config import editing
from routerd.config.document import SecretRef
from routerd.config.load import encode, read_document
from routerd.config.problems import DocumentErrors
from routerd.config.secret import map_secrets, redact

TEXT = """
schema: 1
# Everybody's document
account:
  {id: acme, name: Acme, country: IN, mail: {host: mail.acme.test, sender: a@acme.test, username: a, password: m1}}
trunks:
  - {id: pstn, target: "sip:192.0.2.10", auth: {username: acme, password: {env: ROUTERD_SECRET_PSTN}}}
agents:
  - {id: asha, name: Asha, extension: "2001"}
  - {id: ravi, name: Ravi}
extensions:
  - {id: "2001", username: "2001", password: clear}
voicemails:
  - {id: general, pin: "1234"}
numbers:
  - {number: "+918069651170", destination: {type: agent, id: asha}}
"""


@pytest.fixture
def tree() -> editing.Tree:
    return editing.read_plain(TEXT.encode(), "acme.yaml")


def test_what_was_written_comes_back_without_defaults(tree: editing.Tree) -> None:
    assert list(tree) == ["schema", "account", "trunks", "agents", "extensions", "voicemails", "numbers"]
    assert tree["agents"][1] == {"id": "ravi", "name": "Ravi"}
    for text, source in ((editing.write_plain(tree), "x.json"), (editing.write_yaml(tree), "x.yaml")):
        assert editing.read_plain(text, source) == tree
        assert read_document(text, source=source) == read_document(TEXT.encode(), source="acme.yaml")


def test_secrets_are_hidden_exactly_where_documents_have_them(tree: editing.Tree) -> None:
    shown = editing.redacted(tree)
    for secret in ("clear", "ROUTERD_SECRET", "1234", "m1"):
        assert secret not in editing.write_plain(shown).decode()
    known = read_document(TEXT.encode(), source="acme.yaml")
    assert len({key for _, _, key in _secrets(known)}) == 4
    tree_of_it = editing.read_plain(encode(known), "x.json")
    expected = editing.read_plain(encode(redact(known)), "x.json")
    assert editing.redacted(tree_of_it) == expected
    assert tree["extensions"][0]["password"] == "clear"


def _secrets(document: Any) -> list[Any]:
    found: list[Any] = []

    def note(secret: Any, pointer: str, key: str) -> Any:
        found.append((secret, pointer, key))
        return secret

    map_secrets(document, note)
    return found


def test_what_is_shown_can_be_written_back(tree: editing.Tree) -> None:
    back = editing.redacted(tree)
    back["agents"].reverse()
    back["extensions"].insert(0, {"id": "2002", "username": "2002", "password": "new"})
    assert editing.keep_plain(back, tree)
    assert [one["password"] for one in back["extensions"]] == ["new", "clear"]
    assert back["trunks"][0]["auth"]["password"] == {"env": "ROUTERD_SECRET_PSTN"}
    assert back["account"]["mail"]["password"] == "m1"
    assert not editing.keep_plain(back, tree)
    read_document(editing.write_plain(back), source="x.json")


def test_a_secret_that_nobody_has_cannot_be_kept(tree: editing.Tree) -> None:
    back = editing.redacted(tree)
    back["extensions"][0]["id"] = "2009"
    with pytest.raises(DocumentErrors) as refused:
        editing.keep_plain(back, tree)
    assert [error.pointer for error in refused.value.errors] == ["/extensions/0/password"]
    with pytest.raises(DocumentErrors) as refused:
        editing.keep_plain(editing.redacted(tree), None)
    assert len(refused.value.errors) == 4
    assert SecretRef(set=True)


def test_entries_keep_their_order(tree: editing.Tree) -> None:
    assert editing.put_entry(tree, "agents", "asha", {"name": "Asha R"}) == (0, False)
    assert editing.put_entry(tree, "agents", "mira", {"id": "mira", "name": "Mira"}) == (2, True)
    assert [one["name"] for one in tree["agents"]] == ["Asha R", "Ravi", "Mira"]
    assert editing.remove_entry(tree, "agents", "ravi")
    assert not editing.remove_entry(tree, "agents", "ravi")
    assert [editing.name_of("agents", one) for one in tree["agents"]] == ["asha", "mira"]
    assert editing.put_entry(tree, "departments", "d", {"name": "D"}) == (0, True)
    assert editing.place_of(tree, "numbers", "+918069651170") == 0
    assert editing.place_of(tree, "numbers", "+1") is None


def test_an_entry_cannot_be_renamed(tree: editing.Tree) -> None:
    with pytest.raises(DocumentErrors) as refused:
        editing.put_entry(tree, "agents", "asha", {"id": "ravi"})
    assert refused.value.pointer == "/id"


@pytest.mark.parametrize("text", [b"[1]", b"{", b"\xff\xfe", b'{"a": 1, "a": 2}', b"- a: [\n"])
def test_what_is_no_document_is_refused(text: bytes) -> None:
    with pytest.raises(DocumentErrors):
        editing.read_plain(text, "")


CASES = [  # RFC 7396, appendix A
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "foo"}, None, None),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), CASES)
def test_merge_patches(target: Any, patch: Any, result: Any) -> None:
    assert editing.merge_patch(target, patch) == result


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
@settings(max_examples=100)
def test_a_patch_twice_is_the_patch_once(target: Any, patch: Any) -> None:
    once = editing.merge_patch(target, patch)
    assert editing.merge_patch(once, patch) == once


@pytest.mark.parametrize("text", [TEXT, '{"schema": 1, "agents": []}', "{schema: 1, agents: []}"])
def test_a_stored_text_is_read_the_same_but_faster(text: str) -> None:
    assert editing.read_stored(text.encode(), "x.yaml") == editing.read_plain(text.encode(), "x.yaml")


def test_integers_of_any_size_are_written() -> None:
    assert editing.read_plain(editing.write_plain({"a": 1 << 70}), "x.json") == {"a": 1 << 70}
