"""G.722 at 64 kbit/s (ITU-T G.722): one byte for two samples at 16 kHz. Its RTP clock runs at 8,000 (RFC 3551 §4.5.2).

Both ways have memory: one ``Encoder`` or ``Decoder`` a stream. A narrow one takes and gives 8 kHz, a sample a byte: the
lower band alone, which is what a conversion from or to a telephone band needs. The package G722 does the work.
"""

from __future__ import annotations

from array import array
from typing import Final

import G722 as _library  # noqa: N811 - the package is named so

WIDE_HZ: Final = 16000
NARROW_HZ: Final = 8000
CLOCK_HZ: Final = 8000
_BITS_A_S: Final = 64000


class Encoder:
    """One stream's encoder."""

    __slots__ = ("_codec",)

    def __init__(self, rate_hz: int = WIDE_HZ) -> None:
        """``rate_hz`` is that of the samples: 16,000 or 8,000."""
        self._codec = _library.G722(rate_hz, _BITS_A_S)

    def encode(self, samples: bytes) -> bytes:
        """A payload of 16-bit samples in the machine's byte order; of a wide stream an even number of them."""
        if not samples:
            return b""
        return bytes(self._codec.encode(array("h", samples)))


class Decoder:
    """One stream's decoder."""

    __slots__ = ("_codec",)

    def __init__(self, rate_hz: int = WIDE_HZ) -> None:
        """``rate_hz`` is that of the samples: 16,000 or 8,000."""
        self._codec = _library.G722(rate_hz, _BITS_A_S)

    def decode(self, payload: bytes) -> array[int]:
        """The samples of a payload: two for each byte of a wide stream, one of a narrow one."""
        samples = array("h")
        if payload:
            decoded = self._codec.decode(payload)
            samples.frombytes(bytes(memoryview(decoded)))
        return samples
