"""Whole messages out of a byte stream, with bounded memory (RFC 3261 §7.5, §18.3; RFC 5626 §3.5.1).

Theory of operation: bytes are gathered until the empty line behind a header section; Content-Length, which a stream
must have, says how much body follows. Bytes are scanned once, however small the pieces that they come in. Where the end
of a message cannot be known the stream is lost: ``feed`` raises, and the connection is to be closed.
"""

from __future__ import annotations

import re

from routerd.errors import ParseError
from routerd.sip.headers import MAX_MESSAGE_BYTES

_fold = re.compile(rb"\r\n[ \t]+")
_length = re.compile(rb"\r\n(?:content-length|l)[ \t]*:([^\r\n]*)", re.IGNORECASE)


class Limits:
    """How much of one message a stream may make us keep, in bytes."""

    __slots__ = ("head_bytes", "message_bytes")

    def __init__(self, head_bytes: int = MAX_MESSAGE_BYTES, message_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self.head_bytes = head_bytes
        self.message_bytes = message_bytes


class StreamFramer:
    """Cuts one stream into messages; next: ``parser.parse`` for each.

    ``broken`` is the error after which nothing more can be read: ``feed`` raises it, or, when good messages came before
    it in the same piece, gives those first and raises it the next time.

    ``pings`` counts the double CRLFs between messages since it was last set to 0: each wants one CRLF back.
    ``rejected`` holds, after ``feed`` has raised, the header section that was at fault (for ``parser.salvage``).
    """

    __slots__ = ("_buffer", "_crlfs", "_scanned", "_wanted", "broken", "limits", "pings", "rejected")

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = Limits() if limits is None else limits
        self.pings = 0
        self.rejected = b""
        self.broken: ParseError | None = None
        self._buffer = bytearray()
        self._scanned = 0
        self._wanted = 0
        self._crlfs = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes, oldest first.

        Raises ``ParseError`` when the stream cannot be followed any further: no or no sane Content-Length (400), too
        long (513), no SIP at all (400). The connection is to be closed then.
        """
        if self.broken is not None:
            raise self.broken
        self._buffer += data
        messages: list[bytes] = []
        try:
            while (message := self._next()) is not None:
                messages.append(message)
        except ParseError as error:
            self.broken = error
            if not messages:
                raise
        return messages

    @property
    def pending_bytes(self) -> int:
        """How much is kept of a message that has not ended yet."""
        return len(self._buffer)

    def _next(self) -> bytes | None:
        if not self._wanted and not self._find_head():
            return None
        if len(self._buffer) < self._wanted:
            return None
        message = bytes(self._buffer[: self._wanted])
        del self._buffer[: self._wanted]
        self._wanted = self._scanned = 0
        return message

    def _find_head(self) -> bool:
        """Look for the end of the header section; if it is there, set how long the whole message is."""
        buffer = self._buffer
        if not self._scanned:
            self._skip_crlfs()
            if buffer == b"\r":
                return False
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        self._scanned = len(buffer)
        if end < 0:
            if len(buffer) >= self.limits.head_bytes:
                self._reject(len(buffer), "header section too long", 513)
            return False
        if end + 4 > self.limits.head_bytes:
            self._reject(end, "header section too long", 513)
        self._wanted = end + 4 + self._body_length(end)
        if self._wanted > self.limits.message_bytes:
            self._reject(end, "message too long", 513)
        return True

    def _skip_crlfs(self) -> None:
        """Drop the line ends before a message and count the pings among them."""
        buffer = self._buffer
        count = 0
        while buffer.startswith(b"\r\n", 2 * count):
            count += 1
        if count:
            del buffer[: 2 * count]
            self.pings += (self._crlfs + count) // 2
            self._crlfs = (self._crlfs + count) % 2
        if buffer and buffer != b"\r":
            self._crlfs = 0
            # A message begins with a method or a version; a TLS hello or binary junk is told here, not after 64 kB.
            if not 0x20 < buffer[0] < 0x7F:
                self._reject(0, "not SIP", 400)

    def _body_length(self, end: int) -> int:
        head = bytes(self._buffer[:end])
        if b"\r\n " in head or b"\r\n\t" in head:
            head = _fold.sub(b" ", head)
        values = _length.findall(head)
        text = values[0].strip(b" \t") if len(values) == 1 else b""
        if not text.isdigit():
            self._reject(end, "a stream needs one Content-Length", 400)
        digits = text.lstrip(b"0")
        if len(digits) > 9:
            self._reject(end, "Content-Length too large", 513)
        return int(digits or b"0")

    def _reject(self, end: int, why: str, status_hint: int) -> None:
        self.rejected = bytes(self._buffer[:end])
        self._buffer.clear()
        self._scanned = self._wanted = 0
        raise ParseError(why, status_hint)
