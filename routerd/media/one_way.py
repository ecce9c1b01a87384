"""Why one party of a call is not heard: the likely cause, from what a relay knows of its lane."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from routerd.media.relay_lane import Address, Lane


class Cause(NamedTuple):
    """A stable word, and the sentence for a person."""

    word: str
    text: str


MANY: Final = 10  # packets: fewer are a stray


def cause_of(lane: Lane) -> Cause:
    """Why the speaker of ``lane`` is not heard."""
    if lane.packets:
        return _fell_silent(lane)
    if lane.foreign >= MANY:
        named = _said(lane.signalled) if lane.signalled is not None else "none that can be used"
        return Cause(
            "unlatched", f"its packets come from {_said(lane.foreign_from)}, but the address it named is {named}"
        )
    if lane.garbage >= MANY:
        return Cause("garbage", "what it sends is no RTP")
    signalled = lane.signalled
    if signalled is None:
        return Cause("unnamed", "it named no address that can be used, and sends nothing")
    if lane.signalling_host not in {"", signalled[0]} and is_private(signalled[0]):
        return Cause(
            "nat",
            f"it named the private address {_said(signalled)} but signals from {lane.signalling_host}, "
            "and nothing came from either",
        )
    return Cause("silent", f"it sends nothing from {_said(signalled)}")


def _fell_silent(lane: Lane) -> Cause:
    if lane.foreign >= MANY:
        return Cause(
            "moved", f"its packets came from {_said(lane.settled)} and now come from {_said(lane.foreign_from)}"
        )
    return Cause("stopped", f"it fell silent after {lane.packets} packets")


def is_private(host: str) -> bool:
    """Whether an address has a meaning in its own network only (RFC 1918, RFC 6598, RFC 4193)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not address.is_global and not address.is_loopback


def _said(address: Address | None) -> str:
    if address is None:
        return "nowhere"
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
