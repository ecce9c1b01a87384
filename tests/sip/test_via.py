from __future__ import annotations

import pytest

from routerd.errors import ParseError
from routerd.sip.via import Via


def test_the_ordinary_one() -> None:
    via = Via.parse("SIP/2.0/UDP 192.0.2.4:5062;branch=z9hG4bK77;rport")
    assert (via.transport, via.host, via.port) == ("UDP", "192.0.2.4", 5062)
    assert (via.branch, via.rport, via.received, via.has_cookie) == ("z9hG4bK77", "", None, True)
    assert str(via) == "SIP/2.0/UDP 192.0.2.4:5062;branch=z9hG4bK77;rport"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (
            "SIP / 2.0 / TCP spindle.example.com ; branch = z9hG4bK9ikj8 ",
            "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
        ),
        ("sip/2.0/tls Host : 05061", "SIP/2.0/TLS Host:5061"),
        ("SIP/2.0/UNKNOWN t4", "SIP/2.0/UNKNOWN t4"),
        (
            "SIP/2.0/UDP [2001:db8::9:1]:5060;received=[2001:db8::9:255]",
            "SIP/2.0/UDP [2001:db8::9:1]:5060;received=[2001:db8::9:255]",
        ),
        ("SIP/2.0/UDP [2001:db8:::192.0.2.1]", "SIP/2.0/UDP [2001:db8:::192.0.2.1]"),
        ('SIP/2.0/UDP h;x="a;b";ttl=16', 'SIP/2.0/UDP h;x="a;b";ttl=16'),
        ("SIP/2.0/TLS-SCTP h;branch=", "SIP/2.0/TLS-SCTP h;branch="),
    ],
)
def test_odd_ones(text: str, canonical: str) -> None:
    via = Via.parse(text)
    again = Via.parse(canonical)
    assert (via.transport, via.host, via.port, via.params) == (again.transport, again.host, again.port, again.params)
    assert Via.parse(str(via)).params == via.params


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/2.0/UDP h;;",
        "SIP/2.0/UDP 192.0.2.15;;,;,,",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP [::1",
        "SIP/2.0/UDP h x",
        "SIP/2.0/UDP h;branch=a;branch=b",
        "HTTP/1.1/TCP h",
        "SIP/2.0/U P h",
        "SIP/2.0UDP h",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        Via.parse(text)
    assert caught.value.status_hint == 400


def test_another_version_is_told() -> None:
    with pytest.raises(ParseError) as caught:
        Via.parse("SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw")
    assert caught.value.status_hint == 505


def test_received_with_and_without_brackets() -> None:
    assert Via.parse("SIP/2.0/UDP h;received=2001:db8::9:255").received == "2001:db8::9:255"
    assert Via.parse("SIP/2.0/UDP h;received=[2001:db8::9:255];rport=5061").received == "2001:db8::9:255"
    assert Via.parse("SIP/2.0/UDP h;rport=5061").rport == "5061"


@pytest.mark.parametrize("branch", ["z9hG4bK", "abc", ""])
def test_branches_that_name_no_transaction(branch: str) -> None:
    assert not Via.parse(f"SIP/2.0/UDP h;branch={branch}").has_cookie


def test_a_branch_goes_back_letter_by_letter() -> None:
    text = 'SIP/2.0/UDP H.example.com;branch=z9hG4bK/a@b=c;x="q;\\"";y='
    assert str(Via.parse(text)) == text


def test_a_sender_that_is_known_is_still_read_to_the_end() -> None:
    head = "SIP/2.0/UDP 192.0.2.77:50600;rport"
    first, second = Via.parse(head + ";branch=z9hG4bKa"), Via.parse(head + ";branch=z9hG4bKb")
    assert (first.branch, second.branch, second.port, second.rport) == ("z9hG4bKa", "z9hG4bKb", 50600, "")
    first.params["received"] = "192.0.2.1"
    assert second.params == {"rport": None, "branch": "z9hG4bKb"}
    assert Via.parse(head + ";branch=z9hG4bKc;received=192.0.2.9").received == "192.0.2.9"
    for odd in (";branch=a;branch=b", ";branch=a b", ";branch=a,"):
        with pytest.raises(ParseError):
            Via.parse(head + odd)
    assert str(second) == head + ";branch=z9hG4bKb"
