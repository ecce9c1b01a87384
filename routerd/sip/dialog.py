"""Dialogs: what two user agents remember of each other between requests (RFC 3261 §12).

A dialog is made by ``Dialog.as_uas`` from the INVITE (or other request) that we answer, or by ``Dialog.as_uac`` from
the request that we sent and a response with a To tag. ``next_request`` and ``ack`` build what we send within it,
``check_request`` and ``refresh_target`` take what comes. No state beyond that: who ends a dialog, and when, is the
call's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.errors import LocalProtocolError, ParseError, RemoteProtocolError
from routerd.sip import build
from routerd.sip.name_addr import NameAddr
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.sip.message import Message, Request, Response

_MAX_CSEQ = 2**31 - 1


class Dialog:
    """One dialog, early or confirmed.

    ``local_party`` and ``remote_party`` are From/To values without their tag, ``remote_target`` is a URI's text,
    ``routes`` the route set in the order in which our requests bear it, each with its angle brackets.
    ``remote_cseq`` is None until the peer has sent a request within it.
    """

    __slots__ = (
        "call_id",
        "confirmed",
        "is_uac",
        "local_cseq",
        "local_party",
        "local_tag",
        "remote_cseq",
        "remote_party",
        "remote_tag",
        "remote_target",
        "routes",
    )

    def __init__(
        self,
        *,
        call_id: str,
        local_tag: str,
        remote_tag: str,
        local_party: str,
        remote_party: str,
        remote_target: str,
        routes: tuple[str, ...] = (),
        local_cseq: int = 0,
        remote_cseq: int | None = None,
        confirmed: bool = False,
        is_uac: bool = False,
    ) -> None:
        self.call_id: str = call_id
        self.local_tag: str = local_tag
        self.remote_tag: str = remote_tag
        self.local_party: str = local_party
        self.remote_party: str = remote_party
        self.remote_target: str = remote_target
        self.routes: tuple[str, ...] = routes
        self.local_cseq: int = local_cseq
        self.remote_cseq: int | None = remote_cseq
        self.confirmed: bool = confirmed
        self.is_uac: bool = is_uac

    @classmethod
    def as_uas(cls, request: Request, local_tag: str) -> Dialog:
        """Make the UAS's dialog of a request that we answer with ``local_tag`` (§12.1.1).

        Without a Contact the peer is of RFC 2543 (§6.13 there) and reached at its From URI; RFC 4475 §3.4.1.
        Raises ``ParseError`` when Contact names no single address: no request of ours could reach the peer.
        """
        sender = request.from_
        return cls(
            call_id=request.call_id,
            local_tag=local_tag,
            remote_tag=sender.tag or "",
            local_party=_without_tag(request.to),
            remote_party=_without_tag(sender),
            remote_target=_contact_of(request),
            routes=_route_set(request, reverse=False),
            remote_cseq=request.cseq.number,
        )

    @classmethod
    def as_uac(cls, request: Request | None, response: Response) -> Dialog:
        """Make the UAC's dialog of a response with a To tag (§12.1.2); early unless the response is a 2xx.

        ``request`` is ours; with None (a further 2xx after the transaction let it go) the response's own copies serve.
        Without a Contact the target is the Request-URI, or the To URI. Raises ``ParseError``.
        """
        ours: Message = response if request is None else request
        sender = ours.from_
        target = _contact_or_none(response)
        if target is None:
            target = response.to.uri_text if request is None else request.uri
        return cls(
            call_id=ours.call_id,
            local_tag=sender.tag or "",
            remote_tag=response.to.tag or "",
            local_party=_without_tag(sender),
            remote_party=_without_tag(ours.to),
            remote_target=target,
            routes=_route_set(response, reverse=True),
            local_cseq=ours.cseq.number,
            confirmed=200 <= response.status < 300,
            is_uac=True,
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """The dialog's identity: Call-ID, local tag, remote tag (§12)."""
        return (self.call_id, self.local_tag, self.remote_tag)

    def confirm(self, response: Response) -> None:
        """Make an early dialog of ours a confirmed one: route set and target anew from the 2xx (§13.2.2.4)."""
        if not self.confirmed:
            self.routes = _route_set(response, reverse=True)
            self.confirmed = True
        self.refresh_target(response)

    def next_request(
        self,
        method: str,
        *,
        via: str,
        contact: str | None = None,
        max_forwards: int = 70,
        extra: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Request:
        """Build our next request within the dialog; raises ``local_cseq`` by one (§12.2.1.1).

        ``via`` is the whole Via value with a new branch, ``contact`` a whole Contact value. Raises
        ``LocalProtocolError`` for ACK (see ``ack``), CANCEL, and when CSeq is exhausted.
        """
        if method in {"ACK", "CANCEL"} or self.local_cseq >= _MAX_CSEQ:
            raise LocalProtocolError(f"{method} with CSeq after {self.local_cseq} cannot be sent within a dialog")
        self.local_cseq += 1
        return self._request(method, self.local_cseq, via, contact, max_forwards, extra, body, content_type)

    def ack(
        self,
        cseq: int,
        *,
        via: str,
        contact: str | None = None,
        extra: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Request:
        """Build the ACK for a 2xx to the INVITE of ``cseq`` (§13.2.2.4); repeat it as it is for a repeated 2xx.

        ``extra`` must bear the Authorization or Proxy-Authorization of the INVITE, if it had any (§22.1).
        """
        return self._request("ACK", cseq, via, contact, 70, extra, body, content_type)

    def next_hop(self) -> str:
        """URI where our requests go (§8.1.2): the first route, strict or loose, else the remote target."""
        return _uri_of(self.routes[0]) if self.routes else self.remote_target

    def check_request(self, request: Request) -> None:
        """Check the CSeq of a request within the dialog, and remember it (§12.2.2); gaps are no error.

        Not for ACK and CANCEL, whose CSeq is their INVITE's: they pass unchecked.
        Raises ``RemoteProtocolError`` with status_hint 500 when the number is lower than the last one or, for another
        transaction, the same.
        """
        cseq = request.cseq
        if cseq.method in {"ACK", "CANCEL"}:
            return
        if self.remote_cseq is not None and cseq.number <= self.remote_cseq:
            raise RemoteProtocolError(f"CSeq {cseq.number} after {self.remote_cseq}", 500)
        self.remote_cseq = cseq.number

    def refresh_target(self, message: Message) -> None:
        """Take the remote target from the Contact of a target refresh request or of its 2xx (§12.2.1.2, §12.2.2).

        A message without a usable Contact leaves the target as it is.
        """
        target = _contact_or_none(message)
        if target is not None:
            self.remote_target = target

    def _request(
        self,
        method: str,
        cseq: int,
        via: str,
        contact: str | None,
        max_forwards: int,
        extra: Sequence[tuple[str, str]],
        body: bytes,
        content_type: str | None,
    ) -> Request:
        target = self.remote_target
        routes: Sequence[str] = self.routes
        if routes:
            first = _uri_of(routes[0])
            if not Uri.parse(first).lr:
                # A strict router wants itself in the Request-URI and the target behind the other routes (§12.2.1.1).
                routes = (*routes[1:], f"<{target}>")
                target = _for_request_line(first)
        return build.request(
            method,
            target,
            via=via,
            from_=f"{self.local_party};tag={self.local_tag}",
            to=f"{self.remote_party};tag={self.remote_tag}" if self.remote_tag else self.remote_party,
            call_id=self.call_id,
            cseq=cseq,
            max_forwards=max_forwards,
            routes=routes,
            contact=contact,
            extra=extra,
            body=body,
            content_type=content_type,
        )

    def __repr__(self) -> str:
        state = "confirmed" if self.confirmed else "early"
        return f"Dialog({self.call_id!r}, {self.local_tag!r}, {self.remote_tag!r}, {state})"


def _without_tag(party: NameAddr) -> str:
    """Write a From or To value back without its tag; the other parameters stay."""
    params = party.params
    if not params or (len(params) == 1 and "tag" in params):
        if party.display is None:
            return f"<{party.uri_text}>"
        return str(NameAddr(party.uri_text, party.display))
    return str(NameAddr(party.uri_text, party.display, {k: v for k, v in party.params.items() if k != "tag"}))


def _contact_or_none(message: Message) -> str | None:
    """Find the URI of the Contact, None when there is none or it names no single address."""
    if message.get("Contact") is None or message.contact_is_star:
        return None
    contacts = message.contacts
    return contacts[0].uri_text if contacts else None


def _contact_of(request: Request) -> str:
    target = request.from_.uri_text if request.get("Contact") is None else _contact_or_none(request)
    if target is None:
        raise ParseError(f"{request.method} without a Contact makes no dialog")
    return target


def _route_set(message: Message, *, reverse: bool) -> tuple[str, ...]:
    """Read the route set from the Record-Route fields (§12.1.1 in order, §12.1.2 reversed); parameters stay."""
    if message.get("Record-Route") is None:
        return ()
    routes = [f"<{route.uri_text}>{_route_params(route)}" for route in message.record_routes]
    return tuple(reversed(routes)) if reverse else tuple(routes)


def _route_params(route: NameAddr) -> str:
    """Write the header parameters (rr-param) of a route, which are to be preserved (§12.1.1)."""
    return str(NameAddr("", None, route.params))[2:] if route.params else ""


def _uri_of(route: str) -> str:
    """Find the URI of a route set's element."""
    return NameAddr.parse(route).uri_text


def _for_request_line(uri_text: str) -> str:
    """Strip what may not stand in a Request-URI: a method parameter and headers (§12.2.1.1, §19.1.1)."""
    uri = Uri.parse(uri_text)
    if not uri.headers and "method" not in uri.params:
        return uri_text
    base = uri_text.partition("?")[0]
    return ";".join(part for part in base.split(";") if not part.lower().startswith("method="))
