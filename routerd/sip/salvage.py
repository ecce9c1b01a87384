"""What of a malformed request is still legible, so that it can be told so (RFC 3261 §8.2, §16.3; RFC 4475 §3.1.2).

Nothing here is trusted: the result serves to address one 400, 505 or 513 and is forgotten.
"""

from __future__ import annotations

import re
from hashlib import blake2s

from routerd.errors import ParseError
from routerd.sip import grammar
from routerd.sip.headers import CANONICAL, MAX_FIELDS, MAX_MESSAGE_BYTES, MAX_VALUES
from routerd.sip.message import Fields, Request
from routerd.sip.name_addr import NameAddr
from routerd.sip.uri import Uri
from routerd.sip.via import Via

# Stands for a Via that is missing or illegible: rport brings the answer to where the request came from (RFC 3581 §4).
STAND_IN_VIA = "SIP/2.0/UDP invalid;rport"
_NOWHERE = Uri("sip", None, "invalid")

_T = grammar.TOKEN_CHARS
_fold = re.compile(r"\n[ \t]+")
_via_start = re.compile(
    r"SIP[ \t]*/[ \t]*[0-9.]+[ \t]*/[ \t]*([A-Za-z\-]+)[ \t]+"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-_.]+)(?:[ \t]*:[ \t]*([0-9]+))?",
    re.IGNORECASE,
).match
_branch = re.compile(rf";[ \t]*branch[ \t]*=[ \t]*([{_T}]+)", re.IGNORECASE).search
_rport = re.compile(r";[ \t]*rport[ \t]*(?=[;,=]|$)", re.IGNORECASE).search
_bracketed = re.compile(r"<([^<>\"]*)>").search
_cseq = re.compile(rf"([0-9]+)(?:[ \t]+([{_T}]+)[ \t]*$)?").match
_tag = re.compile(rf";[ \t]*tag[ \t]*=[ \t]*([{_T}]+)", re.IGNORECASE).search
_ECHOED = ("From", "To", "Call-ID", "CSeq")
_UNNAMED = "0"


def salvage(data: bytes) -> Request | None:
    """What an answer to the malformed request in ``data`` needs, or ``None`` when it is none, or an ACK.

    The result has Via lines that can be typed (in need a stand-in with rport: answer to the source), and From, To,
    Call-ID and CSeq: the first of each, cleaned, or a stand-in, so that no answer is malformed itself (§8.1.1).
    Use it with ``build.response`` only, and ``tag`` for its To.
    """
    text = data[:MAX_MESSAGE_BYTES].lstrip(b"\r\n").decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    lines = _fold.sub(" ", text.partition("\n\n")[0]).split("\n", MAX_FIELDS)[:MAX_FIELDS]
    words = lines[0].translate(grammar.CONTROLS).split(" ")
    method = words[0]
    if method == "ACK" or not grammar.is_token(method) or not any(word[:4].upper() == "SIP/" for word in words[1:]):
        return None
    fields, vias = _legible(lines[1:], method)
    return Request(method, words[1] or str(_NOWHERE), _vias(vias) + fields)


def tag(data: bytes) -> str:
    """A To tag for the answer to the malformed request in ``data``: the same for each retransmission (§8.2.7)."""
    return f"m{blake2s(data, digest_size=3).hexdigest()}"


def _legible(lines: list[str], method: str) -> tuple[Fields, list[str]]:
    fields: dict[str, str] = {}
    vias: list[str] = []
    for line in lines:
        spelled, colon, value = line.partition(":")
        name = CANONICAL.get(spelled.strip(" \t").lower())
        value = value.translate(grammar.CONTROLS).strip(" \t")
        if not colon or not value or name is None:
            continue
        if name == "Via":
            vias.append(value)
        elif name in _ECHOED:
            fields.setdefault(name, value)
    for name in _ECHOED:
        fields.setdefault(name, "")
    return [(name, _repaired(name, value, method)) for name, value in fields.items()], vias


def _vias(values: list[str]) -> Fields:
    """The Via lines as they are where they can be typed; else the topmost alone, rebuilt from what is legible."""
    try:
        listed = [one for value in values for one in grammar.split_list(value)]
        for one in listed[:MAX_VALUES]:
            Via.parse(one)
    except ParseError:
        return [("Via", _rebuilt(values[0]))]
    if len(listed) > MAX_VALUES:
        return [("Via", listed[0])]
    return [("Via", value) for value in values] or [("Via", STAND_IN_VIA)]


def _rebuilt(value: str) -> str:
    match = _via_start(value)
    if match is None:
        return STAND_IN_VIA
    transport, host, port = match.groups()
    branch = _branch(value)
    text = f"SIP/2.0/{transport} {host}"
    text += f":{port}" if port and len(port) < 6 else ""
    text += f";branch={branch.group(1)}" if branch else ""
    text += ";rport" if _rport(value) else ""
    try:
        Via.parse(text)
    except ParseError:
        return STAND_IN_VIA
    return text


def _repaired(name: str, value: str, method: str) -> str:
    """``value`` as it is when well-formed; else what of it is legible: the first word, the number, address and tag."""
    if name == "Call-ID":
        return next((word for word in value.split() if grammar.is_call_id(word)), _UNNAMED)
    if name == "CSeq":
        match = _cseq(value)
        number, named = match.groups() if match else ("0", "")
        return f"{number} {named or method}"
    try:
        NameAddr.parse(value)
    except ParseError:
        match = _bracketed(value)
        found = _tag(value)
        try:
            uri = Uri.parse(match.group(1).strip(" \t")) if match else _NOWHERE
        except ParseError:
            uri = _NOWHERE
        address = "sip:invalid" if uri is _NOWHERE else f"<{uri}>"
        return address + (f";tag={found.group(1)}" if found else "")
    return value
