"""Where a registered phone seems to stand: in the open, behind a NAT, or behind a gateway that rewrites SIP.

Theory of operation. A phone writes its own address into three places of a REGISTER: Contact, Via and, very often, its
Call-ID. A NAT changes none of them, only the packet's source; so all three name one private address, and the source
another: harmless, for requests go back where the REGISTER came from. An *application layer gateway* (ALG, "SIP helper")
rewrites some of them and forgets others: then they contradict each other, and calls tend to lose their audio or to die
after half a minute. The remedy is always the same: switch it off in that router.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from routerd.b2bua.location import Binding

DIRECT: Final = "direct"
NAT: Final = "nat"
ALG: Final = "alg"
PROXY: Final = "proxy"
WEBSOCKET: Final = "websocket"
UNKNOWN: Final = "unknown"
TEXTS: Final = {
    DIRECT: "the phone is where it says it is",
    NAT: "the phone is behind a NAT; it is reached by the way that its REGISTER came",
    PROXY: "the phone registered through a proxy, by whose Path it is reached",
    WEBSOCKET: "the phone is reached over its WebSocket connection",
    UNKNOWN: "the phone names no address that could be compared",
}
SWITCH_OFF: Final = "a router on the way rewrites SIP (an ALG or SIP helper): switch that off there"


class Verdict(NamedTuple):
    """The word, and the text for people."""

    verdict: str
    text: str


def verdict(binding: Binding) -> Verdict:
    """Judge a binding by what its REGISTER said."""
    flow = binding.flow
    if flow.transport in {"ws", "wss"}:
        return _plain(WEBSOCKET)
    if binding.path:
        return _plain(PROXY)
    source = flow.remote[0]
    contact = _address(binding.contact.host)
    via_host, via_port = _sent_by(binding.sent_by)
    via = _address(via_host)
    if contact is None:
        return _plain(UNKNOWN)
    seen = _address(source)
    if contact != seen:
        if via is not None and via == seen:
            return _rewritten(f"Via names the public address {source}, Contact still {contact}")
        return _plain(NAT)
    if via is not None and via != seen:
        return _rewritten(f"Contact names the public address {source}, Via still {via}")
    named = _address(binding.call_id.rpartition("@")[2])
    if named is not None and named != seen and named.is_private:
        return _rewritten(f"Contact and Via name the public address {source}, the Call-ID still {named}")
    moved = (binding.contact.port or 5060) != flow.remote[1] and not flow.reliable
    if moved and via_port and via_port != (binding.contact.port or 5060):
        return _rewritten(f"Contact names port {binding.contact.port or 5060}, Via {via_port}, it came from another")
    return _plain(NAT if moved else DIRECT)


def _plain(word: str) -> Verdict:
    return Verdict(word, TEXTS[word])


def _rewritten(why: str) -> Verdict:
    return Verdict(ALG, f"{why}: {SWITCH_OFF}")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _sent_by(text: str) -> tuple[str, int]:
    """Take a Via's ``host:port`` apart; 0: no port."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or (":" in host and not host.endswith("]")):
        return text, 0
    return host, int(port)
