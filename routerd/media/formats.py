"""What a line's payload types mean, and which of them to speak in to a party (RFC 3264 §5.1, §6.1; RFC 4733 §2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from routerd.media import codecs
from routerd.media.sdp import RtpMap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from routerd.media.sdp import Media

SPOKEN: Final = ("PCMA", "PCMU", "G722")
"""What is encoded and decoded here; all of them have an RTP clock of 8,000 Hz."""
DIGITS: Final = "TELEPHONE-EVENT"
NOISE: Final = "CN"
PTIMES_MS: Final = frozenset({10, 20, 30, 40})
USUAL_PTIME_MS: Final = 20
_DYNAMIC: Final = range(96, 128)
_PREFERRED: Final = {DIGITS: 101}
_NUMBERS: Final = {"PCMU": 0, "PCMA": 8, "G722": 9, NOISE: 13}


class Format(NamedTuple):
    """One payload type: number, encoding name in capitals, RTP clock, channels."""

    payload_type: int
    name: str
    clock_hz: int
    channels: int = 1

    def is_same(self, other: Format) -> bool:
        """Whether both are one encoding, whatever their numbers."""
        return self[1:] == other[1:]

    @property
    def is_speech(self) -> bool:
        """Whether it is sound by itself and no digits, noise or repair."""
        return codecs.carries_media(RtpMap(self.name, self.clock_hz, self.channels))


class LineFormats:
    """The payload types of one side of a line in their order, and how long its packets are."""

    __slots__ = ("all", "by_type", "ptime_ms")

    def __init__(self, formats: Iterable[Format] = (), ptime_ms: int = USUAL_PTIME_MS) -> None:
        self.all: tuple[Format, ...] = tuple(formats)
        self.by_type: dict[int, Format] = {one.payload_type: one for one in reversed(self.all)}
        self.ptime_ms: int = ptime_ms

    def find(self, wanted: Format) -> Format | None:
        """The same encoding in this list."""
        return next((one for one in self.all if one.is_same(wanted)), None)

    def named(self, name: str) -> Format | None:
        """The first of this name (in capitals)."""
        return next((one for one in self.all if one.name == name), None)

    @property
    def digits(self) -> Format | None:
        """What digits are told in: telephone-event, at the telephone's clock if there is one."""
        found = [one for one in self.all if one.name == DIGITS]
        return next((one for one in found if one.clock_hz == codecs.DEFAULT_CLOCK_HZ), found[0] if found else None)

    @property
    def spoken(self) -> list[Format]:
        """Those that are encoded and decoded here."""
        return [one for one in self.all if one.name in SPOKEN]

    @property
    def has_speech(self) -> bool:
        """Whether any of them is speech, known here or not."""
        return any(one.is_speech for one in self.all)


NOTHING: Final = LineFormats()
_MOST_KNOWN: Final = 500
_MOST_KEY: Final = 64
_known: dict[tuple[str, ...], LineFormats] = {}


def read_formats(media: Media) -> LineFormats:
    """What one media line of a description says; payload types that nothing explains are left out.

    Phones say the same in every call: the last ``_MOST_KNOWN`` different lines are remembered and shared.
    """
    key = (*media.formats, *media.attributes("rtpmap"), *media.attributes("ptime"))
    known = _known.get(key)
    if known is None and len(key) > _MOST_KEY:
        return _read(media)
    if known is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[key] = _read(media)
    return known


def _read(media: Media) -> LineFormats:
    formats = [
        Format(int(payload), encoding.name.upper(), encoding.clock_hz, encoding.channels)
        for payload, encoding in codecs.formats_of(media)
        if encoding is not None and payload.isascii() and payload.isdigit() and len(payload) <= 3
    ]
    ptime_ms = media.ptime_ms
    return LineFormats(formats, ptime_ms if ptime_ms in PTIMES_MS else USUAL_PTIME_MS)


def choose(described: LineFormats, told: LineFormats) -> Format | None:
    """What to speak in to a party that described itself so and was told that: by its own number; None: nothing known.

    The shorter list is taken for the answer, whose order counts.
    """
    order = described if len(described.spoken) < len(told.spoken) else told
    for wanted in order.spoken:
        found = described.find(wanted)
        if found is not None:
            return found
    return next(iter(described.spoken), None)


def add_format(media: Media, name: str, clock_hz: int = codecs.DEFAULT_CLOCK_HZ, number: int | None = None) -> None:
    """Append one encoding to a media line, under ``number`` or its usual number or a free one; not when it is there."""
    name = name.upper()
    if any(one.name == name and one.clock_hz == clock_hz for one in read_formats(media).all):
        return
    taken = {int(payload) for payload in media.formats if payload.isascii() and payload.isdigit()}
    wanted = (number, _NUMBERS.get(name), _PREFERRED.get(name), *_DYNAMIC)
    free = next((one for one in wanted if one is not None and one not in taken), None)
    if free is None:
        return
    media.set_formats([*media.formats, str(free)])
    media.add_attribute("rtpmap", f"{free} {name.lower() if name == DIGITS else name}/{clock_hz}")
    if name == DIGITS:
        media.add_attribute("fmtp", f"{free} 0-15")


def put_first(media: Media, payload_types: Sequence[int]) -> None:
    """Let these payload types stand first, in this order."""
    first = [str(one) for one in payload_types if str(one) in media.formats]
    media.set_formats([*first, *(one for one in media.formats if one not in first)])
