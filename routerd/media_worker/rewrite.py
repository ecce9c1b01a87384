"""Descriptions on their way through the engine: what is read of a party's, and what is put in for the other party."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.media import codecs, offer_answer, sdp
from routerd.media.profiles import ICE_ATTRIBUTES
from routerd.media.relay_session import PartyMedia

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from routerd.media.relay_lane import Address

MAX_RELAYED_LINES: Final = 8
_OPAQUE: Final = frozenset({"UDPTL", "UDP", "UDP/DTLS/SCTP", "UDP/BFCP", "UDP/TLS/UDPTL"})
_SECURED: Final = frozenset({"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})
_RTP: Final = frozenset({"RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"})
_EVENTS: Final = frozenset({"telephone-event", "cn"})


def is_relayable(media: sdp.Media) -> bool:
    """Whether a line's packets are UDP, so that the relay can carry them; others are refused."""
    protocol = media.protocol.upper()
    return protocol in _RTP or protocol in _SECURED or protocol in _OPAQUE


def is_opaque(media: sdp.Media) -> bool:
    """Whether packets that are no RTP must pass too (T.38, DTLS handshakes)."""
    protocol = media.protocol.upper()
    return protocol in _OPAQUE or protocol in _SECURED


def read_party(session: sdp.SessionDescription, media: sdp.Media, signalling_host: str) -> PartyMedia:
    """What a relay session wants to know of one line of a party's description."""
    host = session.address_of(media)
    direction = session.direction_of(media)
    if sdp.is_null_address(host):
        direction = {"sendrecv": "sendonly", "recvonly": "inactive"}.get(direction, direction)
    rtcp_port, rtcp_host = media.port + 1, host
    if media.rtcp_mux:
        rtcp_port = media.port
    elif media.rtcp is not None:
        rtcp_port, rtcp_host = media.rtcp.port, media.rtcp.address or host
    return PartyMedia(
        _address(host, media.port),
        _address(rtcp_host, rtcp_port),
        direction,
        signalling_host,
        codecs.clock_rates(media),
        _event_payloads(media),
    )


def write_party(
    session: sdp.SessionDescription, ports: Sequence[int | None], address: str, command: Mapping[str, Any]
) -> bytes:
    """The description for the other party, made in place by ``prepare_party``. Raises SdpError."""
    prepare_party(session, ports, address, command)
    return session.serialise()


def prepare_party(
    session: sdp.SessionDescription,
    ports: Sequence[int | None],
    address: str,
    command: Mapping[str, Any],
    *,
    always: bool = False,
) -> None:
    """Put our address and ports in place of the party's; a line without a port is refused.

    ``ports`` holds the even port of each line. A null address (the old way of holding) stays, unless ``always`` (the
    description is of a party that has no address at all). Raises SdpError.
    """
    replaced = command.get("replace", ())
    if isinstance(replaced, list) and "origin" in replaced:
        session.set_origin(session.origin._replace(family=sdp.family_of(address), address=address))
    _write_connection(session, address, always=always)
    session.remove_attributes(*ICE_ATTRIBUTES)
    codec = command.get("codec")
    for media, port in zip(session.media, ports, strict=True):
        if port is None:
            offer_answer.refuse_line(media)
            continue
        media.port = port
        _write_connection(media, address, always=always)
        _write_rtcp(media, port)
        media.remove_attributes(*ICE_ATTRIBUTES)
        if isinstance(codec, dict) and media.is_rtp:
            _strip_codecs(media, codec)


def _address(host: str, port: int) -> Address | None:
    """A numeric address that packets can be sent to; names and null addresses are learnt instead."""
    if not port or sdp.is_null_address(host) or not (sdp.is_ip4(host) or ":" in host):
        return None
    return (host, port)


def _event_payloads(media: sdp.Media) -> frozenset[int]:
    return frozenset(
        int(payload)
        for payload, encoding in codecs.formats_of(media)
        if encoding is not None and encoding.name.lower() in _EVENTS and payload.isascii() and payload.isdigit()
    )


def _write_connection(section: sdp.Section, address: str, *, always: bool) -> None:
    current = section.connection
    if current is not None and (always or not sdp.is_null_address(current)):
        section.set_connection(address)


def _write_rtcp(media: sdp.Media, port: int) -> None:
    if media.rtcp is None:
        return
    line = f"a=rtcp:{port if media.rtcp_mux else port + 1}"
    media.lines = [line if old.startswith("a=rtcp:") else old for old in media.lines]


def _strip_codecs(media: sdp.Media, codec: Mapping[str, Any]) -> None:
    """Take away what ``strip`` and ``mask`` name, but not what ``except``, ``offer`` or ``accept`` name."""
    gone = [*_names(codec, "strip"), *_names(codec, "mask")]
    spared = [*_names(codec, "except"), *_names(codec, "offer"), *_names(codec, "accept"), *_names(codec, "transcode")]
    if not gone:
        return
    kept: list[str] = []
    for payload, encoding in codecs.formats_of(media):
        named = encoding is not None and any(codecs.matches(encoding, name) for name in gone)
        saved = encoding is not None and any(codecs.matches(encoding, name) for name in spared)
        if saved or not (named or "all" in gone or "full" in gone):
            kept.append(payload)
    if kept:
        offer_answer.keep_formats(media, kept)
    else:
        offer_answer.refuse_line(media)


def _names(codec: Mapping[str, Any], key: str) -> list[str]:
    value = codec.get(key, [])
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
