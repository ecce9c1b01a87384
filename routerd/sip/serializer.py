"""From a message to its bytes (RFC 3261 §7)."""

from __future__ import annotations

from routerd.errors import LocalProtocolError
from routerd.sip.message import Message, Request, Response


def serialize(message: Message) -> bytes:
    """The bytes of ``message``, with a Content-Length that is always there and always right.

    Raises ``LocalProtocolError`` when a part holds CR, LF or a bare NUL, which would make other headers of it.
    """
    if isinstance(message, Request):
        lines = [f"{message.method} {message.uri} SIP/2.0"]
        if " " in message.uri or " " in message.method:
            raise LocalProtocolError(f"a blank in the request line of {message!r}")
    elif isinstance(message, Response):
        lines = [f"SIP/2.0 {message.status} {message.reason}"]
    else:
        raise LocalProtocolError("neither a request nor a response")
    lines += [f"{name}: {value}" for name, value in message.fields if name != "Content-Length"]
    lines.append(f"Content-Length: {len(message.body)}\r\n\r\n")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1 or "\0" in text:
        _refuse_controls(lines)
    return text.encode("utf-8", "surrogateescape") + message.body


def _refuse_controls(lines: list[str]) -> None:
    for line in lines[:-1]:
        # A quoted-pair may carry a NUL that a peer sent us and that we have to send back (RFC 4475 §3.1.1.2).
        if "\r" in line or "\n" in line or "\0" in line.replace("\\\0", ""):
            raise LocalProtocolError(f"control character in {line[:60]!r}")
