from __future__ import annotations

from typing import Any

import msgspec
import pytest
from litestar.testing import RequestFactory

from routerd.admin_api.bodies import JSON_TYPES, decode, media_type, need_type, wants_yaml
from routerd.admin_api.problems import Problem


class Inner(msgspec.Struct):
    count: int


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    rows: list[Inner] = []


def request(**headers: str) -> Any:
    return RequestFactory().get("/", headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_types_and_codings() -> None:
    assert media_type(request(content_type="Application/JSON; charset=UTF-8")) == "application/json"
    assert media_type(request()) == ""
    for headers in ({"content_type": "text/yaml; charset=utf-16"}, {"content_encoding": "br"}):
        with pytest.raises(Problem) as refused:
            media_type(request(**headers))
        assert refused.value.status == 415
    with pytest.raises(Problem):
        need_type(request(content_type="text/html"), JSON_TYPES)


@pytest.mark.parametrize(
    ("accept", "yaml"),
    [("", False), ("*/*", False), ("application/yaml", True), ("text/yaml;q=0.9, */*", True),
     ("application/json, application/yaml", False)],
)  # fmt: skip
def test_who_names_yaml_gets_it(accept: str, yaml: bool) -> None:
    assert wants_yaml(request(accept=accept)) is yaml


@pytest.mark.parametrize(
    ("text", "pointer"),
    [(b'{"rows": [{"count": 1}, {"count": "x"}]}', "/rows/1/count"), (b'{"more": 1}', ""), (b"[]", ""), (b"{", ""),
     (b"", ""), (b"[" * 100_000, ""), (b"\xff", "")],
)  # fmt: skip
def test_wrong_json_says_where(text: bytes, pointer: str) -> None:
    with pytest.raises(Problem) as refused:
        decode(text, Outer)
    assert (refused.value.status, refused.value.pointer) == (400, pointer)
    assert decode(b'{"rows": [{"count": 1}]}', Outer) == Outer([Inner(1)])
