r"""The small words of SIP's grammar: tokens, quoted strings, parameters, lists (RFC 3261 §25.1).

Text on the wire is UTF-8; bytes that are not stand as surrogates (``surrogateescape``) and go out as they came in.
Every pattern here is linear: alternatives never share a first character, so no input makes them slow.
"""

from __future__ import annotations

import re

from routerd.errors import ParseError

TOKEN_CHARS = r"A-Za-z0-9\-.!%*_+`'~"  # noqa: S105 - characters, no secret
# A port that is certainly one: what lies between 65000 and 65535 is looked at closely.
PLAIN_PORT = "(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3})"
MAX_PARAMS = 250
CONTROLS = dict.fromkeys((*range(32), 127))

_token = re.compile(f"[{TOKEN_CHARS}]+").fullmatch
_quoted = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL).match
_pair = re.compile(r"\\(.)", re.DOTALL)
_hostname = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_.])?").fullmatch
_ipv6 = re.compile(r"(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]{2,45}").fullmatch
_separator = re.compile(r'[,"<]')
# gen-value is token / host / quoted-string; RFC 5118 §4.5 wants IPv6 without brackets understood as well.
_plain_value = re.compile(rf"[{TOKEN_CHARS}:\[\]]+").fullmatch
# Push tokens and other people's tags use far more than that, even nothing at all: all but separators is borne.
VALUE_CHARS = r"!#-+\--:=@-\[\]-~\u0080-\U0010ffff"
_wide_value = re.compile(f"[{VALUE_CHARS}]+").fullmatch
_plain_params = re.compile(rf"(?:;[{TOKEN_CHARS}]+(?:=[{VALUE_CHARS}]*)?)*").fullmatch
_param_name = re.compile(rf";[ \t]*([{TOKEN_CHARS}]+)[ \t]*(=?)[ \t]*").match
_param_value = re.compile(rf"[{VALUE_CHARS}]*").match
_spaces = re.compile(r"[ \t]*").match


def is_token(text: str) -> bool:
    """Whether ``text`` is one or more token characters (RFC 3261 §25.1)."""
    return _token(text) is not None


def is_call_id(text: str) -> bool:
    """Whether ``text`` may be a Call-ID: all that is visible is borne, ``word`` or not (RFC 3261 §20.8)."""
    return text.isprintable() and text.isascii() and text != "" and " " not in text


def is_ipv6(text: str) -> bool:
    """Whether ``text`` (no brackets) looks like an IPv6 address; three colons in a row are borne (RFC 5118 §4.10)."""
    return _ipv6(text) is not None


def is_hostname(text: str) -> bool:
    """Whether ``text`` may be a host name or an IPv4 address; underscores are borne, as DNS bears them."""
    return len(text) < 256 and _hostname(text) is not None and ".." not in text


def number(text: str, limit: int) -> int:
    """``text`` as a decimal number of at most ``limit``; leading zeros are fine (RFC 4475 §3.1.1.1).

    Raises ``ParseError`` for anything else: signs, spaces, more than ``limit``.
    """
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0")
        # Length first: converting a number of a thousand digits is slow, and Python refuses the very long ones.
        if len(digits) <= 20:
            value = int(digits or "0")
            if value <= limit:
                return value
    raise ParseError(f"not a number up to {limit}: {text[:40]!r}")


def quote(text: str) -> str:
    """``text`` as a quoted-string; control characters, which no display name needs, are left out."""
    if not text.isprintable():
        text = text.translate(CONTROLS)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """What a quoted-string says. Raises ``ParseError`` when ``text`` is not exactly one quoted-string."""
    match = _quoted(text)
    if match is None or match.end() != len(text):
        raise ParseError(f"not a quoted string: {text[:40]!r}")
    inner = text[1:-1]
    return _pair.sub(r"\1", inner) if "\\" in inner else inner


def quoted_end(text: str, start: int) -> int:
    """Index behind the quoted-string that begins at ``start``. Raises ``ParseError`` when it never ends."""
    match = _quoted(text, start)
    if match is None:
        raise ParseError("quoted string without an end")
    return match.end()


def skip_spaces(text: str, start: int) -> int:
    """Index of the first character from ``start`` on that is neither space nor tab."""
    match = _spaces(text, start)
    return match.end() if match is not None else start


def split_list(text: str) -> list[str]:
    """The comma-separated values of ``text``, split outside quotes and angle brackets, without outer blanks.

    Empty elements are kept as ``""``: whether they may stand is for the header to say.
    Raises ``ParseError`` when a quote or a bracket is never closed.
    """
    if "," not in text:
        return [text.strip(" \t")]
    if '"' not in text and "<" not in text:
        return [part.strip(" \t") for part in text.split(",")]
    parts: list[str] = []
    start = position = 0
    while (match := _separator.search(text, position)) is not None:
        found = match.group()
        if found == ",":
            parts.append(text[start : match.start()].strip(" \t"))
            start = position = match.end()
        elif found == '"':
            position = quoted_end(text, match.start())
        else:
            position = text.find(">", match.end()) + 1
            if position == 0:
                raise ParseError("angle bracket without an end")
    parts.append(text[start:].strip(" \t"))
    return parts


def parse_params(text: str, *, keep_quotes: bool = False) -> dict[str, str | None]:
    """Header parameters ``;name[=value]...`` as a dictionary: names in lower case, quoted values unquoted.

    ``keep_quotes`` leaves quoted values as written, for a header that goes back as it came.

    ``text`` is all that follows the value proper. A name alone has the value ``None``.
    Raises ``ParseError`` for stray characters, empty parameters and a name given twice (RFC 3261 §7.3.1).
    """
    if not text:
        return {}
    if _plain_params(text) is None:
        return _parse_odd_params(text, keep_quotes=keep_quotes)
    return plain_params(text)


def plain_params(text: str) -> dict[str, str | None]:
    """``parse_params`` for a text that has been matched already: no blanks, no quotes, nothing stray."""
    rest = text[1:]
    if ";" not in rest:
        name, equals, value = rest.partition("=")
        return {name.lower(): value if equals else None}
    params: dict[str, str | None] = {}
    parts = rest.split(";") if len(text) < MAX_PARAMS else split_params(text)
    for part in parts:
        name, equals, value = part.partition("=")
        params[name.lower()] = value if equals else None
    if len(params) != len(parts):
        raise ParseError("a parameter is given twice")
    return params


def split_params(text: str) -> list[str]:
    """``;a;b=c`` as ``["a", "b=c"]``. Raises ``ParseError`` when there are more than anyone needs."""
    parts = text[1:].split(";")
    if len(parts) > MAX_PARAMS:
        raise ParseError("too many parameters")
    return parts


def _parse_odd_params(text: str, *, keep_quotes: bool) -> dict[str, str | None]:
    """The full grammar of ``*( SEMI generic-param )``: blanks around every separator, quoted values."""
    params: dict[str, str | None] = {}
    position = skip_spaces(text, 0)
    end = len(text)
    while position < end:
        match = _param_name(text, position)
        if match is None or len(params) == MAX_PARAMS:
            raise ParseError(f"not a parameter, or too many: {text[position : position + 40]!r}")
        name = match.group(1).lower()
        if name in params:
            raise ParseError(f"parameter {name[:40]} is given twice")
        position = match.end()
        value: str | None = None
        if match.group(2):
            value, position = _value_at(text, position)
            if value.startswith('"') and not keep_quotes:
                value = unquote(value)
            position = skip_spaces(text, position)
        params[name] = value
    return params


def _value_at(text: str, start: int) -> tuple[str, int]:
    """The parameter value at ``start``, quoted if it was, and the index behind it."""
    if text.startswith('"', start):
        end = quoted_end(text, start)
        return text[start:end], end
    match = _param_value(text, start)
    return ("", start) if match is None else (match.group(), match.end())


def write_params(params: dict[str, str | None]) -> str:
    """The parameters as text, each with its semicolon; a value is quoted where it must be."""
    text = ""
    for name, value in params.items():
        if value is None:
            text += f";{name}"
        elif _plain_value(value) is not None or (name == "tag" and _wide_value(value) is not None):
            # A peer compares its tag letter by letter, so odd ones go back without the quotes they came without.
            text += f";{name}={value}"
        else:
            text += f";{name}={quote(value)}"
    return text
