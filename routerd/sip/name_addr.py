"""Addresses with a name and parameters: From, To, Contact, Route and their kind (RFC 3261 §20.10, §25.1)."""

from __future__ import annotations

import re

from routerd.errors import ParseError
from routerd.sip import grammar
from routerd.sip.uri import Uri

# The ordinary value: at most a plain display name, a sip URI in brackets that certainly is one, plain parameters.
_plain = re.compile(
    r"(?:\"([^\"\\\x00-\x1f\x7f]*)\"[ ]?|([A-Za-z0-9\-.!%*_+`'~ ]*))"
    r"<(sips?:(?:[A-Za-z0-9\-_.!~*'()&=+$,/]+@)?[A-Za-z0-9](?:[A-Za-z0-9\-.]*[A-Za-z0-9])?"
    rf"(?::{grammar.PLAIN_PORT})?"
    r"(?:;[A-Za-z0-9\-_.!~*'()/:&+$\[\]]+(?:=[A-Za-z0-9\-_.!~*'()/:&+$\[\]]+)?)?)>"
    rf"((?:;[{grammar.TOKEN_CHARS}]+(?:=[{grammar.VALUE_CHARS}]*)?)*)",
).fullmatch
# Names beyond ASCII ought to be quoted; too many phones of people with such names do not.
_display_text = re.compile(r"[A-Za-z0-9\-.!%*_+`'~ \t\u0080-\ud7ff\ue000-\U0010ffff]*").fullmatch
_ends_addr_spec = re.compile(r"[; \t]")
_plain_tag = re.compile(f"[{grammar.VALUE_CHARS}]+").fullmatch

# The same few values come in every message of a call, so the last ones are remembered; they are never changed.
_MAX_KNOWN = 2_000
_known: dict[str, NameAddr] = {}


class NameAddr:
    """A display name, a URI and header parameters.

    ``display`` is unquoted, ``None`` when there is none; ``uri_text`` the URI as written, ``uri`` the typed one
    (parsed on first use); ``params`` has names in lower case and unquoted values.
    """

    __slots__ = ("_uri", "display", "params", "uri_text")

    def __init__(self, uri: str | Uri, display: str | None = None, params: dict[str, str | None] | None = None) -> None:
        self._uri: Uri | None = None if isinstance(uri, str) else uri
        self.uri_text: str = uri if isinstance(uri, str) else uri.raw
        self.display = display
        self.params: dict[str, str | None] = {} if params is None else params

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """``text`` as ``name-addr`` or ``addr-spec`` with parameters. Raises ``ParseError``.

        Without angle brackets all behind the first semicolon belongs to the header, and a URI with a question mark
        or a comma may not stand so (RFC 3261 §20). The result may be shared: change none of it.
        """
        address = _known.get(text)
        if address is None:
            address = cls._parse_new(text)
            if len(_known) >= _MAX_KNOWN:
                _known.clear()
            _known[text] = address
        return address

    @classmethod
    def _parse_new(cls, text: str) -> NameAddr:
        head, tagged, tag = text.partition(">;tag=")
        if tagged:
            # a From or To: the address is often known, the tag is new
            base = _known.get(head + ">")
            if base is not None and not base.params and _plain_tag(tag) is not None:
                return cls(base.uri_text, base.display, {"tag": tag})
        match = _plain(text)
        if match is None or ".." in text:
            return cls._parse_odd(text)
        quoted, bare, uri_text, params_text = match.groups()
        display = quoted if quoted is not None else (bare.strip() or None)
        params = grammar.plain_params(params_text) if params_text else {}
        if tagged and len(params) == 1:
            _known[head + ">"] = cls(uri_text, display)
        return cls(uri_text, display, params)

    @classmethod
    def _parse_odd(cls, text: str) -> NameAddr:
        text = text.strip(" \t")
        display: str | None = None
        start = 0
        if text.startswith('"'):
            end = grammar.quoted_end(text, 0)
            display = grammar.unquote(text[:end]).translate(grammar.CONTROLS)
            start = grammar.skip_spaces(text, end)
            if not text.startswith("<", start):
                raise ParseError("display name without an address in brackets")
        bracket = text.find("<", start)
        if bracket < 0 or (display is None and ";" in text[:bracket]):
            return cls._parse_addr_spec(text)
        if display is None:
            display = _bare_display(text[:bracket])
        closing = text.find(">", bracket)
        if closing < 0:
            raise ParseError("angle bracket without an end")
        uri = _bracketed_uri(text[bracket + 1 : closing])
        return cls(uri, display, grammar.parse_params(text[closing + 1 :].strip(" \t")))

    @classmethod
    def _parse_addr_spec(cls, text: str) -> NameAddr:
        match = _ends_addr_spec.search(text)
        end = len(text) if match is None else match.start()
        uri_text = text[:end]
        if "?" in uri_text or "," in uri_text:
            raise ParseError("a URI with a question mark or a comma stands in angle brackets")
        return cls(Uri.parse(uri_text), None, grammar.parse_params(text[end:].strip(" \t")))

    @property
    def uri(self) -> Uri:
        """The typed URI. Raises ``ParseError`` when this value was built with a text that is none."""
        uri = self._uri
        if uri is None:
            uri = self._uri = Uri.parse(self.uri_text)
        return uri

    @property
    def tag(self) -> str | None:
        """The tag parameter (RFC 3261 §19.3); an empty one is none."""
        return self.params.get("tag") or None

    def __str__(self) -> str:
        name = "" if self.display is None else f"{grammar.quote(self.display)} "
        return f"{name}<{self.uri_text}>{grammar.write_params(self.params)}"

    def __repr__(self) -> str:
        return f"NameAddr({str(self)!r})"


def _bracketed_uri(text: str) -> Uri:
    """The URI within brackets; blanks around its semicolons, left by old stacks' folding, are taken out."""
    if " ;" in text or "; " in text or "\t" in text:
        address, *params = text.split(";")
        text = ";".join((address.rstrip(" \t"), *(param.strip(" \t") for param in params)))
    return Uri.parse(text)


def _bare_display(text: str) -> str | None:
    if _display_text(text) is None:
        raise ParseError(f"display name that must be quoted: {text[:60]!r}")
    return " ".join(text.split()) or None
