from __future__ import annotations

import pytest

from routerd.b2bua.location import Binding
from routerd.b2bua.nat_verdict import verdict
from routerd.sip.flow import Flow
from routerd.sip.uri import Uri

PUBLIC, PRIVATE = "203.0.113.7", "192.168.1.20"


def binding(
    contact: str, sent_by: str, *, remote: tuple[str, int] = (PUBLIC, 5060), call_id: str = "x", transport: str = "udp",
    path: tuple[str, ...] = (),
) -> Binding:  # fmt: skip
    flow = Flow(transport, ("192.0.2.1", 5060), remote, 0 if transport == "udp" else 5)
    return Binding(
        "acme", "2001", Uri.parse(f"sip:2001@{contact}"), flow, expires_at=60.0, registered_at=0.0, call_id=call_id,
        cseq=1, path=path, sent_by=sent_by,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "word"),
    [
        (binding(PUBLIC, PUBLIC), "direct"),
        (binding(f"{PUBLIC}:5062", f"{PUBLIC}:5062", remote=(PUBLIC, 5062), call_id=f"a@{PUBLIC}"), "direct"),
        (binding(f"{PRIVATE}:5060", f"{PRIVATE}:5060", remote=(PRIVATE, 5060), call_id=f"a@{PRIVATE}"), "direct"),
        (binding("[2001:db8::7]", "[2001:db8::7]:5060", remote=("2001:db8::7", 5060)), "direct"),
        (binding(f"{PUBLIC}:5060", PUBLIC, remote=(PUBLIC, 40123), transport="tcp"), "direct"),
        (binding(f"{PRIVATE}:5060", f"{PRIVATE}:5060", remote=(PUBLIC, 40000), call_id=f"a@{PRIVATE}"), "nat"),
        (binding(f"{PUBLIC}:5060", f"{PUBLIC}:5060", remote=(PUBLIC, 40000)), "nat"),
        (binding(f"{PRIVATE}:5060", ""), "nat"),
        (binding("phone.example", "phone.example"), "unknown"),
        (binding("x7f.invalid", "x7f.invalid", transport="wss"), "websocket"),
        (binding(PRIVATE, PRIVATE, path=("<sip:edge.example;lr>",)), "proxy"),
    ],
)
def test_what_is_harmless(made: Binding, word: str) -> None:
    assert verdict(made).verdict == word


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (binding(f"{PRIVATE}:5060", f"{PUBLIC}:5060", remote=(PUBLIC, 40000)), "Contact still 192.168.1.20"),
        (binding(f"{PUBLIC}:40000", f"{PRIVATE}:5060", remote=(PUBLIC, 40000)), "Via still 192.168.1.20"),
        (binding(PUBLIC, PUBLIC, call_id=f"77@{PRIVATE}"), "Call-ID still 192.168.1.20"),
        (binding(f"{PUBLIC}:6000", f"{PUBLIC}:5060", remote=(PUBLIC, 40000)), "names port 6000, Via 5060"),
    ],
)
def test_a_gateway_that_rewrites_is_noticed(made: Binding, why: str) -> None:
    word, text = verdict(made)
    assert word == "alg"
    assert why in text
    assert "switch that off" in text
