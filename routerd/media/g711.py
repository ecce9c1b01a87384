"""G.711, both laws (ITU-T G.711): samples to bytes and back, and from one law to the other.

Samples are 16-bit in the machine's own byte order, as bytes. ``audioop`` does the work: in the standard library until
Python 3.12, the package audioop-lts after that.
"""

from __future__ import annotations

import audioop
from typing import Final

from routerd.errors import MediaError

RATE_HZ: Final = 8000
NAMES: Final = frozenset({"PCMA", "PCMU"})
WIDTH_BYTES: Final = 2
_EVERY: Final = bytes(range(256))
A_TO_U: Final = audioop.lin2ulaw(audioop.alaw2lin(_EVERY, WIDTH_BYTES), WIDTH_BYTES)
"""For ``bytes.translate``: what is A-law becomes µ-law."""
U_TO_A: Final = audioop.lin2alaw(audioop.ulaw2lin(_EVERY, WIDTH_BYTES), WIDTH_BYTES)
"""For ``bytes.translate``: what is µ-law becomes A-law."""
SILENCE: Final = {"PCMA": b"\xd5", "PCMU": b"\xff"}


def decode(name: str, payload: bytes) -> bytes:
    """Samples of a payload; ``name`` is PCMA or PCMU. Raises MediaError for another one."""
    if name == "PCMA":
        return audioop.alaw2lin(payload, WIDTH_BYTES)
    if name == "PCMU":
        return audioop.ulaw2lin(payload, WIDTH_BYTES)
    raise MediaError(f"no law of G.711: {name}")


def encode(name: str, samples: bytes) -> bytes:
    """A payload of samples, a byte each; raises MediaError for another name and for half a sample."""
    if len(samples) % WIDTH_BYTES:
        raise MediaError("half a sample")
    if name == "PCMA":
        return audioop.lin2alaw(samples, WIDTH_BYTES)
    if name == "PCMU":
        return audioop.lin2ulaw(samples, WIDTH_BYTES)
    raise MediaError(f"no law of G.711: {name}")
