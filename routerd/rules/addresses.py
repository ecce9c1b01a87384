"""Address lists: is this source in one of these networks? IPv4, IPv6, and IPv4 written as IPv6 (RFC 4291 §2.5.5.2)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address


def parse(text: str) -> tuple[int, int] | None:
    """Return ``(version, integer)`` of an address literal, None when it is none; brackets, zone, mapped form undone."""
    bare = text.strip("[]").partition("%")[0]
    try:
        address: IPv4Address | IPv6Address = ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version, int(address)


def contains(networks: tuple[tuple[int, int, int], ...], text: str | None) -> bool:
    """Return whether the source address ``text`` lies in one of ``networks`` (version, first, last)."""
    parsed = parse(text) if text else None
    if parsed is None:
        return False
    version, value = parsed
    return any(v == version and first <= value <= last for v, first, last in networks)
