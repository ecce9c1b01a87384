from __future__ import annotations

from typing import Any

import pytest
from litestar import get
from litestar.testing import create_test_client

from routerd.admin_api import problems
from routerd.admin_api.problems import Problem
from routerd.config.problems import DocumentErrors
from routerd.errors import ConfigError


def told(error: Exception) -> Any:
    @get("/x", sync_to_thread=False)
    def handler() -> None:
        raise error

    handlers: Any = {Problem: problems.on_problem, ConfigError: problems.on_document,
                     Exception: problems.on_unexpected}  # fmt: skip
    with create_test_client(handler, exception_handlers=handlers, raise_server_exceptions=False) as client:
        return client.get("/x")


def test_a_problem_has_code_pointer_hint_and_headers() -> None:
    answer = told(Problem(429, "too many", pointer="/a", hint="wait", headers={"Retry-After": "3"}))
    error = {"code": "too_many_requests", "message": "too many", "pointer": "/a", "hint": "wait"}
    assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (429, {"error": error}, "3")


def test_a_refused_document_tells_all_its_errors() -> None:
    errors = [ConfigError("one", pointer="/a", line=3, hint="h"), ConfigError("two")]
    answer = told(DocumentErrors(errors))
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"code": "invalid_document", "message": "one", "pointer": "/a", "hint": "h", "line": 3},
        {"code": "invalid_document", "message": "two", "pointer": "", "hint": ""},
    ]
    assert [error["message"] for error in told(ConfigError("single")).json()["errors"]] == ["single"]


def test_what_went_wrong_inside_is_not_told() -> None:
    answer = told(RuntimeError("password is hunter2"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (None, (503, "unavailable")),
        ({"ok": False, "error": {"code": "unknown_call", "message": "no such call", "status": 404}},
         (404, "unknown_call")),
        ({"ok": False, "error": {"message": "no"}}, (422, "invalid")),
    ],
)  # fmt: skip
def test_a_command_s_refusal(reply: Any, expected: Any) -> None:
    problem = problems.refusal(reply)
    assert problem is not None
    assert (problem.status, problem.code) == expected
    assert problems.refusal({"ok": True}) is None


def test_what_litestar_refuses_has_the_same_form(api: Any) -> None:
    assert api.get("/v1/nothing").json()["error"]["code"] == "not_found"
    assert api.post("/metrics").json()["error"]["code"] == "method_not_allowed"
    wrong = api.get("/v1/accounts/acme/records?limit=many").json()["error"]
    assert (wrong["code"], wrong["pointer"]) == ("bad_request", "/limit")
