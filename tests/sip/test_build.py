from __future__ import annotations

from routerd.sip import build
from routerd.sip.message import CSeq, Request, Response
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize


def invite(to: str = "<sip:bob@example.com>", method: str = "INVITE") -> Request:
    return Request(
        method,
        "sip:bob@192.0.2.4",
        [
            ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1"),
            ("Via", "SIP/2.0/UDP b;branch=z9hG4bK2"),
            ("Max-Forwards", "70"),
            ("Record-Route", "<sip:p1;lr>"),
            ("Record-Route", "<sip:p2;lr>"),
            ("Route", "<sip:r1;lr>"),
            ("From", "<sip:alice@example.com>;tag=1"),
            ("To", to),
            ("Call-ID", "x@y"),
            ("CSeq", f"7 {method}"),
            ("Timestamp", "54"),
            ("Contact", "<sip:alice@a>"),
            ("Proxy-Require", "x"),
        ],
        b"body",
    )


def test_a_response_copies_what_it_must() -> None:
    response = build.response(invite(), 180, to_tag="t", extra=[("Contact", "<sip:us>")])
    assert (response.status, response.reason, response.body) == (180, "Ringing", b"")
    assert response.fields == [
        ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1"),
        ("Via", "SIP/2.0/UDP b;branch=z9hG4bK2"),
        ("Record-Route", "<sip:p1;lr>"),
        ("Record-Route", "<sip:p2;lr>"),
        ("From", "<sip:alice@example.com>;tag=1"),
        ("To", "<sip:bob@example.com>;tag=t"),
        ("Call-ID", "x@y"),
        ("CSeq", "7 INVITE"),
        ("Contact", "<sip:us>"),
    ]


def test_a_100_has_the_timestamp_and_no_tag() -> None:
    response = build.response(invite(), 100, to_tag="t")
    assert response.get("Timestamp") == "54"
    assert response.to.tag is None
    assert response.get("Record-Route") is None


def test_record_routes_only_where_a_dialog_may_come_of_it() -> None:
    assert build.response(invite(), 200).get("Record-Route") is not None
    assert build.response(invite(), 404).get("Record-Route") is None
    assert build.response(invite(method="OPTIONS"), 200).get("Record-Route") is None


def test_tags_are_never_doubled() -> None:
    for to, tag in (
        ("<sip:bob@example.com>;tag=old", "old"),
        ("sip:bob@example.com", "new"),
        ("Bob <sip:bob@example.com>;tag=;x=y", "new"),
        ("<sip:bob@example.com;tag=inner>", "new"),
    ):
        assert build.response(invite(to), 200, to_tag="new").to.tag == tag


def test_an_illegible_to_is_echoed() -> None:
    assert build.response(invite('"x <sip:a@b>'), 400, to_tag="t").get("To") == '"x <sip:a@b>'


def test_reason_and_body() -> None:
    response = build.response(invite(), 200, "Fine", body=b"v=0", content_type="application/sdp")
    assert (response.reason, response.content_type, response.body) == ("Fine", "application/sdp", b"v=0")


def test_a_request_from_its_parts_can_be_parsed() -> None:
    request = build.request(
        "INVITE",
        "sip:bob@example.com",
        via="SIP/2.0/TCP us;branch=z9hG4bKx",
        from_="<sip:us>;tag=1",
        to="<sip:bob@example.com>",
        call_id="c",
        cseq=3,
        routes=["<sip:p1;lr>", "<sip:p2;lr>"],
        contact="<sip:us:5060>",
        extra=[("X-Y", "z")],
        body=b"v=0",
        content_type="application/sdp",
    )
    again = parse(serialize(request))
    assert isinstance(again, Request)
    assert again.fields == [*request.fields, ("Content-Length", "3")]
    assert (again.max_forwards, again.cseq, len(again.routes)) == (70, CSeq(3, "INVITE"), 2)


def test_the_ack_of_a_failure() -> None:
    response = Response(486, "Busy Here", [("To", "<sip:bob@example.com>;tag=9")])
    ack = build.ack_for_failure(invite(), response)
    assert (ack.method, ack.uri, ack.body) == ("ACK", "sip:bob@192.0.2.4", b"")
    assert ack.fields == [
        ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1"),
        ("Max-Forwards", "70"),
        ("Route", "<sip:r1;lr>"),
        ("From", "<sip:alice@example.com>;tag=1"),
        ("To", "<sip:bob@example.com>;tag=9"),
        ("Call-ID", "x@y"),
        ("CSeq", "7 ACK"),
    ]


def test_a_cancel_has_the_invites_to_and_branch() -> None:
    cancel = build.cancel(invite())
    assert (cancel.method, cancel.cseq, cancel.via.branch) == ("CANCEL", CSeq(7, "CANCEL"), "z9hG4bK1")
    assert len(cancel.vias) == 1
    assert cancel.to.tag is None
    assert cancel.get_all("Route") == ["<sip:r1;lr>"]
    assert cancel.get("Proxy-Require") is None
