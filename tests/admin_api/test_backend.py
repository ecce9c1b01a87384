from __future__ import annotations

from typing import Any

import pytest
from litestar.datastructures import State

from routerd.admin_api.backend import backend_of, carry_out, need_account
from routerd.admin_api.problems import Problem


async def test_commands_are_carried_out_or_raise(backend: Any) -> None:
    state = State({"backend": backend})
    assert backend_of(state) is backend
    backend.replies["login"] = {"ok": True, "agent": "asha"}
    assert await carry_out(state, "login", {"agent": "asha"}) == {"ok": True, "agent": "asha"}
    backend.replies["login"] = {"ok": False, "error": {"code": "unknown_agent", "message": "no", "status": 404}}
    with pytest.raises(Problem) as refused:
        await carry_out(state, "login", {})
    assert (refused.value.status, refused.value.code) == (404, "unknown_agent")


def test_an_account_without_a_document_is_not_there(backend: Any) -> None:
    need_account(State({"backend": backend}), "acme")
    with pytest.raises(Problem, match="no account 'nope'"):
        need_account(State({"backend": backend}), "nope")
