"""Session descriptions, kept line for line (RFC 8866).

Theory of operation: ``parse`` splits a body once into a session section and one section a media line. A section is its
list of lines as they came; typed parts (``connection``, ``rtpmap``, ``direction`` …) are read from the lines on demand
and written back into them, so whatever is not understood passes byte for byte. Bytes are held as text with
``surrogateescape``. Checked at once, because a relay or an answer depends on it: ``v=0``, ``o=``, every ``c=``, every
``m=``, and that a live media line has an address. Everything else may be wrong and is simply not found by typed access.
Work is linear in the size of the body, and the body's size, lines and media lines are limited.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from routerd.errors import SdpError

MAX_SIZE_BYTES: Final = 64 * 1024
MAX_LINES: Final = 2000
MAX_MEDIA: Final = 32
DIRECTIONS: Final = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
_DIRECTION_LINES: Final = frozenset("a=" + direction for direction in DIRECTIONS)
MAX_PORT: Final = 65535
_HOST_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")
_IP6_CHARS: Final = frozenset("0123456789abcdefABCDEF:.%")
_TOKEN_CHARS: Final = frozenset("!#$%&'*+-.^_`{|}~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MAX_ORDINARY: Final = 4096
# One live audio line and one IPv4 address: what nearly every phone offers, seen to be sound in one sweep.
_OTHER_LINES: Final = rb"(?:[abd-ln-z]=[^\r\n]*\r\n)*"
_ordinary = re.compile(
    rb"v=0\r\no=\S+ \S+ \S+ IN IP4 \S+\r\n"
    + _OTHER_LINES
    + rb"c=IN IP4 ([0-9]+(?:\.[0-9]+){3})\r\n"
    + _OTHER_LINES
    + rb"m=audio (?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}) RTP/AVP(?: [0-9]+)+\r\n"
    + _OTHER_LINES
).fullmatch


class Origin(NamedTuple):
    """The ``o=`` line: who made the session and which version this is (RFC 8866 §5.2)."""

    username: str
    session_id: str
    version: str
    family: str
    address: str


class RtpMap(NamedTuple):
    """One ``a=rtpmap``: encoding name, clock rate in Hz, channels (RFC 8866 §6.6)."""

    name: str
    clock_hz: int
    channels: int


class RtcpPort(NamedTuple):
    """One ``a=rtcp``: port, and the address where it is not that of the media line (RFC 3605)."""

    port: int
    address: str | None


class Section:
    """Lines of one level, in wire order: the session's, or one media line with what follows it."""

    __slots__ = ("lines",)

    def __init__(self, lines: list[str]) -> None:
        self.lines: list[str] = lines

    def value(self, kind: str) -> str | None:
        """The first line of this one-letter kind, without ``x=``; None when there is none."""
        prefix = kind + "="
        for line in self.lines:
            if line.startswith(prefix):
                return line[2:]
        return None

    def attributes(self, name: str) -> list[str]:
        """The values of every ``a=name`` line; a bare flag gives an empty text."""
        flag = "a=" + name
        prefix = flag + ":"
        cut = len(prefix)
        return [line[cut:] for line in self.lines if line.startswith(prefix) or line == flag]

    def attribute(self, name: str) -> str | None:
        """The first ``a=name`` value ("" for a flag), or None."""
        flag = "a=" + name
        prefix = flag + ":"
        for line in self.lines:
            if line.startswith(prefix) or line == flag:
                return line[len(prefix) :]
        return None

    def add_attribute(self, name: str, value: str | None = None) -> None:
        """Append one ``a=`` line; ``value`` None writes a bare flag."""
        self.lines.append(f"a={name}" if value is None else f"a={name}:{value}")

    def remove_attributes(self, *names: str) -> None:
        """Drop every ``a=`` line with one of these names."""
        wanted = frozenset(names)
        self.lines = [line for line in self.lines if not (line.startswith("a=") and _attribute_name(line) in wanted)]

    @property
    def connection(self) -> str | None:
        """The address of this level's ``c=`` line, without TTL or count (RFC 8866 §5.7); None when there is none."""
        text = self.value("c")
        return None if text is None else text.split()[2].partition("/")[0]

    def set_connection(self, address: str) -> None:
        """Write this level's ``c=`` line, replacing all there are or at the place that RFC 8866 §5 gives it."""
        line = f"c=IN {family_of(address)} {address}"
        kept = [old for old in self.lines if not old.startswith("c=")]
        place = 0
        for index, old in enumerate(kept):
            if old[0] in "vosiuepm":
                place = index + 1
            else:
                break
        kept.insert(place, line)
        self.lines = kept

    @property
    def direction(self) -> str | None:
        """``sendrecv``, ``sendonly``, ``recvonly`` or ``inactive`` where this level says so (RFC 8866 §6.7)."""
        for line in self.lines:
            if line in _DIRECTION_LINES:
                return line[2:]
        return None

    def set_direction(self, direction: str) -> None:
        """Write this level's direction over the one that stands there, or append it."""
        kept: list[str] = []
        written = False
        for line in self.lines:
            if line.startswith("a=") and line[2:] in DIRECTIONS:
                if written:
                    continue
                written = True
                kept.append("a=" + direction)
            else:
                kept.append(line)
        if not written:
            kept.append("a=" + direction)
        self.lines = kept


class Media(Section):
    """One media line and its attributes (RFC 8866 §5.14).

    ``kind`` is audio, video, image …; ``port`` 0 means refused (RFC 3264 §6); ``formats`` are payload types as text.
    """

    __slots__ = ("_port", "formats", "kind", "port_count", "protocol")

    def __init__(self, line: str) -> None:
        super().__init__([line])
        parts = line[2:].split()
        if len(parts) < 4:
            raise SdpError("media line has too few fields")
        self.kind: str = parts[0]
        port, _, count = parts[1].partition("/")
        self._port: int = _number(port, MAX_PORT, "media port")
        self.port_count: int = _number(count, MAX_PORT, "number of ports") if count else 1
        self.protocol: str = parts[2]
        self.formats: list[str] = parts[3:]
        if not _TOKEN_CHARS.issuperset(self.kind):
            raise SdpError("media kind is no token")

    @property
    def port(self) -> int:
        """The RTP port, 0 when the line is refused."""
        return self._port

    @port.setter
    def port(self, port: int) -> None:
        """Write another port; 0 refuses the line (RFC 3264 §6)."""
        self._port = port
        self.port_count = 1
        self._write()

    def set_formats(self, formats: list[str]) -> None:
        """Write another list of payload types; their attribute lines are the caller's."""
        self.formats = formats
        self._write()

    def set_protocol(self, protocol: str) -> None:
        """Write another protocol; what its attribute lines say of it is the caller's."""
        self.protocol = protocol
        self._write()

    def _write(self) -> None:
        count = f"/{self.port_count}" if self.port_count > 1 else ""
        self.lines[0] = f"m={self.kind} {self._port}{count} {self.protocol} {' '.join(self.formats)}"

    @property
    def is_rtp(self) -> bool:
        """Whether packets of this line are RTP, plain or secured."""
        return "RTP/" in self.protocol.upper()

    @property
    def rtpmaps(self) -> dict[str, RtpMap]:
        """Payload type to encoding, from well-formed ``a=rtpmap`` lines only."""
        found: dict[str, RtpMap] = {}
        for text in self.attributes("rtpmap"):
            payload, _, encoding = text.partition(" ")
            parts = encoding.strip().split("/")
            if len(parts) < 2 or not _is_number(parts[1]):
                continue
            channels = int(parts[2]) if len(parts) > 2 and _is_number(parts[2]) else 1
            found.setdefault(payload, RtpMap(parts[0], int(parts[1]), channels))
        return found

    def fmtp(self, payload: str) -> str | None:
        """The parameters of one payload type (``a=fmtp``), or None."""
        for text in self.attributes("fmtp"):
            name, _, parameters = text.partition(" ")
            if name == payload:
                return parameters.strip()
        return None

    @property
    def rtcp(self) -> RtcpPort | None:
        """The ``a=rtcp`` line, None when there is none or it is malformed (then RTCP is port + 1)."""
        text = self.attribute("rtcp")
        if text is None:
            return None
        parts = text.split()
        if not parts or not _is_number(parts[0]) or int(parts[0]) > MAX_PORT:
            return None
        return RtcpPort(int(parts[0]), parts[3] if len(parts) >= 4 else None)

    @property
    def rtcp_mux(self) -> bool:
        """Whether RTP and RTCP may share the port (RFC 5761)."""
        return self.attribute("rtcp-mux") is not None

    @property
    def ptime_ms(self) -> int | None:
        """Packet time in milliseconds (``a=ptime``), None when absent or not a number."""
        text = self.attribute("ptime")
        return int(text) if text is not None and _is_number(text.strip()) else None

    @property
    def candidates(self) -> list[str]:
        """ICE candidates as they stand (RFC 8839 §5.1)."""
        return self.attributes("candidate")


class SessionDescription(Section):
    """A whole body: session lines here, media lines in ``media``; ``serialise`` gives it back."""

    __slots__ = ("media",)

    def __init__(self, lines: list[str], media: list[Media]) -> None:
        super().__init__(lines)
        self.media: list[Media] = media

    @property
    def origin(self) -> Origin:
        """The ``o=`` line; raises SdpError when it is malformed."""
        text = self.value("o")
        if text is None:
            raise SdpError("no origin line")
        parts = text.split()
        if len(parts) < 6 or parts[-3].upper() != "IN":
            raise SdpError("malformed origin line")
        return Origin(" ".join(parts[:-5]), parts[-5], parts[-4], parts[-2], parts[-1])

    def set_origin(self, origin: Origin) -> None:
        """Write the ``o=`` line in its place."""
        text = f"o={origin.username} {origin.session_id} {origin.version} IN {origin.family} {origin.address}"
        self.lines = [text if line.startswith("o=") else line for line in self.lines]

    def address_of(self, media: Media) -> str:
        """Where this line's packets go: its own ``c=`` or the session's; "" when neither stands (a refused line)."""
        return media.connection or self.connection or ""

    def direction_of(self, media: Media) -> str:
        """The direction in force for this line: its own, the session's, else ``sendrecv`` (RFC 3264 §5.1)."""
        return media.direction or self.direction or "sendrecv"

    def serialise(self) -> bytes:
        """The body's bytes, every line ended by CRLF."""
        lines = list(self.lines)
        for media in self.media:
            lines += media.lines
        lines.append("")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def parse(body: bytes) -> SessionDescription:
    """Split and check a body; raises SdpError. Next: ``offer_answer`` or ``serialise`` (RFC 8866 §5)."""
    if len(body) > MAX_SIZE_BYTES:
        raise SdpError("session description too large")
    lines = _split(body)
    session = SessionDescription([], [])
    current: Section = session
    for line in lines:
        if line[1:2] != "=" or not "a" <= line[0] <= "z":
            raise SdpError("a line is not of the form x=value")
        if line[0] == "m":
            if len(session.media) >= MAX_MEDIA:
                raise SdpError("too many media lines")
            current = media = Media(line)
            session.media.append(media)
            continue
        if line[0] == "c":
            _connection_address(line[2:])
        current.lines.append(line)
    _check(session)
    return session


def is_ordinary(body: bytes) -> bool:
    """Whether a body is one of the usual kind: ``parse`` takes it, and its one media line is live audio."""
    if len(body) > _MAX_ORDINARY:
        return False
    match = _ordinary(body)
    return match is not None and is_ip4(match.group(1).decode("ascii"))


def family_of(address: str) -> str:
    """``IP6`` for a colon-bearing literal, else ``IP4``."""
    return "IP6" if ":" in address else "IP4"


def is_null_address(address: str) -> bool:
    """Whether packets cannot go there on purpose: 0.0.0.0 or :: (RFC 3264 §8.4, RFC 6157)."""
    return address in {"0.0.0.0", "::"}  # noqa: S104 - compared, never bound


def is_ip4(text: str) -> bool:
    """Whether this is a dotted IPv4 literal."""
    parts = text.split(".")
    if len(parts) != 4:
        return False
    for part in parts:  # noqa: SIM110 - a generator costs three times as much, for every description
        if not (part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 255):
            return False
    return True


def _split(body: bytes) -> list[str]:
    """Lines without their ends (CRLF, or LF as RFC 8866 §5 tolerates); empty ones at either end are no lines."""
    text = body.decode("utf-8", "surrogateescape")
    if text.count("\n") == text.count("\r\n"):
        lines = text.split("\r\n")
    else:
        lines = [line.removesuffix("\r") for line in text.split("\n")]
    if len(lines) > MAX_LINES:
        raise SdpError("too many lines")
    while lines and not lines[-1].strip(" \t\0"):
        lines.pop()
    if not lines:
        raise SdpError("empty session description")
    return lines if "" not in lines else [line for line in lines if line]


def _check(session: SessionDescription) -> None:
    if not session.lines or session.lines[0].rstrip() != "v=0":
        raise SdpError("version is not 0")
    if session.origin.family.upper() not in {"IP4", "IP6"}:
        raise SdpError("unknown address type in the origin")
    if session.value("c") is not None:
        return
    for media in session.media:
        if media.port and media.value("c") is None:
            raise SdpError("a media line has no address")


def _connection_address(text: str) -> str:
    parts = text.split()
    if len(parts) != 3 or parts[0].upper() != "IN":
        raise SdpError("unknown network type in a connection line")
    family = parts[1].upper()
    address = parts[2].partition("/")[0]
    if family == "IP4":
        sound = bool(address) and _HOST_CHARS.issuperset(address) and (is_ip4(address) or not _all_numeric(address))
    elif family == "IP6":
        sound = bool(address) and (_IP6_CHARS if ":" in address else _HOST_CHARS).issuperset(address)
    else:
        raise SdpError("unknown address type in a connection line")
    if not sound:
        raise SdpError("malformed address in a connection line")
    return address


def _all_numeric(address: str) -> bool:
    return address.replace(".", "").isdigit()


def _attribute_name(line: str) -> str:
    return line[2:].partition(":")[0]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


def _number(text: str, limit: int, what: str) -> int:
    if not _is_number(text) or int(text) > limit:
        raise SdpError(f"{what} is not a number up to {limit}")
    return int(text)
