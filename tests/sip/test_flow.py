from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.sip.flow import Flow

LOCAL, REMOTE = ("192.0.2.1", 5060), ("198.51.100.7", 5070)


@pytest.mark.parametrize(
    ("transport", "reliable", "secure"),
    [("udp", False, False), ("tcp", True, False), ("tls", True, True), ("ws", True, False), ("wss", True, True)],
)
def test_what_a_transport_promises(transport: str, reliable: bool, secure: bool) -> None:
    flow = Flow(transport, LOCAL, REMOTE)
    assert (flow.reliable, flow.secure) == (reliable, secure)


addresses = st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]), st.integers(5060, 5061))
parts = st.tuples(st.sampled_from(["udp", "tcp"]), addresses, addresses, st.integers(-1, 1))


@given(parts, parts)
def test_flows_are_equal_by_transport_addresses_and_connection(
    one: tuple[str, tuple[str, int], tuple[str, int], int], other: tuple[str, tuple[str, int], tuple[str, int], int]
) -> None:
    first, second = Flow(*one), Flow(*other)
    assert (first == second) is (one == other)
    if one == other:
        assert hash(first) == hash(second)
        assert {first: 1}[second] == 1


def test_the_name_that_a_certificate_is_checked_against_is_no_part_of_it() -> None:
    assert Flow("tls", LOCAL, REMOTE, -1, "sip.example.com") == Flow("tls", LOCAL, REMOTE, -1)


def test_a_flow_is_nothing_else() -> None:
    assert Flow("udp", LOCAL, REMOTE) != ("udp", LOCAL, REMOTE, 0)
    assert len({Flow("udp", LOCAL, REMOTE), Flow("tcp", LOCAL, REMOTE), Flow("tcp", LOCAL, REMOTE, 1)}) == 3


@pytest.mark.parametrize(
    ("flow", "text"),
    [
        (Flow("udp", LOCAL, REMOTE), "udp:192.0.2.1:5060<>198.51.100.7:5070"),
        (Flow("tcp", LOCAL, REMOTE, 7), "tcp#7:192.0.2.1:5060<>198.51.100.7:5070"),
    ],
)
def test_it_says_in_notes_which_one_it_is(flow: Flow, text: str) -> None:
    assert repr(flow) == text
