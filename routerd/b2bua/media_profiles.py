"""Which profile each party of a call is spoken to in: plain RTP, SRTP with keys in the description, or a browser's.

A party is answered in the profile that it offered, and offered the one in which it spoke last; before it has spoken,
what its document says (``srtp``), and where that is ``auto`` a browser's over WebSocket and plain RTP otherwise.
Two parties whose profiles differ cannot talk directly. The words are those of rtpengine's ng protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from routerd.media.profiles import DTLS, PLAIN, PROTOCOLS, SDES, carriage_of, profile_of

if TYPE_CHECKING:
    from routerd.sip.flow import Flow

WEBSOCKETS: Final = frozenset({"ws", "wss"})
_DOCUMENT: Final = {"off": PLAIN, "sdes": SDES, "dtls": DTLS}
_TOWARDS: Final[dict[str, dict[str, Any]]] = {
    PLAIN: {"rtcp-mux": ["demux"]},
    # an rtpengine puts these two first, and phones that say they know them do not always
    SDES: {"rtcp-mux": ["demux"], "DTLS": "off", "SDES": ["no-AEAD_AES_256_GCM", "no-AEAD_AES_128_GCM"]},
    DTLS: {"rtcp-mux": ["offer", "require"], "SDES": ["off"]},
}


class Spoken(Protocol):
    """A leg, as far as its profile goes."""

    @property
    def remote_sdp(self) -> bytes:
        """Its last description."""

    @property
    def profile(self) -> str:
        """What was expected of it before (:func:`expected`)."""


def of_party(leg: Spoken) -> str:
    """The profile in which a party is offered media."""
    spoken = profile_of(leg.remote_sdp) if leg.remote_sdp else None
    return spoken or leg.profile


def expected(srtp: str, flow: Flow | None) -> str:
    """The profile of a party that has not spoken, by its document and by how it is reached."""
    over_websocket = flow is not None and flow.transport in WEBSOCKETS
    return _DOCUMENT.get(srtp, DTLS if over_websocket else PLAIN)


def offer_words(sdp: bytes, wanted: str) -> tuple[str, dict[str, Any]]:
    """``ICE``, and what else an offer command says, so that this description is offered in the profile ``wanted``.

    Between two plain parties nothing is said: feedback, shared RTCP and the like pass as they are.
    """
    if wanted == PLAIN and profile_of(sdp) in {PLAIN, None}:
        return "remove", {}
    return "force" if wanted == DTLS else "remove", {"transport-protocol": PROTOCOLS[wanted], **_TOWARDS[wanted]}


def answer_words(offer: bytes, answer: bytes) -> tuple[str, dict[str, Any]]:
    """``ICE``, and what else an answer command says: who offered gets the answer as they offered.

    An rtpengine that had to offer several profiles takes the answerer's for both sides otherwise.
    """
    if profile_of(offer) in {PLAIN, None} and profile_of(answer) in {PLAIN, None}:
        return "remove", {}
    offered = carriage_of(offer)
    if offered is None:
        return "remove", {}
    ice = "force" if offered.ice is not None and offered.profile == DTLS else "remove"
    return ice, {"transport-protocol": offered.protocol}
