"""SIP, SIPS and tel URIs, and any other scheme kept as it came (RFC 3261 §19.1, RFC 3966, RFC 3986)."""

from __future__ import annotations

import re

from routerd.errors import ParseError
from routerd.sip import grammar

_UNRESERVED = r"A-Za-z0-9\-_.!~*'()"
# "#" ought to be escaped (RFC 3261 §25.1), but phones dial service codes with it as it is.
_user_text = re.compile(rf"(?:[{_UNRESERVED}&=+$,;?/#]|%[0-9A-Fa-f]{{2}})+").fullmatch
_password_text = re.compile(rf"(?:[{_UNRESERVED}&=+$,]|%[0-9A-Fa-f]{{2}})*").fullmatch
_params_text = re.compile(
    rf"(?:;(?:[{_UNRESERVED}\[\]/:&+$]|%[0-9A-Fa-f]{{2}})+(?:=(?:[{_UNRESERVED}\[\]/:&+$]|%[0-9A-Fa-f]{{2}})+)?)*"
).fullmatch
_headers_text = re.compile(rf"(?:[{_UNRESERVED}\[\]/?:+$=&]|%[0-9A-Fa-f]{{2}})+").fullmatch
_scheme_text = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*").fullmatch
_opaque_text = re.compile(rf"(?:[{_UNRESERVED};/?:@&=+$,\[\]#]|%[0-9A-Fa-f]{{2}})+").fullmatch
_escape = re.compile(r"%([0-9A-Fa-f]{2})")
_to_escape_user = re.compile(rf"[^{_UNRESERVED}&=+$,;?/]")
_to_escape_param = re.compile(rf"[^{_UNRESERVED}\[\]/:&+$]")
# The ordinary URI: no escapes, no password, no headers, a host by name or IPv4.
_plain = re.compile(
    r"(sips?):(?:([A-Za-z0-9\-_.!~*'()&=+$,;?/]+)@)?([A-Za-z0-9](?:[A-Za-z0-9\-.]*[A-Za-z0-9])?)"
    r"(?::([0-9]{1,5}))?((?:;[A-Za-z0-9\-_.!~*'()\[\]/:&+$]+(?:=[A-Za-z0-9\-_.!~*'()\[\]/:&+$]+)?)*)"
).fullmatch

# The same few URIs come in every message of a call, so the last ones are remembered; they are never changed.
_MAX_KNOWN = 2_000
_known: dict[str, Uri] = {}

# A parameter of these names in only one of two URIs makes them differ (RFC 3261 §19.1.4).
_DISTINGUISHING = ("transport", "user", "ttl", "method", "maddr")


def unescape(text: str) -> str:
    """``text`` with its %XX escapes resolved; what is not UTF-8 then stands as surrogates."""
    if "%" not in text:
        return text
    raw = text.encode("utf-8", "surrogateescape")
    parts = raw.split(b"%")
    out = [parts[0]]
    for part in parts[1:]:
        try:
            out.append(bytes((int(part[:2], 16),)) + part[2:])
        except ValueError:
            out.append(b"%" + part)
    return b"".join(out).decode("utf-8", "surrogateescape")


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode("utf-8", "surrogateescape"))


def escape_user(text: str) -> str:
    """``text`` as it may stand in the user part of a SIP URI (RFC 3261 §19.1.2)."""
    return _to_escape_user.sub(_percent, text)


def escape_param(text: str) -> str:
    """``text`` as it may stand as name or value of a URI parameter."""
    return _to_escape_param.sub(_percent, text)


class Uri:
    """One URI, taken apart; never changed after it was made.

    ``scheme`` in lower case; ``user`` and ``password`` unescaped (``user_raw`` as written) or ``None``; ``host`` in
    lower case, IPv6 without its brackets (``is_ipv6``); ``port`` or ``None``; ``params`` with names in lower case,
    both unescaped; ``headers`` is the raw text behind ``?``; ``raw`` is the whole text. For schemes other than sip
    and sips ``opaque`` is all behind the colon, ``host`` is empty, and ``tel`` has the number as its ``user``.
    """

    __slots__ = (
        "headers",
        "host",
        "opaque",
        "params",
        "password",
        "port",
        "raw",
        "scheme",
        "user",
        "user_raw",
    )

    def __init__(
        self,
        scheme: str,
        user: str | None,
        host: str,
        port: int | None = None,
        params: dict[str, str | None] | None = None,
        headers: str = "",
        password: str | None = None,
        *,
        raw: str = "",
        opaque: str = "",
        user_raw: str | None = None,
    ) -> None:
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.params: dict[str, str | None] = {} if params is None else params
        self.headers = headers
        self.opaque = opaque
        self.user_raw = escape_user(user) if user_raw is None and user is not None else user_raw
        self.raw = raw or self._compose()

    @classmethod
    def parse(cls, text: str) -> Uri:
        """``text`` as a URI. Raises ``ParseError`` when it is none, or a sip URI against RFC 3261 §19.1.1's grammar.

        The result may be shared: change none of it.
        """
        uri = _known.get(text)
        if uri is None:
            uri = cls._parse_new(text)
            if len(_known) >= _MAX_KNOWN:
                _known.clear()
            _known[text] = uri
        return uri

    @classmethod
    def _parse_new(cls, text: str) -> Uri:
        match = _plain(text)
        if match is None or ".." in text:
            return cls._parse_odd(text)
        scheme, user, host, port, params = match.groups()
        number = _port(port) if port else None
        return cls(scheme, user, host.lower(), number, _params(params) if params else {}, raw=text, user_raw=user)

    @classmethod
    def _parse_odd(cls, text: str) -> Uri:
        scheme, colon, rest = text.partition(":")
        if not colon or _scheme_text(scheme) is None:
            raise ParseError(f"URI without a scheme: {text[:60]!r}")
        scheme = scheme.lower()
        if scheme in {"sip", "sips"}:
            return cls._parse_sip(scheme, rest, text)
        if _opaque_text(rest) is None:
            raise ParseError(f"not a URI: {text[:60]!r}")
        if scheme != "tel":
            return cls(scheme, None, "", raw=text, opaque=rest)
        number, semicolon, params = rest.partition(";")
        typed = _params(semicolon + params) if _params_text(semicolon + params) is not None else {}
        return cls(scheme, unescape(number), "", None, typed, raw=text, opaque=rest, user_raw=number)

    @classmethod
    def _parse_sip(cls, scheme: str, rest: str, text: str) -> Uri:
        # "@" may stand nowhere else unescaped, so the first one is the one.
        userinfo, at, address = rest.partition("@")
        user: str | None = None
        password: str | None = None
        if at:
            user, colon, secret = userinfo.partition(":")
            password = unescape(secret) if colon else None
            if _user_text(user) is None or _password_text(secret) is None:
                raise ParseError(f"user part of a URI: {userinfo[:60]!r}")
        else:
            address = rest
        address, question, headers = address.partition("?")
        hostport, semicolon, params = address.partition(";")
        if _params_text(semicolon + params) is None:
            raise ParseError(f"parameters of a URI: {params[:60]!r}")
        if question and _headers_text(headers) is None:
            raise ParseError(f"headers of a URI: {headers[:60]!r}")
        host, port = parse_hostport(hostport)
        return cls(
            scheme,
            None if user is None else unescape(user),
            host,
            port,
            _params(semicolon + params),
            headers,
            password,
            raw=text,
            user_raw=user,
        )

    @property
    def transport(self) -> str | None:
        """The transport parameter in lower case, if any."""
        value = self.params.get("transport")
        return None if value is None else value.lower()

    @property
    def lr(self) -> bool:
        """Whether the element named is a loose router (RFC 3261 §19.1.1)."""
        return "lr" in self.params

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 address."""
        return ":" in self.host

    @property
    def is_sip(self) -> bool:
        """Whether the scheme is one that a SIP element resolves by itself: sip or sips."""
        return self.scheme in {"sip", "sips"}

    @property
    def host_text(self) -> str:
        """The host as it stands in a URI: IPv6 within brackets."""
        return f"[{self.host}]" if self.is_ipv6 else self.host

    def _compose(self) -> str:
        if self.scheme not in {"sip", "sips"}:
            return f"{self.scheme}:{self.opaque or (self.user_raw or '')}"
        secret = "" if self.password is None else f":{escape_user(self.password)}"
        user = "" if self.user_raw is None else f"{self.user_raw}{secret}@"
        port = "" if self.port is None else f":{self.port}"
        params = "".join(
            f";{escape_param(name)}" if value is None else f";{escape_param(name)}={escape_param(value)}"
            for name, value in self.params.items()
        )
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{self.host_text}{port}{params}{headers}"

    def equals(self, other: Uri) -> bool:
        """Whether both name the same resource (RFC 3261 §19.1.4, RFC 5954 §4.2)."""
        if self.scheme != other.scheme:
            return False
        if not self.is_sip:
            return self.opaque == other.opaque
        if (self.user, self.password, self.port) != (other.user, other.password, other.port):
            return False
        if self.host != other.host and not (self.is_ipv6 and other.is_ipv6 and _same_ipv6(self.host, other.host)):
            return False
        return self._same_params(other) and self._same_headers(other)

    def _same_params(self, other: Uri) -> bool:
        mine, theirs = self.params, other.params
        if any((name in mine) != (name in theirs) for name in _DISTINGUISHING):
            return False
        return all((mine[name] or "").lower() == (theirs[name] or "").lower() for name in mine.keys() & theirs.keys())

    def _same_headers(self, other: Uri) -> bool:
        return self.headers == other.headers or _header_set(self.headers) == _header_set(other.headers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Uri) and self.equals(other)

    def __hash__(self) -> int:
        # Parameters may be in one only of two equal URIs, so they cannot take part.
        return hash((self.scheme, self.user, self.port, self.opaque))

    def __str__(self) -> str:
        return self.raw

    def __repr__(self) -> str:
        return f"Uri({self.raw!r})"


def parse_hostport(text: str) -> tuple[str, int | None]:
    """``host [":" port]`` as (host in lower case without brackets, port or ``None``). Raises ``ParseError``."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not grammar.is_ipv6(host) or (rest and not rest.startswith(":")):
            raise ParseError(f"IPv6 reference: {text[:60]!r}")
        return host.lower(), _port(rest[1:]) if rest else None
    host, colon, port = text.partition(":")
    if not grammar.is_hostname(host):
        raise ParseError(f"host: {text[:60]!r}")
    return host.lower(), _port(port) if colon else None


def _port(text: str) -> int:
    return grammar.number(text, 65_535)


def _params(text: str) -> dict[str, str | None]:
    """``;name[=value]...`` of the right characters. Raises ``ParseError`` for a name with two different values."""
    if not text:
        return {}
    params: dict[str, str | None] = {}
    parts = grammar.split_params(text)
    for part in parts:
        name, equals, value = part.partition("=")
        key, typed = unescape(name).lower(), unescape(value) if equals else None
        # phones do write ";lr;lr": the same thing said twice is no contradiction
        if params.setdefault(key, typed) != typed:
            raise ParseError(f"the URI parameter {key[:40]} is given twice with different values")
    return params


def _header_set(text: str) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for part in text.split("&") if text else ():
        name, _, value = part.partition("=")
        headers.setdefault(unescape(name).lower(), []).append(unescape(value))
    return headers


def _same_ipv6(one: str, other: str) -> bool:
    first = _ipv6_words(one)
    return first is not None and first == _ipv6_words(other)


def _ipv6_words(text: str) -> list[int] | None:
    """The eight words of an IPv6 address, or ``None`` when it is none."""
    if "." in text:
        head, _, tail = text.rpartition(":")
        octets = [int(part) if part.isdigit() and len(part) < 4 else 256 for part in tail.split(".")]
        if len(octets) != 4 or max(octets) > 255:
            return None
        text = f"{head}:{octets[0] * 256 + octets[1]:x}:{octets[2] * 256 + octets[3]:x}"
    left, gap, right = text.partition("::")
    before = left.split(":") if left else []
    after = right.split(":") if right else []
    missing = 8 - len(before) - len(after)
    if missing < (1 if gap else 0) or (not gap and missing) or any(not 0 < len(word) <= 4 for word in before + after):
        return None
    return [int(word, 16) for word in (*before, *["0"] * missing, *after)]
