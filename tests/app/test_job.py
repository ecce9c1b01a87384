from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from routerd.app import job
from routerd.app.job import carry_out
from routerd.app.tasks import Plan, Replay, Simulate
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = {"at": "2026-11-23T06:30:00Z", "seed": 1, "call": {"kind": "softphone", "from": "2001", "to": "1002"}}


@pytest.fixture
def place(tmp_path: Path, document_text: str) -> dict[str, Any]:
    store = Store(tmp_path / "s.db")
    store.add_document("acme", document_text.encode(), source="acme.yaml", digest="", at=1.0)
    store.close()
    return {"account": "acme", "store": str(tmp_path / "s.db"), "sounds_dir": "", "days": 1.0, "at": 9.0}


def test_a_plan_tells_differences_and_calls(place: Any, document_text: str) -> None:
    text = document_text.replace("Ravi Iyer", "Ravi I").encode()
    result = carry_out(Plan(text, "api.yaml", **place)).result
    assert (result["differences"], result["calls"], result["document_version"]) == (1, 0, 1)


def test_what_is_refused_tells_every_error(place: Any, document_text: str) -> None:
    outcome = carry_out(Plan(document_text.encode() + b"nonsense: 1\nmore: 2\n", "api.yaml", **place))
    assert [(error.pointer, error.line) for error in outcome.errors] == [("/nonsense", 10), ("/more", 11)]
    other = document_text.replace("id: acme", "id: beta").encode()
    assert carry_out(Plan(other, "api.yaml", **place)).errors[0].pointer == "/account/id"
    assert carry_out(Simulate(document_text.encode(), "api.yaml", b"{}")).errors
    assert carry_out(Simulate(document_text.encode(), "api.yaml", b"[" * 5000)).errors


def test_calls_are_decided_again(place: Any, document_text: str) -> None:
    result = carry_out(Replay(document_text.encode(), "api.yaml", **place)).result
    assert (result["calls"], result["different"]) == (0, [])
    assert "document" not in result
    assert carry_out(Replay(document_text.encode(), "api.yaml", **place, call="x")).missing.startswith("no record")
    gone = {**place, "store": place["store"] + ".none"}
    assert "cannot be opened" in carry_out(Replay(document_text.encode(), "api.yaml", **gone)).missing


def test_a_call_is_played(document_text: str) -> None:
    outcome = carry_out(Simulate(document_text.encode(), "api.yaml", json.dumps(SCENARIO).encode()))
    assert outcome.result["outcome"]


def test_a_unit_that_forbids_being_nice_keeps_no_job_from_being_done(
    place: Any, document_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    task = msgspec.msgpack.encode(Plan(document_text.encode(), "api.yaml", **place))
    out = io.BytesIO()
    monkeypatch.setattr(job.os, "nice", forbidden)
    monkeypatch.setattr(job, "end_with_parent", lambda _: None)
    monkeypatch.setattr(job.sys, "stdin", io.TextIOWrapper(io.BytesIO(task)))
    monkeypatch.setattr(job.sys, "stdout", io.TextIOWrapper(out))
    assert job.main(["1"]) == 0
    assert msgspec.msgpack.decode(out.getvalue())["result"]["calls"] == 0
