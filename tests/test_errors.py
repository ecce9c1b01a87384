from __future__ import annotations

import pytest

from routerd import errors
from routerd.errors import (
    ConfigError,
    LocalProtocolError,
    MediaError,
    ParseError,
    RelayError,
    RemoteProtocolError,
    RouterdError,
    SdpError,
    SipError,
    StoreError,
)


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (ConfigError, RouterdError),
        (SipError, RouterdError),
        (ParseError, SipError),
        (RemoteProtocolError, SipError),
        (LocalProtocolError, SipError),
        (MediaError, RouterdError),
        (SdpError, MediaError),
        (RelayError, MediaError),
        (StoreError, RouterdError),
    ],
)
def test_the_tree_is_as_its_module_draws_it(error: type[Exception], parent: type[Exception]) -> None:
    assert error.__bases__ == (parent,)
    assert f"{error.__name__}" in (errors.__doc__ or "")


def test_a_floor_can_be_caught_whole_and_apart_from_others() -> None:
    for error in (ParseError("x"), RemoteProtocolError("x"), LocalProtocolError("x")):
        with pytest.raises(SipError):
            raise error
        assert not isinstance(error, MediaError)


@pytest.mark.parametrize("error", [ParseError, RemoteProtocolError])
def test_what_a_peer_did_wrong_names_its_answer(error: type[ParseError | RemoteProtocolError]) -> None:
    assert error("x").status_hint == 400
    assert error("x", 505).status_hint == 505
    assert str(error("why", 505)) == "why"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({}, "wrong"),
        ({"pointer": "/agents/0"}, "/agents/0: wrong"),
        ({"source": "a.yaml"}, "a.yaml: wrong"),
        ({"source": "a.yaml", "line": 3}, "a.yaml:3: wrong"),
        ({"hint": "mend it"}, "wrong (mend it)"),
        (
            {"source": "a.yaml", "line": 3, "pointer": "/agents/0", "hint": "mend it"},
            "a.yaml:3: /agents/0: wrong (mend it)",
        ),
    ],
)
def test_a_configuration_error_is_one_line_for_people(parts: dict[str, object], text: str) -> None:
    assert str(ConfigError("wrong", **parts)) == text  # type: ignore[arg-type]


def test_a_configuration_error_keeps_its_parts_for_programs() -> None:
    error = ConfigError("wrong", pointer="/a", line=7, hint="h", source="s")
    assert (error.message, error.pointer, error.line, error.hint, error.source) == ("wrong", "/a", 7, "h", "s")
