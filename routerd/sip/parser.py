r"""From a datagram, or one whole message of a stream, to a ``Request`` or ``Response`` (RFC 3261 §7, §18.3).

Theory of operation: the header section is decoded once and split at CRLF; one look-up a line gives the canonical name.
What is spelled as everybody spells it (``Name: value``) is cut in one sweep; anything odd sends all lines the long way.
A single pass over the bytes proves that no control character hides in it, so that a value never holds CR or LF (a NUL
only as the quoted-pair ``\\NUL`` that RFC 3261 allows). Then ``validate`` types what a server lives by; the typed
values stay in the message, so the work is not done twice. Other headers are kept as they are and judged by no one.
"""

from __future__ import annotations

import re

from routerd.errors import ParseError
from routerd.sip import grammar
from routerd.sip.headers import CANONICAL, MAX_FIELDS, MAX_MESSAGE_BYTES, SINGLE, SPELLINGS
from routerd.sip.message import Fields, Index, Message, Request, Response
from routerd.sip.salvage import salvage as salvage_request

_CONTROLS = bytes((*range(9), *range(10, 32), 127))
NOTHING: frozenset[str] = frozenset()
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
    see ``salvage.salvage``. Responses are to be dropped then.
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
    fields = _usual_fields(text, lines)
    if fields is None:
        fields = []
        if not _split_fields(lines, fields):
            lines = _fold.sub(" ", text).split("\r\n")
            fields = []
            _split_fields(lines, fields)
    first, repeated = _index_of(fields)
    body = data[end + 4 :]
    length = first.get("Content-Length")
    if length is not None:
        size = int(length) if len(length) < 6 and length.isdecimal() and length.isascii() else _size(length)
        if size != len(body):
            if size > len(body):
                raise ParseError("Content-Length beyond the end of the message")
            body = body[:size]
    return _start(lines[0], fields, body, (first, repeated))


def _usual_fields(text: str, lines: list[str]) -> Fields | None:
    """The header lines as fields where each is ``Name: value``; None where one is odd or needs a closer look."""
    if "\t" in text or len(lines) > MAX_FIELDS:
        return None
    spellings = SPELLINGS
    try:
        fields = [
            (spellings[name], value) for name, colon, value in [line.partition(": ") for line in lines[1:]] if colon
        ]
    except KeyError:
        usual = _mostly_usual(lines)
        if usual is None:
            return None
        fields = usual
    if len(fields) != len(lines) - 1:
        return None
    if ":  " in text or " \r\n" in text or text[-1:] == " ":
        return [(name, value.strip(" ")) for name, value in fields]
    return fields


def _mostly_usual(lines: list[str]) -> Fields | None:
    """The same where some names are not known, but tokens."""
    spellings = SPELLINGS
    fields: Fields = []
    for line in lines[1:]:
        spelled, colon, value = line.partition(": ")
        name = spellings.get(spelled)
        if name is None or not colon:
            if not colon or not grammar.is_token(spelled):
                return None
            name = CANONICAL.get(spelled.lower()) or spelled
        fields.append((name, value))
    return fields


def _split_fields(lines: list[str], fields: Fields) -> bool:
    """The header lines into ``fields``; false as soon as a folded line is met (RFC 3261 §7.3.1)."""
    if len(lines) > MAX_FIELDS:
        raise ParseError("too many header fields")
    spellings = SPELLINGS
    rest = iter(lines)
    next(rest)
    for line in rest:
        spelled, colon, value = line.partition(":")
        name = spellings.get(spelled)
        if name is None:
            if spelled[:1] in {" ", "\t"}:
                return False
            name = _field_name(spelled)
        if not colon:
            raise ParseError(f"header line without a colon: {line[:60]!r}")
        fields.append((name, value.strip(" \t")))
    return True


def _index_of(fields: Fields) -> tuple[dict[str, str], set[str] | frozenset[str]]:
    """The first value of each name, and the names that stand more than once (not those that may not)."""
    first = dict(fields)
    if len(first) == len(fields):
        return first, NOTHING
    first = dict(reversed(fields))
    seen: set[str] = set()
    repeated: set[str] = set()
    for name, _ in fields:
        if name in seen:
            repeated.add(name)
        seen.add(name)
    if not repeated.isdisjoint(SINGLE):
        raise ParseError(f"{min(repeated & SINGLE)} is given twice")
    return first, repeated


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


def _start(line: str, fields: Fields, body: bytes, index: Index) -> Request | Response:
    """The message that begins with the start-line ``line`` (RFC 3261 §7.1, §7.2)."""
    method, _, rest = line.partition(" ")
    if method[3:4] == "/" and method[:3].upper() == "SIP":
        return _start_response(method, rest, fields, body, index)
    uri, _, version = rest.partition(" ")
    if version != "SIP/2.0":
        _check_version(version)
    if not uri or (not (method.isalpha() and method.isascii()) and not grammar.is_token(method)):
        raise ParseError(f"request line: {line[:60]!r}")
    return Request(method, uri, fields, body, index)


def _start_response(version: str, rest: str, fields: Fields, body: bytes, index: Index) -> Response:
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

    Via, From, To, Call-ID and CSeq are there and well-formed, the method is CSeq's, the Request-URI is a URI without
    headers, Max-Forwards is a number up to 255, Contact, Route and Record-Route hold addresses. Raises ``ParseError``.
    What RFC 2543 lacked (magic cookie, From tag, Max-Forwards) may be missing.
    """
    names = message.type_essentials()
    if "Route" in names:
        _check_routes(message, "Route")
    if "Record-Route" in names:
        _check_routes(message, "Record-Route")
    if isinstance(message, Request):
        if message.cseq.method != message.method:
            raise ParseError("CSeq has another method than the request line")
        if message.request_uri.headers:
            raise ParseError("headers in the Request-URI")


def _check_routes(message: Message, name: str) -> None:
    routes = message.routes if name == "Route" else message.record_routes
    if not all(route.uri.is_sip for route in routes):
        raise ParseError(f"{name} with a URI that is no SIP URI")


def salvage(data: bytes) -> Request | None:
    """See ``routerd.sip.salvage.salvage``."""
    return salvage_request(data)
