"""How a line's RTP is carried: plain, with keys in the description (SDES), or as browsers do (DTLS-SRTP, mostly ICE).

``profile_of`` tells the profile of a whole description. ``read`` takes what one line says of keys, fingerprints and ICE
(RFC 4568, RFC 8122, RFC 8839), session-level attributes included; ``strip`` takes all of that away, and what only makes
sense between two browsers with it; ``write`` puts in what our side of the line has to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from routerd.errors import SdpError
from routerd.media import sdp

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN: Final = "plain"
SDES: Final = "sdes"
DTLS: Final = "dtls"
PROTOCOLS: Final = {PLAIN: "RTP/AVP", SDES: "RTP/SAVP", DTLS: "UDP/TLS/RTP/SAVPF"}
"""The protocol to offer to a party of each profile."""
KINDS: Final = {
    "RTP/AVP": PLAIN,
    "RTP/AVPF": PLAIN,
    "RTP/SAVP": SDES,
    "RTP/SAVPF": SDES,
    "UDP/TLS/RTP/SAVP": DTLS,
    "UDP/TLS/RTP/SAVPF": DTLS,
}
ICE_ATTRIBUTES: Final = (
    "candidate",
    "remote-candidates",
    "end-of-candidates",
    "ice-ufrag",
    "ice-pwd",
    "ice-lite",
    "ice-options",
    "ice-mismatch",
    "ice-pacing",
)
# what binds a line to one transport, or lets several share one, or is about SSRCs that the other side will not see
_TRANSPORT: Final = (
    *ICE_ATTRIBUTES,
    "crypto",
    "fingerprint",
    "setup",
    "connection",
    "tls-id",
    "rtcp-mux",
    "rtcp-mux-only",
    "rtcp-rsize",
    "rtcp",
    "mid",
    "group",
    "bundle-only",
    "msid",
    "msid-semantic",
    "ssrc",
    "ssrc-group",
    "extmap",
    "extmap-allow-mixed",
    "rid",
    "simulcast",
    "identity",
)
_FEEDBACK: Final = ("rtcp-fb",)
_MAX_FINGERPRINTS: Final = 8
_MAX_MID: Final = 32
_ICE_CHARS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


class Ice(NamedTuple):
    """A party's ICE credentials (RFC 8839 §5.4). ``lite``: it answers checks and sends none."""

    ufrag: str
    password: str
    lite: bool = False


class Carriage(NamedTuple):
    """What a description says of how one line is carried. ``setup`` is "" when it does not say."""

    protocol: str
    cryptos: tuple[str, ...] = ()
    fingerprints: tuple[tuple[str, bytes], ...] = ()
    setup: str = ""
    ice: Ice | None = None
    rtcp_mux: bool = False
    mid: str = ""

    @property
    def profile(self) -> str:
        """``plain``, ``sdes`` or ``dtls``. A line of the plain kind of SAVP that has fingerprints only is DTLS."""
        kind = KINDS.get(self.protocol, PLAIN)
        return DTLS if kind == SDES and self.fingerprints and not self.cryptos else kind


def is_secured(protocol: str) -> bool:
    """Whether packets of a line with this protocol are SRTP."""
    return KINDS.get(protocol.upper(), PLAIN) != PLAIN


def profile_of(body: bytes) -> str | None:
    """The profile of the first live RTP line; None for a description without one (or that cannot be read)."""
    if b"SAVP" not in body and b" RTP/AVP" in body:
        return PLAIN  # the usual case costs two searches
    found = carriage_of(body)
    return None if found is None else found.profile


def carriage_of(body: bytes) -> Carriage | None:
    """How the first live RTP line of a description is carried; None for one without such a line."""
    try:
        session = sdp.parse(body)
    except SdpError:
        return None
    for media in session.media:
        if media.is_rtp and (media.port or media.attribute("bundle-only") is not None):
            return read(session, media)
    return None


def read(session: sdp.SessionDescription, media: sdp.Media) -> Carriage:
    """What this line says, or the session for it. Never raises: what is malformed is not there."""
    levels = (media, session)
    fingerprints = next((found for level in levels if (found := _fingerprints(level))), ())
    setup = (_first(levels, "setup") or "").lower()
    return Carriage(
        media.protocol.upper(),
        tuple(media.attributes("crypto")),
        fingerprints,
        setup if setup in {"active", "passive", "actpass", "holdconn"} else "",
        _ice(session, levels),
        media.rtcp_mux,
        (media.attribute("mid") or "")[:_MAX_MID],
    )


def strip(session: sdp.SessionDescription) -> None:
    """Take away what bound each RTP line to its party's transport. Next: ``write`` for each line that stays live."""
    session.remove_attributes(*_TRANSPORT)
    for media in session.media:
        if media.is_rtp:
            media.remove_attributes(*_TRANSPORT)


def set_protocol(media: sdp.Media, protocol: str) -> None:
    """Write another protocol; feedback is for profiles that end with F (RFC 4585 §4.1)."""
    media.set_protocol(protocol)
    if not protocol.endswith("F"):
        media.remove_attributes(*_FEEDBACK)


def write(media: sdp.Media, carriage: Carriage, candidates: Sequence[str] = ()) -> None:
    """Put in what our side says: protocol, keys, fingerprint, role, credentials, candidates, shared RTCP."""
    set_protocol(media, carriage.protocol)
    if carriage.mid:
        media.add_attribute("mid", carriage.mid)
    for crypto in carriage.cryptos:
        media.add_attribute("crypto", crypto)
    for name, digest in carriage.fingerprints:
        media.add_attribute("fingerprint", f"{name} {digest.hex(':').upper()}")
    if carriage.setup:
        media.add_attribute("setup", carriage.setup)
    if carriage.ice is not None:
        media.add_attribute("ice-ufrag", carriage.ice.ufrag)
        media.add_attribute("ice-pwd", carriage.ice.password)
        for candidate in candidates:
            media.add_attribute("candidate", candidate)
        media.add_attribute("end-of-candidates")
    if carriage.rtcp_mux:
        media.add_attribute("rtcp-mux")


def host_candidate(address: str, port: int, component: int = 1) -> str:
    """The one candidate that a lite agent has (RFC 8445 §5.2, priority as in §5.1.2.1)."""
    priority = (126 << 24) + (65535 << 8) + 256 - component
    return f"1 {component} UDP {priority} {address} {port} typ host"


def _first(levels: Sequence[sdp.Section], name: str) -> str | None:
    return next((value for level in levels if (value := level.attribute(name)) is not None), None)


def _fingerprints(level: sdp.Section) -> tuple[tuple[str, bytes], ...]:
    found = []
    for text in level.attributes("fingerprint")[:_MAX_FINGERPRINTS]:
        name, _, digits = text.strip().partition(" ")
        try:
            found.append((name.lower(), bytes.fromhex(digits.strip().replace(":", ""))))
        except ValueError:
            continue
    return tuple(found)


def _ice(session: sdp.SessionDescription, levels: Sequence[sdp.Section]) -> Ice | None:
    ufrag, password = _first(levels, "ice-ufrag"), _first(levels, "ice-pwd")
    if ufrag is None or password is None or not 4 <= len(ufrag) <= 256 or not 22 <= len(password) <= 256:
        return None
    if not (_ICE_CHARS.issuperset(ufrag) and _ICE_CHARS.issuperset(password)):
        return None
    return Ice(ufrag, password, session.attribute("ice-lite") is not None)
