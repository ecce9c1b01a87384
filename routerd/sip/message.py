"""Requests and responses: header fields split once, typed on first use (RFC 3261 §7).

``fields`` is the truth: (canonical name, unfolded value) in wire order. What is typed from it is kept until the fields
of that name change, so change fields only with ``set``, ``add``, ``prepend``, ``remove`` and ``replace_via``.
A typed property raises ``ParseError`` when its header is missing or malformed; after ``parser.parse`` none does.
"""

from __future__ import annotations

from typing import TypeVar

from routerd.errors import ParseError
from routerd.sip import grammar
from routerd.sip.headers import COMMA_LISTS, KNOWN, MAX_VALUES
from routerd.sip.name_addr import NameAddr
from routerd.sip.uri import Uri
from routerd.sip.via import Via

Fields = list[tuple[str, str]]
# The first value of each name, and the names that stand more than once: the parser has both anyway.
Index = tuple[dict[str, str] | None, set[str] | frozenset[str]]
NO_INDEX: Index = (None, frozenset())
Self_ = TypeVar("Self_", bound="Message")

MAX_CSEQ = 2**31 - 1
MAX_DELTA_SECONDS = 2**32 - 1
_HOPS: frozenset[str] = frozenset(str(hops) for hops in range(256))
# CSeq values repeat from call to call, and are never changed: a bounded memory of the last ones.
_CSEQS: dict[str, CSeq] = {}
_MAX_CSEQS = 1_000


class CSeq:
    """Sequence number and method (RFC 3261 §20.16)."""

    __slots__ = ("method", "number")

    def __init__(self, number: int, method: str) -> None:
        self.number = number
        self.method = method

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """``text`` as ``1*DIGIT LWS Method``, the number below 2**31. Raises ``ParseError``."""
        known = _CSEQS.get(text)
        if known is not None:
            return known
        digits, _, method = text.partition(" ")
        if not method.isalpha() or not text.isascii():
            digits, _, method = text.replace("\t", " ").partition(" ")
            method = method.strip(" ")
            if not grammar.is_token(method):
                raise ParseError(f"CSeq: {text[:60]!r}")
        made = cls(grammar.number(digits, MAX_CSEQ), method)
        if len(_CSEQS) >= _MAX_CSEQS:
            _CSEQS.clear()
        _CSEQS[text] = made
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CSeq) and (self.number, self.method) == (other.number, other.method)

    def __hash__(self) -> int:
        return hash((self.number, self.method))

    def __str__(self) -> str:
        return f"{self.number} {self.method}"

    def __repr__(self) -> str:
        return f"CSeq({self.number}, {self.method!r})"


class Message:
    """What requests and responses share: ``fields``, ``body`` and the typed headers."""

    __slots__ = ("_contacts", "_cseq", "_from", "_index", "_repeated", "_routes", "_to", "_vias", "body", "fields")

    def __init__(self, fields: Fields, body: bytes = b"", index: Index | None = None) -> None:
        self.fields = fields
        self.body = body
        self._index: dict[str, str] | None
        self._repeated: set[str] | frozenset[str]
        self._index, self._repeated = NO_INDEX if index is None else index
        self._vias: list[Via] | None = None
        self._from: NameAddr | None = None
        self._to: NameAddr | None = None
        self._cseq: CSeq | None = None
        self._contacts: list[NameAddr] | None = None
        self._routes: list[NameAddr] | None = None

    # Fields as text

    def get(self, name: str) -> str | None:
        """The first field's value; known names are given canonically, unknown ones match in any case."""
        first = (self._index or self._indexed()).get(name)
        if first is None and name not in KNOWN:
            return next(iter(self.get_all(name)), None)
        return first

    def get_all(self, name: str) -> list[str]:
        """The value of every field of that name, one a header line."""
        if name in KNOWN:
            first = (self._index or self._indexed()).get(name)
            if first is None:
                return []
            return [first] if name not in self._repeated else [v for field, v in self.fields if field == name]
        lower = name.lower()
        return [value for field, value in self.fields if field.lower() == lower]

    @property
    def names(self) -> dict[str, str]:
        """The names that stand here, each with its first value; change nothing in it."""
        return self._index or self._indexed()

    def _indexed(self) -> dict[str, str]:
        index: dict[str, str] = {}
        repeated: set[str] = set()
        for name, value in self.fields:
            if name in index:
                repeated.add(name)
            else:
                index[name] = value
        self._repeated = repeated
        self._index = index
        return index

    def values(self, name: str) -> list[str]:
        """The values of a list header over all its lines, split outside quotes and brackets, empty ones left out.

        Headers that are no lists give one value a line. Raises ``ParseError`` when a quote or bracket never ends.
        """
        lines = self.get_all(name)
        if name not in COMMA_LISTS:
            return lines
        return [value for line in lines for value in grammar.split_list(line) if value]

    def set(self, name: str, value: str) -> None:
        """Replace all fields of that name by one, where the first stood (else at the end)."""
        position = next((i for i, field in enumerate(self.fields) if _same(field[0], name)), len(self.fields))
        self.fields = [field for field in self.fields if not _same(field[0], name)]
        self.fields.insert(position, (name, value))
        self._forget(name)

    def add(self, name: str, value: str) -> None:
        """Append a field."""
        self.fields.append((name, value))
        self._forget(name)

    def prepend(self, name: str, value: str) -> None:
        """Put a field before all others: a Via, a Record-Route."""
        self.fields.insert(0, (name, value))
        self._forget(name)

    def remove(self, name: str) -> None:
        """Take away all fields of that name."""
        self.fields = [field for field in self.fields if not _same(field[0], name)]
        self._forget(name)

    def replace_via(self, via: Via) -> None:
        """Write ``via`` back as the topmost Via, after ``received`` and ``rport`` were filled in (RFC 3581 §4)."""
        for position, (name, value) in enumerate(self.fields):
            if name == "Via":
                rest = grammar.split_list(value)[1:] if "," in value else []
                text = ", ".join((str(via), *rest))
                self.fields[position] = ("Via", text)
                if self._index is not None:
                    self._index["Via"] = text
                break
        if self._vias is None or self._vias[0] is not via:
            self._vias = None

    def _forget(self, name: str) -> None:
        """Drop what was typed from fields of that name."""
        self._index = None
        if name == "Via":
            self._vias = None
        elif name == "From":
            self._from = None
        elif name == "To":
            self._to = None
        elif name == "CSeq":
            self._cseq = None
        elif name == "Contact":
            self._contacts = None
        elif name == "Route":
            self._routes = None

    def _needed(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise ParseError(f"{name} is missing")
        return value

    # Typed headers

    def type_essentials(self) -> dict[str, str]:
        """Type Via, From, To, CSeq and Contact at once, and look at Call-ID and Max-Forwards: the hot path's half.

        Returns the first value of each header that is there. Raises ``ParseError`` when one of the mandatory ones is
        missing (RFC 3261 §8.1.1) or any is malformed.
        """
        index = self._index or self._indexed()
        repeated = self._repeated
        try:
            via = index["Via"]
            self._from = NameAddr.parse(index["From"])
            self._to = NameAddr.parse(index["To"])
            self._cseq = CSeq.parse(index["CSeq"])
            call_id = index["Call-ID"]
        except KeyError as missing:
            raise ParseError(f"{missing.args[0]} is missing") from None
        if "," in via or (repeated and "Via" in repeated):
            _ = self.vias
        else:
            self._vias = [Via.parse(via)]
        if not grammar.is_call_id(call_id):
            raise ParseError(f"Call-ID: {call_id[:60]!r}")
        contact = index.get("Contact")
        if contact is not None:
            if "," in contact or contact == "*" or repeated:
                _ = self.contacts
            else:
                self._contacts = [NameAddr.parse(contact)]
        forwards = index.get("Max-Forwards")
        if forwards is not None and forwards not in _HOPS:
            grammar.number(forwards, 255)
        return index

    @property
    def vias(self) -> list[Via]:
        """All Via values, topmost first."""
        vias = self._vias
        if vias is None:
            vias = self._vias = [Via.parse(value) for value in self._listed("Via")]
        return vias

    @property
    def via(self) -> Via:
        """The topmost Via."""
        vias = self.vias
        if not vias:
            raise ParseError("Via is missing")
        return vias[0]

    @property
    def from_(self) -> NameAddr:
        """The From header."""
        typed = self._from
        if typed is None:
            typed = self._from = NameAddr.parse(self._needed("From"))
        return typed

    @property
    def to(self) -> NameAddr:
        """The To header."""
        typed = self._to
        if typed is None:
            typed = self._to = NameAddr.parse(self._needed("To"))
        return typed

    @property
    def call_id(self) -> str:
        """The Call-ID, compared byte for byte."""
        return self._needed("Call-ID")

    @property
    def cseq(self) -> CSeq:
        """The CSeq header."""
        typed = self._cseq
        if typed is None:
            typed = self._cseq = CSeq.parse(self._needed("CSeq"))
        return typed

    @property
    def contacts(self) -> list[NameAddr]:
        """All Contact values; empty when there is none or it is ``*`` (see ``contact_is_star``)."""
        contacts = self._contacts
        if contacts is None:
            contacts = self._contacts = [] if self.contact_is_star else self.addresses("Contact")
        return contacts

    @property
    def contact_is_star(self) -> bool:
        """Whether the Contact is ``*``: all bindings are meant (RFC 3261 §10.2.2)."""
        return self.get("Contact") == "*" and "Contact" not in self._repeated

    @property
    def routes(self) -> list[NameAddr]:
        """All Route values, next hop first."""
        routes = self._routes
        if routes is None:
            routes = self._routes = self.addresses("Route")
        return routes

    @property
    def record_routes(self) -> list[NameAddr]:
        """All Record-Route values in wire order."""
        return self.addresses("Record-Route")

    def addresses(self, name: str) -> list[NameAddr]:
        """All values of a header that lists addresses, such as P-Asserted-Identity or Path. Raises ``ParseError``."""
        return [NameAddr.parse(value) for value in self._listed(name)]

    def _listed(self, name: str) -> list[str]:
        """The values of a list in which no element may be empty, and of which there are not too many."""
        lines = self.get_all(name)
        if len(lines) == 1 and "," not in lines[0]:
            return lines
        values = [value for line in lines for value in grammar.split_list(line)]
        if len(values) > MAX_VALUES:
            raise ParseError(f"too many values of {name}")
        return values

    @property
    def max_forwards(self) -> int | None:
        """Hops left, 0 to 255; ``None`` when absent (RFC 2543 knew it not)."""
        text = self.get("Max-Forwards")
        if text == "70":
            return 70
        return None if text is None else grammar.number(text, 255)

    @property
    def expires(self) -> int | None:
        """The Expires header in seconds; ``None`` when absent. See ``delta_seconds`` for odd values."""
        text = self.get("Expires")
        return None if text is None else delta_seconds(text)

    @property
    def content_length(self) -> int | None:
        """The Content-Length as received, ``None`` when absent. The serializer writes its own."""
        text = self.get("Content-Length")
        return None if text is None else grammar.number(text, MAX_DELTA_SECONDS)

    @property
    def content_type(self) -> str | None:
        """The media type in lower case without parameters, ``None`` when absent."""
        text = self.get("Content-Type")
        if text is None:
            return None
        media, _, _ = text.partition(";")
        kind, slash, subtype = media.partition("/")
        return f"{kind.strip()}{slash}{subtype.strip()}".lower()

    @property
    def require(self) -> list[str]:
        """Option tags of Require in lower case."""
        return self.options("Require")

    @property
    def supported(self) -> list[str]:
        """Option tags of Supported in lower case."""
        return self.options("Supported")

    def options(self, name: str) -> list[str]:
        """Words of a list header (Require, Proxy-Require, Supported) in lower case."""
        if name in KNOWN and name not in (self._index or self._indexed()):
            return []
        return [value.lower() for value in self.values(name)]


class Request(Message):
    """A request: ``method`` (case-sensitive), ``uri`` (the Request-URI as written)."""

    __slots__ = ("_request_uri", "method", "uri")

    def __init__(self, method: str, uri: str, fields: Fields, body: bytes = b"", index: Index | None = None) -> None:
        super().__init__(fields, body, index)
        self.method = method
        self.uri = uri
        self._request_uri: Uri | None = None

    @property
    def request_uri(self) -> Uri:
        """The typed Request-URI."""
        typed = self._request_uri
        if typed is None or typed.raw is not self.uri:
            typed = self._request_uri = Uri.parse(self.uri)
        return typed

    def copy(self) -> Request:
        """A request with the same parts whose fields can be changed alone."""
        return Request(self.method, self.uri, list(self.fields), self.body)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri}>"


class Response(Message):
    """A response: ``status`` (100 to 699) and ``reason``."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, fields: Fields, body: bytes = b"", index: Index | None = None) -> None:
        super().__init__(fields, body, index)
        self.status = status
        self.reason = reason

    def copy(self) -> Response:
        """A response with the same parts whose fields can be changed alone."""
        return Response(self.status, self.reason, list(self.fields), self.body)

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"


def delta_seconds(text: str, default: int = 3600) -> int:
    """A lifetime in seconds: clipped to 2**32 - 1, and ``default`` when it is no number (RFC 3261 §10.3, §20.19)."""
    text = text.strip(" \t")
    if not (text.isascii() and text.isdigit()):
        return default
    digits = text.lstrip("0")
    return MAX_DELTA_SECONDS if len(digits) > 10 else min(int(digits or "0"), MAX_DELTA_SECONDS)


def _same(field: str, name: str) -> bool:
    return field == name or (name not in KNOWN and field.lower() == name.lower())
