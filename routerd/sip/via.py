"""The Via header: where a request has been, and so where its response goes (RFC 3261 §20.42, RFC 3581)."""

from __future__ import annotations

import re

from routerd.errors import ParseError
from routerd.sip import grammar
from routerd.sip.uri import parse_hostport

MAGIC_COOKIE = "z9hG4bK"

_T = grammar.TOKEN_CHARS
_plain = re.compile(
    rf"SIP/2\.0/([A-Z]+) ([A-Za-z0-9](?:[A-Za-z0-9\-.]*[A-Za-z0-9])?)(?::({grammar.PLAIN_PORT}))?"
    rf"((?:;[{_T}]+(?:=[{grammar.VALUE_CHARS}]*)?)*)"
).fullmatch
_plain_token = re.compile(f"[{_T}]+").fullmatch
# A peer's transport and sent-by come with every message: what stands before the branch is remembered.
_MAX_KNOWN = 2_000
_known: dict[str, tuple[str, str, int | None, bool]] = {}
_protocol = re.compile(rf"([{_T}]+)[ \t]*/[ \t]*([{_T}]+)[ \t]*/[ \t]*([{_T}]+)[ \t]+").match
_sent_by = re.compile(r"(\[[^\]]*\]|[^:; \t]+)[ \t]*(?::[ \t]*([0-9]+)[ \t]*)?").match


class Via:
    """One Via value: ``transport`` in upper case, ``host`` as written (IPv6 without brackets), ``port`` or ``None``.

    ``params`` has names in lower case and values as written, quotes and all, so that they go back letter by letter. It
    may be changed (``received``, ``rport``) before the value is written back with ``Message.replace_via``.
    """

    __slots__ = ("host", "params", "port", "transport")

    def __init__(self, transport: str, host: str, port: int | None, params: dict[str, str | None]) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.params = params

    @classmethod
    def parse(cls, text: str) -> Via:
        """``text`` as one Via value. Raises ``ParseError``; its status_hint is 505 for another version of SIP."""
        head, _, branch = text.partition(";branch=")
        known = _known.get(head)
        if known is None or _plain_token(branch) is None:
            return cls._parse_new(text, head)
        transport, host, port, rport = known
        return cls(transport, host, port, {"rport": None, "branch": branch} if rport else {"branch": branch})

    @classmethod
    def _parse_new(cls, text: str, head: str) -> Via:
        match = _plain(text)
        if match is None or ".." in text:
            return cls._parse_odd(text)
        transport, host, port, params = match.groups()
        via = cls(transport, host, int(port) if port else None, grammar.plain_params(params) if params else {})
        sent_by, _, rest = head.partition(";")
        if rest in {"", "rport"} and ".." not in sent_by and params.startswith((";branch=", ";rport;branch=")):
            if len(_known) >= _MAX_KNOWN:
                _known.clear()
            _known[head] = (via.transport, via.host, via.port, rest == "rport")
        return via

    @classmethod
    def _parse_odd(cls, text: str) -> Via:
        text = text.strip(" \t")
        match = _protocol(text)
        if match is None:
            raise ParseError(f"Via protocol: {text[:60]!r}")
        name, version, transport = match.groups()
        if name.upper() != "SIP" or version != "2.0":
            raise ParseError(
                f"Via is of {name[:20]}/{version[:20]}, not SIP/2.0", 505 if name.upper() == "SIP" else 400
            )
        sent_by = _sent_by(text, match.end())
        if sent_by is None:
            raise ParseError("Via without sent-by")
        host, port = sent_by.groups()
        parse_hostport(host)
        params = grammar.parse_params(text[sent_by.end() :].strip(" \t"), keep_quotes=True)
        number = grammar.number(port, 65_535) if port else None
        return cls(transport.upper(), host.strip("[]"), number, params)

    @property
    def branch(self) -> str | None:
        """The branch parameter; a transaction's name when it begins with the magic cookie (RFC 3261 §8.1.1.7)."""
        return self.params.get("branch")

    @property
    def has_cookie(self) -> bool:
        """Whether the branch names a transaction alone: the magic cookie and something behind it (RFC 4475 §3.2.1)."""
        branch = self.params.get("branch")
        return branch is not None and len(branch) > 7 and branch.startswith(MAGIC_COOKIE)

    @property
    def received(self) -> str | None:
        """The address that the request came from, without brackets (RFC 3261 §18.2.1, RFC 5118 §4.5)."""
        value = self.params.get("received")
        return value.strip("[]") if value else value

    @property
    def rport(self) -> str | None:
        """The rport parameter: ``None`` when absent, ``""`` when asked for without a value (RFC 3581 §3)."""
        params = self.params
        return (params["rport"] or "") if "rport" in params else None

    @property
    def sent_by(self) -> str:
        """Host and port as written in the header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def __str__(self) -> str:
        params = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.params.items())
        return f"SIP/2.0/{self.transport} {self.sent_by}{params}"

    def __repr__(self) -> str:
        return f"Via({str(self)!r})"
