from __future__ import annotations

from typing import Any

import pytest

from routerd.config.document import Document
from routerd.config.load import load
from routerd.config.pieces import blank, build, field_types
from routerd.config.problems import DocumentErrors, Problems

ACCOUNT = {"id": "acme", "name": "Acme", "country": "IN"}


def wrong(**parts: Any) -> tuple[Document, dict[str, tuple[str, str]]]:
    problems = Problems("a.json")
    document = build({"schema": 1, "account": ACCOUNT, **parts}, Document, problems)
    assert isinstance(document, Document)
    return document, {error.pointer: (error.message, error.hint) for error in problems.errors}


def test_a_good_tree_is_what_it_says() -> None:
    document, errors = wrong(agents=[{"id": "a", "name": "A", "ring_timeout_s": 20}])
    assert errors == {}
    assert document.agents[0].ring_timeout_s == 20


def test_what_is_wrong_is_said_and_repaired() -> None:
    document, errors = wrong(
        agents=[{"id": 7, "status": "enabeld", "ring_timeout_s": "x", "do_not_disturb": 1}, "foo"],
        numbers={"a": 1},
        trunks=[{"id": "t", "target": "sip:x", "codecs": []}],
    )
    assert errors["/agents/0/id"] == ("expected text, found 7", 'put it in quotes: "7"')
    assert errors["/agents/0"][0] == '"name" is missing'
    assert errors["/agents/0/status"][1] == 'did you mean "enabled"?'
    assert errors["/agents/0/ring_timeout_s"][0] == 'expected a number, found "x"'
    assert errors["/agents/0/do_not_disturb"][0] == "expected true or false, found 1"
    assert errors["/agents/1"] == ('expected a mapping, found "foo"', "with the keys id, name")
    assert errors["/numbers"][0] == "expected a list, found a mapping"
    assert "at least 1" in errors["/trunks/0/codecs"][0]
    agent = document.agents[0]
    assert (agent.id, agent.status, agent.ring_timeout_s) == ("7", "enabled", 30)
    assert len(document.agents) == 2


def test_limits_and_patterns_in_words() -> None:
    _, errors = wrong(
        agents=[{"id": "a b", "name": "", "ring_timeout_s": 4, "max_calls": 10**400}],
        sounds=[{"id": "s", "duration_s": float("nan")}],
    )
    assert errors["/agents/0/id"][0] == '"a b" is not an id'
    assert errors["/agents/0/name"][1] == "text from 1 to 200 characters"
    assert errors["/agents/0/ring_timeout_s"][1] == "a number from 5 to 300"
    assert "a huge number" in errors["/agents/0/max_calls"][0]
    assert "/sounds/0/duration_s" in errors


def test_lists_beyond_their_size() -> None:
    _, errors = wrong(ivrs=[{"id": "i", "prompt": "p", "options": {str(i): {"type": "hangup"} for i in range(501)}}])
    assert "at most 500" in errors["/ivrs/0/options"][0]


def test_options_are_keyed_by_what_can_be_pressed() -> None:
    _, errors = wrong(ivrs=[{"id": "i", "prompt": "p", "options": {"#": {"type": "hangup"}, "x/y": {"type": "hang"}}}])
    assert set(errors) == {"/ivrs/0/options/#", "/ivrs/0/options/x~1y", "/ivrs/0/options/x~1y/type"}


def test_blanks() -> None:
    assert blank(Document).account.id == ""
    assert set(field_types(Document)) >= {"schema", "account", "agents"}


@pytest.mark.parametrize(
    "secret", ["12345678", "true", '"' + "hunter2" * 90 + '"', '{env: "hunter2"}', "{file: ../hunter2}"]
)
def test_no_error_shows_a_secret(secret: str) -> None:
    text = f"""schema: 1
account: {{id: acme, name: Acme, country: IN, mail: {{host: m.test, sender: a@b.test, password: {secret}}}}}
extensions: [{{id: "2001", username: "2001", password: {secret}}}]
voicemails: [{{id: box, pin: {secret}}}]
"""
    with pytest.raises(DocumentErrors) as refused:
        load(text.encode(), source="x.yaml", secrets=lambda _: "x")
    said = "\n".join(str(error) for error in refused.value.errors)
    assert len(refused.value.errors) >= 3
    assert "hunter2" not in said
    assert "12345678" not in said
