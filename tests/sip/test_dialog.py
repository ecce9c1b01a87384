from __future__ import annotations

from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import LocalProtocolError, ParseError, RemoteProtocolError
from routerd.sip import build
from routerd.sip.dialog import Dialog
from routerd.sip.message import Request, Response
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize

Kind = TypeVar("Kind", Request, Response)
VIA = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKdialog"


def invite(
    *, contact: str | None = "<sip:alice@192.0.2.1:5070>", record_routes: tuple[str, ...] = (), cseq: int = 314
) -> Request:
    request = build.request(
        "INVITE",
        "sip:bob@example.com",
        via=VIA,
        from_='"Alice, A." <sip:alice@example.com>;tag=a',
        to="Bob <sip:bob@example.com>",
        call_id="dialog",
        cseq=cseq,
        contact=contact,
        extra=[("Record-Route", route) for route in record_routes],
    )
    return _again(request)


def answer(
    request: Request,
    status: int = 200,
    *,
    tag: str = "b",
    contact: str | None = "<sip:bob@192.0.2.2>",
    record_routes: tuple[str, ...] = (),
) -> Response:
    response = build.response(request, status, to_tag=tag)
    response.remove("Record-Route")
    for route in record_routes:
        response.add("Record-Route", route)
    if contact is not None:
        response.add("Contact", contact)
    return _again(response)


def _again(message: Kind) -> Kind:
    return parse(serialize(message))


def test_the_uas_side() -> None:
    dialog = Dialog.as_uas(invite(record_routes=("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")), "b")
    assert dialog.key == ("dialog", "b", "a")
    assert dialog.local_party == '"Bob" <sip:bob@example.com>'
    assert dialog.remote_party == '"Alice, A." <sip:alice@example.com>'
    assert dialog.remote_target == "sip:alice@192.0.2.1:5070"
    assert dialog.routes == ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")
    assert (dialog.local_cseq, dialog.remote_cseq) == (0, 314)
    assert (dialog.is_uac, dialog.confirmed) == (False, False)


def test_the_uac_side_reverses_the_route_set() -> None:
    request = invite()
    response = answer(request, record_routes=("<sip:p2.example.com;lr>, <sip:p1.example.com;lr>",))
    dialog = Dialog.as_uac(request, response)
    assert dialog.key == ("dialog", "a", "b")
    assert dialog.local_party == '"Alice, A." <sip:alice@example.com>'
    assert dialog.remote_party == '"Bob" <sip:bob@example.com>'
    assert dialog.remote_target == "sip:bob@192.0.2.2"
    assert dialog.routes == ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")
    assert (dialog.local_cseq, dialog.remote_cseq) == (314, None)
    assert (dialog.is_uac, dialog.confirmed) == (True, True)


def test_the_uac_side_without_the_request_at_hand() -> None:
    request = invite()
    response = answer(request, tag="fork")
    assert Dialog.as_uac(None, response).key == ("dialog", "a", "fork")
    assert Dialog.as_uac(None, response).local_cseq == 314


def test_a_uas_needs_one_contact_or_a_peer_of_rfc_2543() -> None:
    assert Dialog.as_uas(invite(contact=None), "b").remote_target == invite().from_.uri_text
    with pytest.raises(ParseError):
        Dialog.as_uas(invite(contact="*"), "b")


def test_a_uac_without_a_contact_stays_with_the_request_uri() -> None:
    request = invite()
    assert Dialog.as_uac(request, answer(request, 180, contact=None)).remote_target == "sip:bob@example.com"


def test_requests_within_a_dialog() -> None:
    request = invite()
    dialog = Dialog.as_uac(request, answer(request, record_routes=("<sip:p1.example.com;lr>",)))
    bye = _again(dialog.next_request("BYE", via=VIA, extra=(("Reason", "Q.850;cause=16"),)))
    assert bye.uri == "sip:bob@192.0.2.2"
    assert bye.get_all("Route") == ["<sip:p1.example.com;lr>"]
    assert (bye.cseq.number, bye.cseq.method) == (315, "BYE")
    assert (bye.from_.tag, bye.to.tag, bye.call_id) == ("a", "b", "dialog")
    assert bye.get("From") == '"Alice, A." <sip:alice@example.com>;tag=a'
    assert bye.get("Reason") == "Q.850;cause=16"
    assert bye.max_forwards == 70
    update = dialog.next_request(
        "UPDATE", via=VIA, contact="<sip:me@192.0.2.1>", body=b"v=0", content_type="application/sdp"
    )
    assert (update.cseq.number, update.get("Contact"), update.body) == (316, "<sip:me@192.0.2.1>", b"v=0")
    assert dialog.next_hop() == "sip:p1.example.com;lr"


def test_the_ack_of_a_2xx_has_the_cseq_and_credentials_of_its_invite() -> None:
    request = invite()
    dialog = Dialog.as_uac(request, answer(request))
    dialog.next_request("INFO", via=VIA)
    ack = _again(dialog.ack(314, via=VIA, extra=(("Authorization", 'Digest username="a"'),)))
    assert (ack.method, ack.cseq.number, ack.cseq.method) == ("ACK", 314, "ACK")
    assert ack.get("Authorization") == 'Digest username="a"'
    assert ack.uri == "sip:bob@192.0.2.2"
    assert dialog.local_cseq == 315


def test_strict_routing() -> None:
    request = invite()
    routes = ("<sip:loose.example.com;lr>", "<sip:strict.example.com;transport=tcp>")
    dialog = Dialog.as_uac(request, answer(request, record_routes=routes))
    bye = dialog.next_request("BYE", via=VIA)
    assert bye.uri == "sip:strict.example.com;transport=tcp"
    assert bye.get_all("Route") == ["<sip:loose.example.com;lr>", "<sip:bob@192.0.2.2>"]
    assert dialog.next_hop() == "sip:strict.example.com;transport=tcp"


def test_a_strict_routers_uri_loses_what_no_request_uri_may_have() -> None:
    request = invite()
    dialog = Dialog.as_uac(
        request, answer(request, record_routes=("<sip:strict.example.com;method=INVITE?Subject=x>",))
    )
    assert dialog.next_request("BYE", via=VIA).uri == "sip:strict.example.com"


def test_without_routes_requests_go_to_the_target() -> None:
    dialog = Dialog.as_uas(invite(), "b")
    assert dialog.next_hop() == "sip:alice@192.0.2.1:5070"
    bye = dialog.next_request("BYE", via=VIA)
    assert bye.get("Route") is None
    assert (bye.cseq.number, bye.from_.tag, bye.to.tag) == (1, "b", "a")


def test_header_parameters_of_routes_are_kept() -> None:
    dialog = Dialog.as_uas(invite(record_routes=("<sip:p1.example.com;lr>;rr=x;flag",)), "b")
    assert dialog.routes == ("<sip:p1.example.com;lr>;rr=x;flag",)
    assert dialog.next_hop() == "sip:p1.example.com;lr"


def test_an_early_dialog_is_confirmed_with_the_route_set_of_the_2xx() -> None:
    request = invite()
    dialog = Dialog.as_uac(request, answer(request, 180, record_routes=("<sip:early.example.com;lr>",)))
    assert not dialog.confirmed
    dialog.confirm(answer(request, record_routes=("<sip:p2;lr>", "<sip:p1;lr>"), contact="<sip:bob@192.0.2.99>"))
    assert dialog.confirmed
    assert dialog.routes == ("<sip:p1;lr>", "<sip:p2;lr>")
    assert dialog.remote_target == "sip:bob@192.0.2.99"
    dialog.confirm(answer(request, record_routes=("<sip:other;lr>",)))
    assert dialog.routes == ("<sip:p1;lr>", "<sip:p2;lr>")


def test_target_refresh() -> None:
    dialog = Dialog.as_uas(invite(), "b")
    dialog.refresh_target(invite(contact="<sip:alice@198.51.100.1>"))
    assert dialog.remote_target == "sip:alice@198.51.100.1"
    dialog.refresh_target(invite(contact=None))
    assert dialog.remote_target == "sip:alice@198.51.100.1"


def test_cseq_must_grow_and_may_have_gaps() -> None:
    dialog = Dialog.as_uas(invite(), "b")
    dialog.check_request(invite(cseq=315))
    dialog.check_request(invite(cseq=900))
    for number in (900, 899, 1):
        with pytest.raises(RemoteProtocolError) as caught:
            dialog.check_request(invite(cseq=number))
        assert caught.value.status_hint == 500
    assert dialog.remote_cseq == 900


def test_ack_and_cancel_bear_the_cseq_of_their_invite() -> None:
    dialog = Dialog.as_uas(invite(), "b")
    ack = invite()
    ack.set("CSeq", "314 ACK")
    dialog.check_request(ack)
    assert dialog.remote_cseq == 314


def test_the_first_request_of_the_callee_may_have_any_cseq() -> None:
    request = invite()
    dialog = Dialog.as_uac(request, answer(request))
    dialog.check_request(invite(cseq=0))
    assert dialog.remote_cseq == 0


def test_what_next_request_refuses() -> None:
    dialog = Dialog.as_uas(invite(), "b")
    for method in ("ACK", "CANCEL"):
        with pytest.raises(LocalProtocolError):
            dialog.next_request(method, via=VIA)
    dialog.local_cseq = 2**31 - 1
    with pytest.raises(LocalProtocolError):
        dialog.next_request("BYE", via=VIA)


def test_a_peer_without_a_tag_is_one_of_rfc_2543() -> None:
    request = invite()
    request.set("From", "<sip:alice@example.com>")
    dialog = Dialog.as_uas(request, "b")
    assert dialog.remote_tag == ""
    assert dialog.next_request("BYE", via=VIA).get("To") == "<sip:alice@example.com>"


@given(st.lists(st.booleans(), max_size=5))
def test_both_sides_see_the_same_path(loose: list[bool]) -> None:
    routes = tuple(f"<sip:p{index}.example.com{';lr' if lr else ''}>" for index, lr in enumerate(loose))
    request = invite(record_routes=routes)
    uas = Dialog.as_uas(request, "b")
    uac = Dialog.as_uac(request, answer(request, record_routes=routes))
    assert uas.routes == routes
    assert uac.routes == routes[::-1]
    for dialog in (uas, uac):
        bye = _again(dialog.next_request("BYE", via=VIA))
        path = [f"<{bye.uri}>", *bye.get_all("Route")]
        wanted = [*dialog.routes, f"<{dialog.remote_target}>"]
        assert sorted(path) == sorted(wanted)
        assert dialog.next_hop() == wanted[0][1:-1]
        strict = bool(dialog.routes) and ";lr" not in dialog.routes[0]
        assert path == (wanted if strict else [wanted[-1], *wanted[:-1]])


def test_other_parameters_of_from_and_to_stay() -> None:
    request = invite()
    request.set("From", "<sip:alice@example.com>;tag=a;x=y")
    dialog = Dialog.as_uas(request, "b")
    assert dialog.remote_party == "<sip:alice@example.com>;x=y"
    assert "early" in repr(dialog)
