from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.admin_api.authentication import digest_of
from routerd.admin_api.gate import FILE_TOKEN, REFUSED_BURST, Gate, token_of
from routerd.store.tokens import Token

if TYPE_CHECKING:
    from pathlib import Path


def test_the_token_is_made_once_and_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "admin.token"
    token = token_of(path)
    assert len(token) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert token_of(path) == token


def test_tokens_are_found_by_digest_until_they_are_removed_or_over() -> None:
    now = [100.0]
    gate = Gate("first", wall=lambda: now[0])
    first = gate.find(digest_of("first"))
    assert first is not None
    assert (first.id, first.may(("calls",)), first.sees("any")) == (FILE_TOKEN, True, True)
    gate.load([Token("t1", "desk", digest_of("one"), ("read",), ("acme",), 1.0, None, 150.0),
               Token("t2", "shop", digest_of("two"), ("calls",), ("*",), 1.0)])  # fmt: skip
    assert gate.find(digest_of("one")) is not None
    now[0] = 150.0
    assert gate.find(digest_of("one")) is None
    assert gate.find(digest_of("two")) is not None
    gate.remove("t2")
    assert gate.find(digest_of("two")) is None
    assert gate.find(digest_of("first")) is first


def test_each_token_has_its_own_rate() -> None:
    now = [0.0]
    gate = Gate("first", per_second=2, burst=3, clock=lambda: now[0])
    assert [gate.count("t1") for _ in range(3)] == [0, 0, 0]
    assert gate.count("t1") == 0.5
    assert gate.count("t2") == 0
    now[0] = 0.5
    assert gate.count("t1") == 0


def test_who_guesses_tokens_is_soon_not_listened_to() -> None:
    now = [0.0]
    gate = Gate("first", clock=lambda: now[0])
    assert [gate.fail("192.0.2.1") for _ in range(REFUSED_BURST)] == [0] * REFUSED_BURST
    assert gate.fail("192.0.2.1") > 0
    assert gate.fail("192.0.2.2") == 0
    now[0] = 60.0
    assert gate.fail("192.0.2.1") == 0


def test_what_was_used_when_is_gathered_for_the_store() -> None:
    gate = Gate("first", wall=lambda: 7.0)
    for key in ("t1", FILE_TOKEN):
        gate.count(key)
    assert gate.take_used() == {"t1": 7.0}
    assert (gate.used_at("t1"), gate.used_at("t2")) == (7.0, None)
