from __future__ import annotations

import re
from typing import Any

import pytest

from routerd.admin_api.openapi import METHODS, page_of


@pytest.fixture
def told(api: Any) -> Any:
    answer = api.client.get("/schema")
    assert answer.status_code == 200
    return answer.json()


def test_it_is_openapi_3_1_and_needs_no_token(told: Any, api: Any) -> None:
    assert told["openapi"].startswith("3.1")
    assert api.client.get("/schema/openapi.json").json() == told
    assert "bearer" in told["components"]["securitySchemes"]


def test_bodies_and_refusals_are_described(told: Any) -> None:
    put = told["paths"]["/v1/accounts/{account}/document"]["put"]
    assert set(put["requestBody"]["content"]) == {"application/json", "application/yaml"}
    assert {"200", "201", "400", "401", "403", "408", "409", "412", "413", "415", "422", "429", "503"} <= set(
        put["responses"]
    )
    agent = told["paths"]["/v1/accounts/{account}/agents/{name}"]["put"]
    assert agent["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Agent"}
    assert agent["security"] == [{"bearer": []}]
    assert "example" in agent["requestBody"]["content"]["application/json"]


def test_every_reference_leads_somewhere(told: Any, api: Any) -> None:
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', api.client.get("/schema").text))
    assert names
    assert names <= set(told["components"]["schemas"])


def test_every_operation_is_told_with_words_and_a_token(told: Any) -> None:
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            if method in METHODS:
                assert operation.get("description") or operation.get("summary"), (method, path)
                assert ("security" in operation) is path.startswith("/v1"), (method, path)


def test_the_page_needs_nothing_but_itself(told: Any, api: Any) -> None:
    page = api.client.get("/schema/page")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page.text)
    assert "<script" not in page.text
    for path in told["paths"]:
        assert path in page.text


def test_what_is_written_on_the_page_is_text() -> None:
    operation = {"tags": ["<b>"], "description": "<script>", "responses": {"200": {"description": "<i>"}}}
    told = {"openapi": "3.1.0", "info": {"title": "<t>"}, "paths": {"/<p>": {"get": operation}},
            "components": {"schemas": {}}}  # fmt: skip
    page = page_of(told)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
