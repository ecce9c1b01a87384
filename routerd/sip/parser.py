r"""From a datagram, or one whole message of a stream, to a ``Request`` or ``Response`` (RFC 3261 §7, §18.3).

Theory of operation: the header section is decoded once and split at CRLF; one look-up a line gives the canonical name.
A single pass over the bytes proves that no control character hides in it, so that a value never holds CR or LF (a NUL
only as the quoted-pair ``\\NUL`` that RFC 3261 allows). Then ``validate`` types what a server lives by; the typed
values stay in the message, so the work is not done twice. Other headers are kept as they are and judged by no one.
"""

from __future__ import annotations

import re

from routerd.errors import ParseError
from routerd.sip import grammar
from routerd.sip.headers import CANONICAL, MAX_FIELDS, MAX_MESSAGE_BYTES, SINGLE, SPELLINGS
from routerd.sip.message import CSeq, Fields, Message, Request, Response
from routerd.sip.name_addr import NameAddr
from routerd.sip.uri import Uri
from routerd.sip.via import Via

_CONTROLS = bytes((*range(9), *range(10, 32), 127))
_fold = re.compile(r"\r\n[ \t]+")
_control = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_quoted_pair = re.compile(r"\\[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_version = re.compile(r"[Ss][Ii][Pp]/([0-9]+)\.([0-9]+)").fullmatch


def keepalive(data: bytes) -> bool:
    """Whether a datagram is a keep-alive and no message: empty, CRLFs or NULs only (RFC 5626 §3.5.1, RFC 3948)."""
    return not data.strip(b"\r\n\0 ")


def parse(data: bytes) -> Request | Response:
    """The message in ``data``, valid by ``validate``; bytes beyond its Content-Length are dropped (RFC 3261 §18.3).

    Next: ``TransactionLayer.receive``. Raises ``ParseError``; ``status_hint`` is what a request may be answered with,
    see ``salvage``. Responses are to be dropped then.
    """
    message = split(data)
    validate(message)
    return message


def split(data: bytes) -> Request | Response:
    """The message in ``data`` with its fields split but not judged: the structural half of ``parse``."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise ParseError("message too large", 513)
    if data[:2] == b"\r\n":
        data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise ParseError("no empty line behind the headers")
    head = data[:end]
    text = head.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    if len(head) - len(head.translate(None, _CONTROLS)) != 2 * (len(lines) - 1):
        _refuse_controls(lines)
    if "\r\n " in text or "\r\n\t" in text:
        lines = _fold.sub(" ", text).split("\r\n")
    if len(lines) > MAX_FIELDS:
        raise ParseError("too many header fields")
    fields: Fields = []
    index: dict[str, str] = {}
    _split_fields(lines, fields, index)
    body = data[end + 4 :]
    length = index.get("Content-Length")
    if length is not None:
        size = int(length) if length.isdecimal() and length.isascii() and len(length) < 6 else _size(length)
        if size != len(body):
            if size > len(body):
                raise ParseError("Content-Length beyond the end of the message")
            body = body[:size]
    return _start(lines[0], fields, body, index)


def _split_fields(lines: list[str], fields: Fields, index: dict[str, str]) -> None:
    """The header lines into ``fields``, and each name's first value into ``index``."""
    spellings = SPELLINGS
    known = iter(lines)
    next(known)
    for line in known:
        spelled, colon, value = line.partition(":")
        name = spellings.get(spelled) or _field_name(spelled)
        if not colon:
            raise ParseError(f"header line without a colon: {line[:60]!r}")
        value = value.strip(" \t")
        if name not in index:
            index[name] = value
        elif name in SINGLE:
            raise ParseError(f"{name} is given twice")
        fields.append((name, value))


def _field_name(spelled: str) -> str:
    """The name of a field that is not spelled as usual: blanks before the colon, odd case, or unknown."""
    name = spelled.rstrip(" \t")
    if not grammar.is_token(name):
        raise ParseError(f"header name: {name[:60]!r}")
    return CANONICAL.get(name.lower()) or name


def _size(text: str) -> int:
    return grammar.number(text, 2**32 - 1)


def _refuse_controls(lines: list[str]) -> None:
    """Raise, unless every control character is the second half of a quoted-pair (RFC 3261 §25.1, RFC 4475 §3.1.1.2)."""
    for line in lines:
        if _control.search(_quoted_pair.sub("", line.replace("\\\\", ""))) is not None:
            raise ParseError("control character in the headers")


def _start(line: str, fields: Fields, body: bytes, index: dict[str, str]) -> Request | Response:
    """The message that begins with the start-line ``line`` (RFC 3261 §7.1, §7.2)."""
    method, space, rest = line.partition(" ")
    if method[:4].upper() == "SIP/":
        return _start_response(method, rest, fields, body, index)
    uri, space, version = rest.partition(" ")
    if version != "SIP/2.0":
        _check_version(version)
    if not space or not uri or not (method.isalpha() and method.isascii()) and not grammar.is_token(method):
        raise ParseError(f"request line: {line[:60]!r}")
    return Request(method, uri, fields, body, index)


def _start_response(version: str, rest: str, fields: Fields, body: bytes, index: dict[str, str]) -> Response:
    if version != "SIP/2.0":
        _check_version(version)
    code, _, reason = rest.partition(" ")
    if len(code) != 3 or not code.isascii() or not code.isdecimal() or not "1" <= code[0] <= "6":
        raise ParseError(f"status code: {code[:60]!r}")
    return Response(int(code), reason, fields, body, index)


def _check_version(text: str) -> None:
    """Accept ``SIP/2.0`` in any case; raise with 505 for other versions, 400 for what is none (RFC 3261 §7.1)."""
    match = _version(text)
    if match is None:
        raise ParseError(f"not a SIP version: {text[:60]!r}")
    if (match.group(1).lstrip("0"), match.group(2).lstrip("0")) != ("2", ""):
        raise ParseError(f"version {text[:20]}", 505)


def validate(message: Message) -> None:
    """Check what a server depends on, keeping the typed values in ``message`` (RFC 3261 §8.1.1, §8.2, §16.3).

    Via, From, To, Call-ID and CSeq are there and well-formed, the method is CSeq's, the Request-URI is a URI,
    Max-Forwards is a number up to 255, Contact, Route and Record-Route hold addresses. Raises ``ParseError``.
    What RFC 2543 lacked (magic cookie, From tag, Max-Forwards) may be missing.
    """
    via = message.via
    if via.branch == "z9hG4bK":
        raise ParseError("branch with nothing behind the magic cookie")
    for name, address in (("From", message.from_), ("To", message.to)):
        if address.params.get("tag", "x") in {None, ""}:
            raise ParseError(f"tag of {name} without a value")
    if not grammar.is_call_id(message.call_id):
        raise ParseError("Call-ID")
    cseq = message.cseq
    if message.get("Contact") is not None and not message.contacts and not message.contact_is_star:
        raise ParseError("Contact without an address")
    if message.get("Route") is not None:
        _check_routes(message.routes)
    if message.get("Record-Route") is not None:
        _check_routes(message.record_routes)
    if isinstance(message, Request):
        if cseq.method != message.method:
            raise ParseError("CSeq has another method than the request line")
        if message.request_uri.headers:
            raise ParseError("headers in the Request-URI")
        if message.get("Max-Forwards") is not None and message.max_forwards is None:
            raise ParseError("Max-Forwards")


def _check_routes(routes: list[NameAddr]) -> None:
    for route in routes:
        if not route.uri.is_sip:
            raise ParseError("a route that is no SIP URI")


def salvage(data: bytes) -> Request | None:
    """What a 400 or 505 to the malformed request in ``data`` needs, or ``None`` when it cannot be answered.

    The result has a Via that can be typed and those of From, To, Call-ID and CSeq that were there, the first of each,
    cleaned of control characters; use it with ``build.response`` only. ACKs and responses give ``None``.
    """
    text = data[:MAX_MESSAGE_BYTES].lstrip(b"\r\n").decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    head = re.sub(r"\n[ \t]+", " ", text.partition("\n\n")[0])
    lines = head.split("\n", MAX_FIELDS)
    method, _, rest = lines[0].partition(" ")
    if method == "ACK" or method[:4].upper() == "SIP/" or not grammar.is_token(method):
        return None
    found: dict[str, str] = {}
    vias: list[str] = []
    for line in lines[1:MAX_FIELDS]:
        spelled, colon, value = line.partition(":")
        name = CANONICAL.get(spelled.strip(" \t").lower())
        value = value.translate(grammar.CONTROLS).strip()
        if not colon or not value or name is None:
            continue
        if name == "Via":
            vias.append(value)
        elif name in {"From", "To", "Call-ID", "CSeq"} and name not in found:
            found[name] = value
    fields = _salvage_vias(vias)
    if not fields:
        return None
    fields.extend((name, _repaired(name, value)) for name, value in found.items())
    return Request(method, rest.partition(" ")[0].translate(grammar.CONTROLS) or "sip:invalid", fields)


_via_start = re.compile(
    r"SIP[ \t]*/[ \t]*[0-9.]+[ \t]*/[ \t]*([A-Za-z\-]+)[ \t]+(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-_.]+)(?:[ \t]*:[ \t]*([0-9]+))?"
).match
_branch = re.compile(rf";[ \t]*branch[ \t]*=[ \t]*([{grammar.TOKEN_CHARS}]+)", re.IGNORECASE).search
_rport = re.compile(r";[ \t]*rport[ \t]*(?=[;,=]|$)", re.IGNORECASE).search
_bracketed = re.compile(r"<([^<>\"]*)>")
_tag = re.compile(rf";[ \t]*tag[ \t]*=[ \t]*([{grammar.TOKEN_CHARS}]+)", re.IGNORECASE).search


def _salvage_vias(values: list[str]) -> Fields:
    """The Via lines as they are where they can be typed; else the topmost alone, rebuilt from what is legible."""
    try:
        for value in values:
            for one in grammar.split_list(value):
                Via.parse(one)
    except ParseError:
        match = _via_start(values[0])
        if match is None:
            return []
        transport, host, port = match.groups()
        port = f":{port}" if port and len(port) < 6 else ""
        branch = _branch(values[0])
        text = f"SIP/2.0/{transport} {host}{port}" + (f";branch={branch.group(1)}" if branch else "")
        text += ";rport" if _rport(values[0]) else ""
        try:
            Via.parse(text)
        except ParseError:
            return []
        return [("Via", text)]
    return [("Via", value) for value in values]


def _repaired(name: str, value: str) -> str:
    """``value`` as it is when well-formed (or CSeq or Call-ID); else its address and tag alone, if they are legible."""
    if name == "Call-ID" or name == "CSeq":
        return value
    try:
        NameAddr.parse(value)
    except ParseError:
        match = _bracketed.search(value)
        tag = _tag(value)
        try:
            uri = Uri.parse(match.group(1).strip(" \t")) if match else Uri("sip", None, "invalid.invalid")
        except ParseError:
            uri = Uri("sip", None, "invalid.invalid")
        return f"<{uri}>" + (f";tag={tag.group(1)}" if tag else "")
    return value


__all__ = ["CSeq", "keepalive", "parse", "salvage", "split", "validate"]
