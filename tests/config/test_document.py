from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from routerd.config.document import Destination, Document, SecretRef
from routerd.config.load import load
from routerd.config.problems import DocumentErrors

if TYPE_CHECKING:
    from collections.abc import Callable

SMALLEST = {"schema": 1, "account": {"id": "acme", "name": "Acme", "country": "IN"}}


def test_defaults_are_those_of_the_contract() -> None:
    document = msgspec.convert(
        {
            **SMALLEST,
            "trunks": [{"id": "t", "target": "sip:192.0.2.1"}],
            "agents": [{"id": "a", "name": "A"}],
            "extensions": [{"id": "1", "username": "1", "password": "x"}],
            "ivrs": [{"id": "i", "prompt": "p"}],
            "departments": [{"id": "d", "name": "D", "queue": {}}],
        },
        Document,
    )
    account, trunk, agent = document.account, document.trunks[0], document.agents[0]
    assert (account.timezone, account.max_call_s, account.ivr_agent_unavailable) == ("UTC", 14400, "hangup")
    assert account.emergency_numbers is None
    assert (trunk.number_format, trunk.identity, trunk.forwarded_identity, trunk.media) == (
        "plus_e164", "p_asserted", "caller", "relay",
    )  # fmt: skip
    assert trunk.codecs == ("PCMA", "PCMU", "telephone-event")
    assert (trunk.provisional_timeout_s, trunk.strip_digits, trunk.prepend_digits) == (4, 0, "")
    assert (agent.ring_timeout_s, agent.max_calls, agent.app_first, agent.click_to_call_route) == (30, 1, None, "both")
    assert (agent.caller_ids.mode, agent.block_outbound, agent.calling_agent) == ("all", "none", True)
    assert document.extensions[0].max_contacts == 5
    assert (document.ivrs[0].digit_timeout_s, document.ivrs[0].max_digits, document.ivrs[0].invalid.attempts) == (
        5,
        4,
        3,
    )
    queue = document.departments[0].queue
    assert queue is not None
    assert (queue.join_empty, queue.retry_after_s, queue.wrap_up_s, queue.max_waiting) == (False, 30, 0, None)


@pytest.mark.parametrize("seconds", [4, 301, -1])
def test_ring_timeouts_are_bounded(seconds: float) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**SMALLEST, "agents": [{"id": "a", "name": "A", "ring_timeout_s": seconds}]}, Document)


def test_unknown_keys_are_refused_everywhere() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({**SMALLEST, "agent": []}, Document)


def test_written_small_where_most_is_absent() -> None:
    assert msgspec.json.encode(Destination(type="hangup")) == b'{"type":"hangup"}'
    assert msgspec.json.encode(SecretRef(set=True)) == b'{"set":true}'


def test_every_vector_is_a_document(vectors: list[dict[str, Any]], read: Callable[[dict[str, Any]], Document]) -> None:
    for case in vectors:
        document = read(case["document"])
        assert msgspec.json.decode(msgspec.json.encode(document), type=Document) == document


@pytest.mark.parametrize(("text", "message"), [
    (b'{"schema": 2, "account": {"id": "acme", "name": "Acme", "country": "IN"}}', "2 is not one of: 1"),
    (b'{"schema": "1", "account": {"id": "acme", "name": "Acme", "country": "IN"}}', ""),
    (b'{"account": {"id": "acme", "name": "Acme", "country": "IN"}}', '"schema" is missing'),
    (b'{"schema": 3, "account": {"id": "acme", "name": "Acme", "country": "IN"}, "robots": []}', "3 is not one of: 1"),
])  # fmt: skip
def test_only_schemas_that_are_known_are_read(text: bytes, message: str) -> None:
    with pytest.raises(DocumentErrors) as refused:
        load(text, source="a.json", secrets=lambda _: "x", zones=frozenset({"Asia/Kolkata"}))
    told = [error for error in refused.value.errors if "schema" in f"{error.pointer} {error.message}"]
    assert told
    assert any(message in error.message for error in told)
