"""New messages from the parts of others: responses, requests, ACK and CANCEL (RFC 3261 §8, §9.1, §17.1.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.errors import ParseError
from routerd.sip.message import Fields, Request, Response
from routerd.sip.name_addr import NameAddr
from routerd.sip.status import reason as reason_for

if TYPE_CHECKING:
    from collections.abc import Sequence

# Methods whose 2xx makes a dialog, so that its route set must come back (RFC 3261 §12.1.1, RFC 6665 §4.4.1).
DIALOG_FORMING = frozenset({"INVITE", "SUBSCRIBE", "REFER", "NOTIFY"})

_ECHOED = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
_ECHOED_WITH_ROUTES = _ECHOED | {"Record-Route"}
_ECHOED_BY_100 = _ECHOED | {"Timestamp"}


def response(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    extra: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """A response to ``request``, with what RFC 3261 §8.2.6 wants copied; next: ``TransactionLayer.respond``.

    ``to_tag`` is put on To when it has none and the status is above 100. Record-Route is copied where a dialog can
    come of it (101 to 299), Timestamp into a 100. ``extra`` fields follow in their order.
    """
    routes = 100 < status < 300 and request.method in DIALOG_FORMING
    echoed = _ECHOED_WITH_ROUTES if routes else _ECHOED_BY_100 if status == 100 else _ECHOED
    fields = [field for field in request.fields if field[0] in echoed]
    if to_tag and status > 100:
        fields = [("To", _with_tag(request, field[1], to_tag)) if field[0] == "To" else field for field in fields]
    fields.extend(extra)
    if content_type is not None:
        fields.append(("Content-Type", content_type))
    return Response(status, reason_for(status) if reason is None else reason, fields, body)


def _with_tag(request: Request, text: str, tag: str) -> str:
    """The To value ``text`` with ``tag``, unless it has one or, in an answer to malformed requests, is illegible."""
    try:
        to = request.to
    except ParseError:
        return text
    if to.tag is not None:
        return text
    if "tag" in to.params:
        return str(NameAddr(to.uri_text, to.display, to.params | {"tag": tag}))
    return f"{text};tag={tag}"


def request(
    method: str,
    uri: str,
    *,
    via: str,
    from_: str,
    to: str,
    call_id: str,
    cseq: int,
    max_forwards: int = 70,
    routes: Sequence[str] = (),
    contact: str | None = None,
    extra: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Request:
    """A new request from header values as text (RFC 3261 §8.1.1); next: ``TransactionLayer.send_request``.

    ``routes`` are Route values, next hop first, one header line each.
    """
    fields: Fields = [("Via", via), ("Max-Forwards", str(max_forwards))]
    fields.extend(("Route", route) for route in routes)
    fields += [("From", from_), ("To", to), ("Call-ID", call_id), ("CSeq", f"{cseq} {method}")]
    if contact is not None:
        fields.append(("Contact", contact))
    fields.extend(extra)
    if content_type is not None:
        fields.append(("Content-Type", content_type))
    return Request(method, uri, fields, body)


def ack_for_failure(invite: Request, response: Response) -> Request:
    """The ACK for a 300-699 ``response`` to ``invite``: same branch, the response's To (RFC 3261 §17.1.1.3)."""
    return _companion(invite, "ACK", response.get("To") or invite.get("To") or "")


def cancel(invite: Request) -> Request:
    """The CANCEL of ``invite``: same branch, Call-ID, To, From, Route and CSeq number (RFC 3261 §9.1)."""
    return _companion(invite, "CANCEL", invite.get("To") or "")


def _companion(invite: Request, method: str, to: str) -> Request:
    fields: Fields = [("Via", str(invite.via)), ("Max-Forwards", "70")]
    fields += [("Route", value) for value in invite.get_all("Route")]
    fields += [
        ("From", invite.get("From") or ""),
        ("To", to),
        ("Call-ID", invite.call_id),
        ("CSeq", f"{invite.cseq.number} {method}"),
    ]
    return Request(method, invite.uri, fields)
