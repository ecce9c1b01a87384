from __future__ import annotations

import pytest

from routerd.errors import ParseError
from routerd.sip.message import MAX_DELTA_SECONDS, CSeq, Message, Request, Response, delta_seconds
from routerd.sip.via import Via


def request(*more: tuple[str, str]) -> Request:
    return Request(
        "INVITE",
        "sip:bob@example.com",
        [
            ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP b;branch=z9hG4bK2"),
            ("Via", "SIP/2.0/TLS c;branch=z9hG4bK3"),
            ("From", "<sip:alice@example.com>;tag=1"),
            ("To", "<sip:bob@example.com>"),
            ("Call-ID", "x@y"),
            ("CSeq", "7 INVITE"),
            *more,
        ],
    )


def test_fields_as_text() -> None:
    message = request(("X-One", "1"), ("x-one", "2"), ("Subject", ""))
    assert message.get("Call-ID") == "x@y"
    assert message.get("X-ONE") == "1"
    assert message.get_all("X-One") == ["1", "2"]
    assert message.get("Subject") == ""
    assert message.get("Expires") is None
    assert message.get_all("Expires") == []
    assert message.get_all("Via") == [value for name, value in message.fields if name == "Via"]


def test_values_of_lists_and_of_others() -> None:
    message = request(("Allow", "INVITE, ACK,"), ("Allow", "BYE"), ("Subject", "a, b"))
    assert message.values("Allow") == ["INVITE", "ACK", "BYE"]
    assert message.values("Subject") == ["a, b"]


def test_typed_headers() -> None:
    message = request(
        ("Contact", "<sip:a@b>, <sip:c@d>"),
        ("Contact", "sip:e@f;q=1"),
        ("Route", "<sip:p1;lr>,<sip:p2;lr>"),
        ("Record-Route", "<sip:r1;lr>"),
        ("Max-Forwards", "070"),
        ("Require", "100rel, TIMER"),
        ("Supported", ""),
        ("Content-Type", "Application / SDP ; charset=x"),
        ("Expires", "60"),
        ("Content-Length", "0"),
    )
    assert [via.host for via in message.vias] == ["a", "b", "c"]
    assert message.via.host == "a"
    assert (message.from_.tag, message.to.tag, message.call_id) == ("1", None, "x@y")
    assert message.cseq == CSeq(7, "INVITE")
    assert [contact.uri_text for contact in message.contacts] == ["sip:a@b", "sip:c@d", "sip:e@f"]
    assert [route.uri.host for route in message.routes] == ["p1", "p2"]
    assert [route.uri.lr for route in message.record_routes] == [True]
    assert (message.max_forwards, message.expires, message.content_length) == (70, 60, 0)
    assert (message.require, message.supported) == (["100rel", "timer"], [])
    assert message.content_type == "application/sdp"
    assert message.request_uri.user == "bob"


def test_absent_headers() -> None:
    bare = Message([])
    assert (bare.max_forwards, bare.expires, bare.content_type, bare.content_length) == (None, None, None, None)
    assert (bare.contacts, bare.routes, bare.record_routes, bare.require, bare.vias) == ([], [], [], [], [])
    for name in ("via", "from_", "to", "call_id", "cseq"):
        with pytest.raises(ParseError):
            getattr(bare, name)


def test_lists_have_an_end() -> None:
    assert len(request(("Contact", ", ".join(["<sip:a@b>"] * 500))).contacts) == 500
    with pytest.raises(ParseError):
        _ = request(("Contact", ", ".join(["<sip:a@b>"] * 501))).contacts


def test_the_star() -> None:
    assert request(("Contact", "*")).contact_is_star
    assert request(("Contact", "*")).contacts == []
    assert not request(("Contact", "<sip:a@b>")).contact_is_star
    both = request(("Contact", "*"), ("Contact", "<sip:a@b>"))
    assert not both.contact_is_star
    with pytest.raises(ParseError):
        _ = both.contacts


def test_changes_are_seen_by_what_was_typed_before() -> None:
    message = request(("Contact", "<sip:a@b>"), ("Route", "<sip:p1;lr>"))
    assert (message.to.tag, message.cseq.number, message.from_.tag) == (None, 7, "1")
    assert (len(message.contacts), len(message.routes), message.via.host) == (1, 1, "a")
    message.set("To", "<sip:bob@example.com>;tag=2")
    message.set("CSeq", "8 INVITE")
    message.set("From", "<sip:alice@example.com>;tag=3")
    message.add("Contact", "<sip:c@d>")
    message.remove("Route")
    message.prepend("Via", "SIP/2.0/UDP new")
    assert (message.to.tag, message.cseq.number, message.from_.tag) == ("2", 8, "3")
    assert (len(message.contacts), message.routes, message.via.host) == (2, [], "new")
    assert message.fields[0] == ("Via", "SIP/2.0/UDP new")


def test_set_keeps_the_place_and_leaves_one() -> None:
    message = request(("X-A", "1"), ("Subject", "s"), ("x-a", "2"))
    message.set("X-A", "3")
    assert message.fields[-2:] == [("X-A", "3"), ("Subject", "s")]
    message.set("X-New", "n")
    assert message.fields[-1] == ("X-New", "n")
    message.set("Via", "SIP/2.0/UDP z")
    assert [name for name, _ in message.fields].index("Via") == 0
    assert len(message.vias) == 1


def test_the_topmost_via_is_replaced_alone() -> None:
    message = request()
    via = message.via
    via.params["received"] = "192.0.2.1"
    message.replace_via(via)
    assert (
        message.get_all("Via")[0] == "SIP/2.0/UDP a;branch=z9hG4bK1;received=192.0.2.1, SIP/2.0/TCP b;branch=z9hG4bK2"
    )
    assert str(message.vias[0]) == str(Via.parse("SIP/2.0/UDP a;branch=z9hG4bK1;received=192.0.2.1"))
    assert len(message.vias) == 3


def test_a_new_request_uri_is_typed_anew() -> None:
    message = request()
    assert message.request_uri.host == "example.com"
    message.uri = "sip:elsewhere"
    assert message.request_uri.host == "elsewhere"


def test_copies_change_alone() -> None:
    first = request()
    second = first.copy()
    second.remove("Via")
    assert len(first.vias) == 3
    third = Response(200, "OK", [("To", "<sip:a@b>")])
    third.copy().remove("To")
    assert third.get("To") is not None


@pytest.mark.parametrize(
    "text", ["", "INVITE", "1", "1INVITE", "-1 INVITE", "2147483648 A", "1 IN VITE", "x INVITE", "1 Ä", "٣ A"]
)
def test_bad_cseqs(text: str) -> None:
    with pytest.raises(ParseError):
        CSeq.parse(text)


def test_odd_cseqs() -> None:
    assert CSeq.parse("0009   INVITE") == CSeq(9, "INVITE")
    assert CSeq.parse("2147483647\tNEW-method") == CSeq(2147483647, "NEW-method")
    assert str(CSeq(0, "ACK")) == "0 ACK"


def test_lifetimes_are_clipped_or_default() -> None:
    assert delta_seconds(" 60 ") == 60
    assert delta_seconds("0" * 50 + "7") == 7
    assert delta_seconds("4294967296") == MAX_DELTA_SECONDS
    assert delta_seconds("9" * 9000) == MAX_DELTA_SECONDS
    assert delta_seconds("Thu, 01 Dec 1994 16:00:00 GMT") == 3600
    assert delta_seconds("-1", default=0) == 0
