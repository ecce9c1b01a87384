from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from routerd.admin_api.problems import Problem
from routerd.app import jobs
from routerd.app.jobs import ChildJobs
from routerd.app.setup import ControlSetup
from routerd.config.problems import DocumentErrors
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def made(tmp_path: Path, document_text: str) -> ChildJobs:
    store = Store(tmp_path / "s.db")
    store.add_document("acme", document_text.encode(), source="acme.yaml", digest="", at=1.0)
    store.close()
    return ChildJobs(ControlSetup(str(tmp_path / "s.db"), (), "", "", ("127.0.0.1", 1), ""))


async def test_children_do_the_work(made: ChildJobs, document_text: str) -> None:
    planned = await made.plan("acme", document_text.replace("Ravi Iyer", "R").encode(), "api.yaml", 1)
    assert planned["differences"] == 1
    with pytest.raises(DocumentErrors) as refused:
        await made.simulate(document_text.encode(), "api.yaml", b"{}")
    assert refused.value.errors
    with pytest.raises(Problem, match="no record of the call x"):
        await made.replay("acme", document_text.encode(), "api.yaml", 1, "x")


async def test_too_many_and_too_long_are_refused(made: ChildJobs, monkeypatch: Any) -> None:
    monkeypatch.setattr(jobs, "MOST_WAITING", 0)
    with pytest.raises(Problem) as busy:
        await made.simulate(b"", "", b"")
    assert (busy.value.status, busy.value.code) == (503, "busy")
    monkeypatch.setattr(jobs, "MOST_WAITING", 1)
    monkeypatch.setattr(jobs, "SIMULATE_S", 0.01)
    with pytest.raises(Problem) as late:
        await asyncio.wait_for(made.simulate(b"", "", b""), 20)
    assert late.value.code == "too_long"


async def test_a_job_that_breaks_is_a_problem_of_ours(made: ChildJobs, monkeypatch: Any) -> None:
    monkeypatch.setattr(jobs.sys, "executable", "/bin/false")
    with pytest.raises(Problem) as broken:
        await made.simulate(b"", "", b"")
    assert broken.value.status == 500
