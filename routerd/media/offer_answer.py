"""What a call does to session descriptions between its legs (RFC 3264).

The functions take a body and give a body; all raise SdpError for one that cannot be parsed. ``Description`` remembers
what one leg was told so that its ``o=`` line and its media lines follow RFC 3264 §8 whoever stands on the other side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.errors import SdpError
from routerd.media import codecs, sdp

if TYPE_CHECKING:
    from collections.abc import Sequence

_REVERSED: Final = {"sendonly": "recvonly", "recvonly": "sendonly"}
_HELD: Final = {"sendrecv": "sendonly", "recvonly": "inactive"}
_MAX_VERSION: Final = (1 << 63) - 1
_PER_FORMAT: Final = ("rtpmap", "fmtp", "rtcp-fb")
# A phone offers the same formats in every call: which of them a list lets pass whole is remembered.
_MAX_UNCHANGED: Final = 500
_unchanged: set[tuple[bytes, tuple[str, ...]]] = set()


def check_offer(body: bytes) -> None:
    """Raise SdpError unless the offer can be served: it parses, and some media line is live (RFC 3264 §5)."""
    if sdp.is_ordinary(body):
        return
    session = sdp.parse(body)
    if not session.media:
        raise SdpError("offer without media")
    if not any(media.port for media in session.media):
        raise SdpError("offer whose every media line is refused")


def check_answer(offer: bytes, answer: bytes) -> None:
    """Raise SdpError unless the answer fits its offer: as many lines, the same kinds, none revived (RFC 3264 §6)."""
    asked, given = sdp.parse(offer).media, sdp.parse(answer).media
    if len(asked) != len(given):
        raise SdpError("answer has another number of media lines")
    for ours, theirs in zip(asked, given, strict=True):
        if ours.kind != theirs.kind:
            raise SdpError("answer has another kind of media")
        if theirs.port and not ours.port:
            raise SdpError("answer revives a refused media line")


def reverse(direction: str) -> str:
    """The direction seen from the other end (RFC 3264 §6.1)."""
    return _REVERSED.get(direction, direction)


def answer_direction(offered: str, wanted: str = "sendrecv") -> str:
    """The direction for an answer: what both sides allow, in the answerer's words (RFC 3264 §6.1)."""
    theirs = reverse(offered)
    send = theirs in {"sendrecv", "sendonly"} and wanted in {"sendrecv", "sendonly"}
    receive = theirs in {"sendrecv", "recvonly"} and wanted in {"sendrecv", "recvonly"}
    if send:
        return "sendrecv" if receive else "sendonly"
    return "recvonly" if receive else "inactive"


def direction(body: bytes) -> str:
    """The direction of the first live audio line (else the first live line); a null address takes receiving away."""
    session = sdp.parse(body)
    live = [media for media in session.media if media.port]
    if not live:
        return "inactive"
    media = next((one for one in live if one.kind == "audio"), live[0])
    return _effective(session, media)


def is_hold(body: bytes) -> bool:
    """Whether the sender puts the call on hold: no live line wants to receive (RFC 3264 §8.4, RFC 2543 style too)."""
    session = sdp.parse(body)
    live = [media for media in session.media if media.port]
    return bool(live) and all(_effective(session, media) in {"sendonly", "inactive"} for media in live)


def hold(body: bytes) -> bytes:
    """The same description on hold: sendrecv becomes sendonly, recvonly inactive; version + 1 (RFC 3264 §8.4)."""
    session = sdp.parse(body)
    for media in session.media:
        now = session.direction_of(media)
        media.set_direction(_HELD.get(now, now))
    return _bumped(session)


def resume(body: bytes) -> bytes:
    """The same description with every live line sendrecv again; version + 1. Undoes ``hold``."""
    session = sdp.parse(body)
    for media in session.media:
        media.set_direction("sendrecv")
    return _bumped(session)


def make_black_hole(body: bytes) -> bytes:
    """The same description with nowhere to send to: null address, inactive; version + 1 (RFC 3725 §4.3)."""
    session = sdp.parse(body)
    if session.connection is not None:
        session.set_connection(_null_like(session.connection))
    for media in session.media:
        if media.connection is not None:
            media.set_connection(_null_like(media.connection))
        media.set_direction("inactive")
        media.remove_attributes("rtcp", "candidate", "remote-candidates")
    return _bumped(session)


def filter_codecs(body: bytes, allowed: Sequence[str]) -> bytes:
    """Keep only allowed encodings, in the offerer's order; a line left without speech is refused by port 0.

    ``allowed`` holds names such as ``PCMA``, ``telephone-event`` or ``L16/44100/2``, compared without case. Lines that
    are not RTP (T.38) pass. Raises SdpError when a description that had live media has none left: answer 488.
    """
    ordinary = sdp.is_ordinary(body)
    known = (body[body.find(b" RTP/AVP") :], tuple(allowed)) if ordinary else None
    if known is not None and known in _unchanged:
        return body
    session = sdp.parse(body)
    changed = False
    for media in session.media:
        if media.port and media.is_rtp and _filter_line(media, allowed):
            changed = True
    if not changed:
        if known is not None:
            if len(_unchanged) >= _MAX_UNCHANGED:
                _unchanged.clear()
            _unchanged.add(known)
        return body
    if not any(media.port for media in session.media):
        raise SdpError("no allowed codec in common")
    return session.serialise()


def codec_names(body: bytes) -> list[str]:
    """Encoding names of the live RTP lines, in order, each once; for records and traces."""
    names: dict[str, None] = {}
    for media in sdp.parse(body).media:
        if media.port and media.is_rtp:
            for _, encoding in codecs.formats_of(media):
                if encoding is not None:
                    names[encoding.name] = None
    return list(names)


def refuse_all(offer: bytes, origin: sdp.Origin) -> bytes:
    """An answer that refuses every line by port 0 (RFC 3264 §6), under our own ``origin``."""
    session = sdp.parse(offer)
    session.lines = ["v=0", "o=", "s=-", f"c=IN {origin.family} {origin.address}", "t=0 0"]
    session.set_origin(origin)
    for media in session.media:
        refuse_line(media)
    return session.serialise()


def refuse_line(media: sdp.Media) -> None:
    """Refuse one media line: port 0 and nothing beneath it, its formats kept as RFC 3264 §6 asks."""
    media.port = 0
    media.lines = media.lines[:1]


def keep_formats(media: sdp.Media, payloads: Sequence[str]) -> None:
    """Keep only these payload types of one line, in its own order, and the attribute lines that are theirs."""
    kept = frozenset(payloads)
    media.lines = [line for line in media.lines if _format_of(line) in kept or _format_of(line) is None]
    media.set_formats([payload for payload in media.formats if payload in kept])


def bump_version(body: bytes) -> bytes:
    """The same description with its ``o=`` version one higher (RFC 3264 §8)."""
    return _bumped(sdp.parse(body))


class Description:
    """What one leg has been told, across offers and answers and across changing partners.

    Hand every body meant for that leg to ``stamp``: the ``o=`` line keeps one identity, its version grows by one
    exactly when the rest changed, and media lines never shrink: missing ones are added refused (RFC 3264 §8).
    """

    __slots__ = ("_lines", "_origin", "_rest")

    def __init__(self) -> None:
        self._origin: sdp.Origin | None = None
        self._rest: bytes = b""
        self._lines: list[str] = []

    def stamp(self, body: bytes) -> bytes:
        """The body as this leg must see it; raises SdpError."""
        session = sdp.parse(body)
        for line in self._lines[len(session.media) :]:
            media = sdp.Media(line)
            refuse_line(media)
            session.media.append(media)
        theirs = session.origin
        first = self._origin is None
        ours = self._origin or theirs._replace(version=_sound_version(theirs.version))
        session.set_origin(ours)
        rest = session.serialise()
        if not first and rest != self._rest:
            ours = ours._replace(version=str(int(ours.version) + 1))
            session.set_origin(ours)
            rest = session.serialise()
        self._origin, self._rest = ours, rest
        self._lines = [media.lines[0] for media in session.media]
        return rest


def _effective(session: sdp.SessionDescription, media: sdp.Media) -> str:
    now = session.direction_of(media)
    return _HELD.get(now, now) if sdp.is_null_address(session.address_of(media)) else now


def _null_like(address: str) -> str:
    return "::" if ":" in address else "0.0.0.0"  # noqa: S104 - written into a description, never bound


def _sound_version(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        return "1"
    return text if int(text) < _MAX_VERSION else str(int(text) % _MAX_VERSION)


def _bumped(session: sdp.SessionDescription) -> bytes:
    origin = session.origin
    session.set_origin(origin._replace(version=str(int(_sound_version(origin.version)) + 1)))
    return session.serialise()


def _filter_line(media: sdp.Media, allowed: Sequence[str]) -> bool:
    """Whether the line had to be changed."""
    kept: set[str] = set()
    speech = False
    for payload, encoding in codecs.formats_of(media):
        if encoding is not None and codecs.is_allowed(encoding, allowed):
            kept.add(payload)
            speech = speech or codecs.carries_media(encoding)
    if not speech:
        refuse_line(media)
        return True
    if len(kept) == len(media.formats):
        return False
    keep_formats(media, [payload for payload in kept if _repaired(media, payload) in kept])
    return True


def _repaired(media: sdp.Media, payload: str) -> str:
    """The payload type that this one only repairs (``apt=``, RFC 4588 §8.6), else itself."""
    parameters = media.fmtp(payload) or ""
    return parameters[4:].strip() if parameters.startswith("apt=") else payload


def _format_of(line: str) -> str | None:
    """The payload type that an attribute line belongs to; None for all other lines."""
    if not line.startswith("a="):
        return None
    name, _, value = line[2:].partition(":")
    if name not in _PER_FORMAT:
        return None
    payload = value.split(" ", 1)[0]
    return None if payload == "*" else payload
