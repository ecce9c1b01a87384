"""How a call sounded, estimated from what the network did to it: the E-model, simplified (ITU-T G.107, G.107.1).

The rating R begins at what an undisturbed line is worth and loses by the codec, by lost packets, and by delay; MOS is
R on the scale of listeners (1 bad to 5 excellent, of which a telephone reaches 4.4). Jitter costs as the delay of the
buffer that takes it away. What no relay can hear (echo, noise, loudness) is taken as good.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PACKET_MS: Final = 20.0
LEAST_BUFFER_MS: Final = 20.0
_NARROW_BEST: Final = 93.2
_WIDE_BEST: Final = 129.0


class Codec(NamedTuple):
    """What a codec costs by itself and how well it bears loss (G.113, Ie and Bpl); ``wide`` by the scale of G.107.1."""

    impairment: float
    robustness: float
    wide: bool = False


G711: Final = Codec(0.0, 25.1)  # with concealment of losses (G.711 Appendix I), as every phone has it
_BY_PAYLOAD: Final = {
    3: Codec(20.0, 43.0),  # GSM
    4: Codec(15.0, 16.1),  # G.723.1
    9: Codec(13.0, 25.1, wide=True),  # G.722
    18: Codec(11.0, 19.0),  # G.729A
}


def codec_of(payload_type: int) -> Codec:
    """What the payload type stands for; those without a fixed meaning are taken for G.711."""
    return _BY_PAYLOAD.get(payload_type, G711)


def rating(codec: Codec, loss: float, jitter_ms: float, round_trip_ms: float | None) -> float:
    """The rating of one direction: ``loss`` is the share of packets that did not come (0 … 1).

    Without a known round trip the network's own delay counts as none.
    """
    percent = 100.0 * min(max(loss, 0.0), 1.0)
    effective = codec.impairment + (95.0 - codec.impairment) * percent / (percent + codec.robustness)
    delay_ms = (round_trip_ms or 0.0) / 2 + PACKET_MS + max(LEAST_BUFFER_MS, 2 * jitter_ms)
    delayed = 0.024 * delay_ms + (0.11 * (delay_ms - 177.3) if delay_ms > 177.3 else 0.0)
    best = _WIDE_BEST if codec.wide else _NARROW_BEST
    return max(0.0, best - effective - delayed) / (_WIDE_BEST / 100.0 if codec.wide else 1.0)


def mos(rated: float) -> float:
    """The mean opinion score of a rating (G.107 Annex B)."""
    if rated <= 0.0:
        return 1.0
    if rated >= 100.0:
        return 4.5
    return min(4.5, max(1.0, 1.0 + 0.035 * rated + rated * (rated - 60.0) * (100.0 - rated) * 7e-6))


def estimate(payload_type: int, packets: int, lost: int, jitter_ms: float, round_trip_ms: float | None) -> float | None:
    """The score of what was heard of one party; None when nothing was."""
    if packets <= 0:
        return None
    return mos(rating(codec_of(payload_type), lost / (packets + lost), jitter_ms, round_trip_ms))
