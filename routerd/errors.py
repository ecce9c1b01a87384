"""The error tree: what can be raised, and by which floor.

::

    RouterdError
    ├─ ConfigError (pointer, line, hint)      loading settings and documents only
    ├─ SipError
    │  ├─ ParseError (status_hint)            the wire is not SIP, or not SIP that can be served
    │  ├─ RemoteProtocolError (status_hint)   well-formed, but the peer may not send it now
    │  └─ LocalProtocolError                  we were about to break the protocol: our bug
    ├─ MediaError
    │  ├─ SdpError
    │  └─ RelayError
    └─ StoreError

Timeouts, lost transports and rejections are values or events, never exceptions.
"""

from __future__ import annotations


class RouterdError(Exception):
    """Root of everything that routerd raises on purpose."""


class ConfigError(RouterdError):
    """A setting or a document is wrong; shown to a person before anything starts.

    ``pointer`` is a JSON pointer into the source, ``line`` its 1-based line (0: unknown),
    ``hint`` says what to do, ``source`` names the file.
    """

    def __init__(self, message: str, *, pointer: str = "", line: int = 0, hint: str = "", source: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.pointer = pointer
        self.line = line
        self.hint = hint
        self.source = source

    def __str__(self) -> str:
        """One line for people: ``file:line: /pointer: message (hint)``."""
        place = f"{self.source}:{self.line}: " if self.line else (f"{self.source}: " if self.source else "")
        pointer = f"{self.pointer}: " if self.pointer else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{pointer}{self.message}{hint}"


class SipError(RouterdError):
    """Root of the SIP core's errors."""


class ParseError(SipError):
    """Bytes that are not a SIP message; ``status_hint`` is the response that says so (RFC 3261 §8.2, §16.3)."""

    def __init__(self, message: str, status_hint: int = 400) -> None:
        super().__init__(message)
        self.status_hint = status_hint


class RemoteProtocolError(SipError):
    """The peer sent something well-formed that it may not send now; ``status_hint`` answers it."""

    def __init__(self, message: str, status_hint: int = 400) -> None:
        super().__init__(message)
        self.status_hint = status_hint


class LocalProtocolError(SipError):
    """We were about to break the protocol: a bug of ours, never the peer's fault."""


class MediaError(RouterdError):
    """Root of the media floor's errors."""


class SdpError(MediaError):
    """A session description that cannot be understood or negotiated (RFC 8866, RFC 3264)."""


class RelayError(MediaError):
    """The relay cannot do what was asked: no port left, unknown session."""


class StoreError(RouterdError):
    """The store cannot be opened, read or written."""
