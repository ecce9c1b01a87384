"""Formats in offers and answers: what both parties may speak, and conversion where they have nothing in common.

Theory of operation. ``codec: {transcode: [...]}`` in an offer adds codecs behind those of the offerer. Where the
answer takes one that was added, the offerer is answered with one of its own, and every packet of the line is
converted: it goes by the treated path. Where it takes one of the offerer's, the line stays as plain as without. With
the flag ``inject-DTMF`` an offerer that can tell digits as events may do so although its partner cannot (see
``digits``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.media import formats, offer_answer
from routerd.media.converter import Converter
from routerd.media.formats import NOTHING, LineFormats
from routerd.media_worker.extension import Extension, Negotiation, Services

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from routerd.media import sdp
    from routerd.media_worker.call import MediaCall, MediaLine

SPEECH: Final = "audio"
INJECT: Final = "inject-DTMF"


class Transcoding(Extension):
    """Keeps every line's ``agreement``, and puts converters on lines that need them."""

    __slots__ = ("_described",)

    def __init__(self, _services: Services) -> None:
        self._described: list[LineFormats] = []  # of the description that is being handled

    @property
    def capabilities(self) -> Sequence[str]:
        """Conversion."""
        return ("transcoding",)

    def read(self, negotiation: Negotiation, session: sdp.SessionDescription) -> None:
        """Note the formats as they came, before anything is taken out, and add to an offer what is to be added."""
        flags = negotiation.command.get("flags")
        if isinstance(flags, list):
            negotiation.call.flags |= frozenset(flag for flag in flags if isinstance(flag, str))
        self._described = [formats.read_formats(media) for media in session.media]
        if negotiation.is_offer:
            for _, _, media in speech_lines(negotiation.call, session):
                for name in _transcode(negotiation.command):
                    formats.add_format(media, name)

    def write(self, negotiation: Negotiation, session: sdp.SessionDescription) -> None:
        """Note what the other party is told; answer an offer with what was in it."""
        for index, line, media in speech_lines(negotiation.call, session):
            described = self._described[index]
            if negotiation.is_offer:
                line.agreement.offer(negotiation.side, described, formats.read_formats(media))
                line.offers_mux = media.rtcp_mux
            else:
                line.is_converted = _fit_answer(media, line, described, inject=INJECT in negotiation.call.flags)
                line.agreement.answer(negotiation.side, described, formats.read_formats(media))
                line.is_muxed = line.offers_mux and media.rtcp_mux

    def answered(self, negotiation: Negotiation) -> None:
        """Convert, or convert no more."""
        for line in negotiation.call.open_lines():
            if line.kind != SPEECH or not line.agreement.is_answered:
                continue
            if not line.is_converted and not line.has_path:
                continue
            for side in (0, 1):
                line.path.muxed[side] = line.is_muxed
                converter = _converter(line, side) if line.is_converted else None
                line.path.set_converter(side, converter)


def speech_lines(call: MediaCall, session: sdp.SessionDescription) -> Iterator[tuple[int, MediaLine, sdp.Media]]:
    """The open lines of speech that a description holds live."""
    for index, media in enumerate(session.media):
        line = call.line(index)
        if line is not None and line.kind == SPEECH and media.port and media.is_rtp:
            yield index, line, media


def _converter(line: MediaLine, side: int) -> Converter:
    agreement, other = line.agreement, 1 - side
    return Converter(agreement.heard(side), agreement.described[other], agreement.speech_to(other))


def _fit_answer(media: sdp.Media, line: MediaLine, described: LineFormats, *, inject: bool) -> bool:
    """Make the answer one that its offerer can use; whether the line's packets must be converted for that."""
    offered, told = line.agreement.offered, line.agreement.offered_as
    if offered is NOTHING:
        return False
    added = any(offered.find(one) is None for one in told.all)
    strange = [one for one in described.all if offered.find(one) is None] if added else []
    spoken = next(iter(offered.spoken), None)
    common = [one for one in described.all if one not in strange]
    must_convert = bool(strange) and not any(one.is_speech for one in common)
    if must_convert and (spoken is None or not described.spoken):
        return False
    if strange:
        if must_convert and spoken is not None:
            _put_speech(media, spoken)
        kept = [payload for payload in media.formats if int(payload) not in {one.payload_type for one in strange}]
        offer_answer.keep_formats(media, kept)
    injected = inject and offered.digits is not None and described.digits is None
    if injected and offered.digits is not None:
        formats.add_format(media, offered.digits.name, offered.digits.clock_hz, offered.digits.payload_type)
    return bool(strange) or injected


def _put_speech(media: sdp.Media, spoken: formats.Format) -> None:
    """Let one of the offerer's codecs stand first in the answer."""
    formats.add_format(media, spoken.name, spoken.clock_hz, spoken.payload_type)
    now = formats.read_formats(media).find(spoken)
    if now is not None:
        formats.put_first(media, [now.payload_type])


def _transcode(command: Mapping[str, Any]) -> list[str]:
    """The codecs that an offer asks to be added, as far as they are known here."""
    codec = command.get("codec")
    names = codec.get("transcode") if isinstance(codec, dict) else None
    known = {*formats.SPOKEN, formats.DIGITS}
    if not isinstance(names, list):
        return []
    return [name for name in names if isinstance(name, str) and name.upper() in known]
