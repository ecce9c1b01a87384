from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from routerd.config.document import Document, SecretRef
from routerd.config.load import MAX_YAML_BYTES, encode, load, read_document
from routerd.config.problems import MAX_PROBLEMS, DocumentErrors
from routerd.config.secret import SecretSource, redact

if TYPE_CHECKING:
    from pathlib import Path

NONE = SecretSource({})

BAD = b"""schema: 1
account: {id: acme, name: Acme, country: IN, timezone: Asia/Kolkatta, pilot_numbr: "+91"}
numbers:
  - number: "+918069651170"
    destination: {type: agent, id: ash}
agents:
  - {id: asha, name: Asha, ring_timeout_s: 3, extension: "2001", call_forward_number: "+918069651170"}
extensions:
  - {id: 2001, username: "2001", password: {env: HOME}}
trunks:
  - {id: t, target: "sip:192.0.2.1", addresses: ["192.0.2.1/28"]}
  - foo
"""


def errors(text: bytes, source: str = "a.yaml", **more: Any) -> list[tuple[int, str, str]]:
    with pytest.raises(DocumentErrors) as caught:
        load(text, source=source, secrets=NONE, **more)
    return [(error.line, error.pointer, error.hint) for error in caught.value.errors]


def test_all_errors_at_once_with_pointer_line_and_hint() -> None:
    assert errors(BAD, zones={"Asia/Kolkata"}) == [
        (2, "/account/pilot_numbr", 'did you mean "pilot_number"?'),
        (2, "/account/timezone", 'did you mean "Asia/Kolkata"?'),
        (5, "/numbers/0/destination/id", 'did you mean "asha"?'),
        (7, "/agents/0/ring_timeout_s", "a number from 5 to 300"),
        (
            7,
            "/agents/0/call_forward_number",
            "a leg to it would come back as a new call: name the number's destination instead",
        ),
        (9, "/extensions/0/id", 'put it in quotes: "2001"'),
        (9, "/extensions/0/password/env", "its name begins with ROUTERD_SECRET_"),
        (11, "/trunks/0/addresses/0", 'did you mean "192.0.2.0/28"?'),
        (12, "/trunks/1", "with the keys id, target"),
    ]


def test_the_same_errors_in_json() -> None:
    text = json.dumps(yaml.safe_load(BAD), indent=1).encode()
    in_json = errors(text, "a.json", zones={"Asia/Kolkata"})
    assert {error[1:] for error in in_json} == {error[1:] for error in errors(BAD, zones={"Asia/Kolkata"})}
    lines = text.decode().split("\n")
    assert all(pointer.rpartition("/")[2].strip("0") in lines[line - 1] for line, pointer, _ in in_json[:5])


def test_yaml_and_json_give_the_same_document(company: dict[str, Any]) -> None:
    from_json = load(json.dumps(company).encode(), source="a.json", secrets=NONE)
    from_yaml = load(yaml.safe_dump(company).encode(), source="a.yaml", secrets=NONE)
    assert from_json == from_yaml
    assert load(b"\xef\xbb\xbf" + json.dumps(company).encode(), source="", secrets=NONE) == from_json


def test_the_demo_loads(root: Path) -> None:
    text = (root / "conf" / "demo.yaml").read_bytes()
    document = load(text, source="conf/demo.yaml", secrets=NONE)
    assert [agent.id for agent in document.agents] == ["asha", "ravi", "meera"]
    assert [extension.id for extension in document.extensions] == ["2001", "2002", "2003"]


def test_secrets_are_resolved_or_kept(company: dict[str, Any]) -> None:
    company["extensions"][0]["password"] = {"env": "ROUTERD_SECRET_2001"}
    text = json.dumps(company).encode()
    source = SecretSource({"ROUTERD_SECRET_2001": "clear"})
    assert load(text, source="a.json", secrets=source).extensions[0].password == "clear"
    kept = read_document(text, source="a.json")
    assert kept.extensions[0].password == SecretRef(env="ROUTERD_SECRET_2001")
    shown = encode(redact(kept))
    assert b"secret-2002" not in shown
    assert read_document(shown, source="a.json", old=kept) == kept
    assert errors(text, "a.json")[0][1] == "/extensions/0/password"
    assert [error[1] for error in errors(shown, "a.json")] == ["/extensions/0/password", "/extensions/1/password"]
    with pytest.raises(DocumentErrors) as caught:
        read_document(shown, source="a.json")
    assert [error.pointer for error in caught.value.errors] == ["/extensions/0/password", "/extensions/1/password"]


def test_what_cannot_be_read_at_all() -> None:
    assert errors(b"\xff\xfe", "a.json")[0][0] == 1
    assert errors(b"{", "a.json")[0][0] == 1
    assert errors(b"a: [", "a.yaml")
    assert errors(b"", "a.yaml")
    assert errors(b"- 1\n", "a.yaml")[0][1] == ""
    assert errors(b'{"a": 1e999999}', "a.json")
    assert errors(b'{"schema": NaN}', "a.json")


def test_keys_that_stand_twice() -> None:
    text = b'{"schema": 1,\n"account": {"id": "a",\n"id": "b", "name": "A", "country": "IN"}}'
    assert errors(text, "a.json") == [(3, "/account/id", "keep one of them")]
    assert errors(text.replace(b'"id"', b"id"), "a.yaml") == [(3, "/account/id", "keep one of them")]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (b"[" * 1_000_000, "a.json"),
        (b'{"a":' * 500_000, "a.json"),
        (b"[" * 1_000_000, "a.yaml"),
        (b"- " * 1_000_000, "a.yaml"),
        (b"x" * (MAX_YAML_BYTES + 1), "a.yaml"),
        (b"a: &a [1,2,3,4,5,6,7,8,9]\n" + b"".join(
            b"%c: &%c [%s]\n" % (i + 1, i + 1, b",".join([b"*%c" % i] * 9)) for i in range(97, 116)), "a.yaml"),
        (b"a: &a {b: *a}", "a.yaml"),
        (b"[" + b"1," * 2_000_000 + b"1]", "a.json"),
        (b'{"schema": ' + b"9" * 100_000 + b"}", "a.json"),
    ],
    ids=["json lists", "json objects", "yaml flow", "yaml block", "yaml size", "aliases", "cycle", "wide", "integer"],
)  # fmt: skip
def test_hostile_documents_are_refused_in_bounded_time(text: bytes, source: str) -> None:
    begun = time.process_time()
    assert errors(text, source)
    assert time.process_time() - begun < 10


def test_a_large_document_in_which_everything_is_wrong_is_refused_in_bounded_time(company: dict[str, Any]) -> None:
    company["numbers"] = [
        {"number": f"+9180{i:08d}", "destination": {"type": "agent", "id": f"nobody{i}"}} for i in range(5000)
    ]
    begun = time.process_time()
    assert len(errors(json.dumps(company).encode(), "a.json")) == MAX_PROBLEMS
    company["numbers"] = [{"number": i} for i in range(50_000)]
    assert len(errors(json.dumps(company).encode(), "a.json")) == MAX_PROBLEMS
    assert time.process_time() - begun < 20


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from([
            "schema", "account", "agents", "numbers", "id", "name", "country", "destination", "type", "password",
            "trunks", "time_groups", "rules", "windows", "from", "to", "ivrs", "options", "1", "members", "x/y~",
        ]),
        inner,
        max_size=6,
    ),
    max_leaves=30,
)  # fmt: skip


@given(trees)
def test_random_trees_raise_nothing_but_document_errors(tree: Any) -> None:
    text = json.dumps({"schema": 1, "account": {"id": "a", "name": "A", "country": "IN"}, "agents": tree}).encode()
    for one in (text, json.dumps(tree).encode()):
        for source in ("a.json", "a.yaml"):
            try:
                document = load(one, source=source, secrets=NONE)
            except DocumentErrors as error:
                found = error.errors
            else:
                assert isinstance(document, Document)
                continue
            assert found
            assert all(each.message for each in found)


@given(st.binary(max_size=200) | st.text(alphabet="{}[]:,-&*!|>'\"# \nab1", max_size=60).map(str.encode))
def test_random_text_raises_nothing_but_document_errors(text: bytes) -> None:
    for source in ("", "a.json", "a.yaml"):
        with pytest.raises(DocumentErrors):
            load(text, source=source, secrets=NONE)
