"""Names of payload types: the static table of RFC 3551 §6, and how an allow-list entry is compared with a format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.media.sdp import RtpMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.media.sdp import Media

STATIC: Final[dict[str, RtpMap]] = {
    "0": RtpMap("PCMU", 8000, 1),
    "3": RtpMap("GSM", 8000, 1),
    "4": RtpMap("G723", 8000, 1),
    "5": RtpMap("DVI4", 8000, 1),
    "6": RtpMap("DVI4", 16000, 1),
    "7": RtpMap("LPC", 8000, 1),
    "8": RtpMap("PCMA", 8000, 1),
    "9": RtpMap("G722", 8000, 1),
    "10": RtpMap("L16", 44100, 2),
    "11": RtpMap("L16", 44100, 1),
    "12": RtpMap("QCELP", 8000, 1),
    "13": RtpMap("CN", 8000, 1),
    "14": RtpMap("MPA", 90000, 1),
    "15": RtpMap("G728", 8000, 1),
    "16": RtpMap("DVI4", 11025, 1),
    "17": RtpMap("DVI4", 22050, 1),
    "18": RtpMap("G729", 8000, 1),
    "25": RtpMap("CelB", 90000, 1),
    "26": RtpMap("JPEG", 90000, 1),
    "28": RtpMap("nv", 90000, 1),
    "31": RtpMap("H261", 90000, 1),
    "32": RtpMap("MPV", 90000, 1),
    "33": RtpMap("MP2T", 90000, 1),
    "34": RtpMap("H263", 90000, 1),
}
_AUXILIARY: Final = frozenset({"telephone-event", "cn", "red", "rtx", "ulpfec", "flexfec-03"})
DEFAULT_CLOCK_HZ: Final = 8000


def formats_of(media: Media) -> list[tuple[str, RtpMap | None]]:
    """Each payload type of a media line with its encoding; None when nothing says what it is."""
    maps = media.rtpmaps
    return [(payload, maps.get(payload) or STATIC.get(payload)) for payload in media.formats]


def clock_rates(media: Media) -> dict[int, int]:
    """Payload type number to clock rate in Hz, for jitter (RFC 3550 §6.4.1); 8000 is assumed where unknown."""
    rates: dict[int, int] = {}
    for payload, encoding in formats_of(media):
        if payload.isascii() and payload.isdigit() and len(payload) <= 3:
            rates[int(payload)] = encoding.clock_hz if encoding and encoding.clock_hz else DEFAULT_CLOCK_HZ
    return rates


def matches(encoding: RtpMap, entry: str) -> bool:
    """Whether an allow-list entry (``PCMA``, ``opus``, ``L16/44100``, ``L16/44100/2``) names this encoding."""
    name, _, rest = entry.partition("/")
    if name.lower() != encoding.name.lower():
        return False
    if not rest:
        return True
    clock, _, channels = rest.partition("/")
    return clock == str(encoding.clock_hz) and (not channels or channels == str(encoding.channels))


def is_allowed(encoding: RtpMap, allowed: Sequence[str]) -> bool:
    """Whether any entry of an allow-list names this encoding."""
    return encoding.name in allowed or any(matches(encoding, entry) for entry in allowed)


def carries_media(encoding: RtpMap) -> bool:
    """Whether this encoding is speech or picture by itself, not digits, comfort noise or repair."""
    return encoding.name.lower() not in _AUXILIARY
