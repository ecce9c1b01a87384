"""Which address is written into descriptions: the one advertised towards the network that it is for."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, never bound
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Addresses:
    """The advertised addresses, most specific network first."""

    __slots__ = ("_known", "_networks", "bind", "default")

    def __init__(self, bind: str, advertise: Sequence[str] = ()) -> None:
        """Take ``bind``, the sockets' own address, and entries ``NETWORK=ADDRESS`` or a plain ADDRESS for all others.

        Raises ConfigError for an entry that is no address or network, and when nothing but a wildcard is left to name.
        """
        self.bind: str = bind
        self.default: str = bind
        self._networks: list[tuple[_Network, str]] = []
        self._known: dict[str, str] = {}
        for entry in advertise:
            network, equals, address = entry.rpartition("=")
            try:
                ipaddress.ip_address(address)
                if equals:
                    self._networks.append((ipaddress.ip_network(network, strict=False), address))
                else:
                    self.default = address
            except ValueError as error:
                raise ConfigError(f"media advertise: {error}", pointer="/media/advertise") from error
        if self.default in _WILDCARDS:
            raise ConfigError(
                "media address is a wildcard and no address is advertised",
                pointer="/media/advertise",
                hint="name the address that phones and trunks can reach",
            )
        self._networks.sort(key=lambda pair: -pair[0].prefixlen)

    def towards(self, destination: str | None) -> str:
        """The address to advertise to a party at this address (None or a name: the default)."""
        if not destination or not self._networks:
            return self.default
        found = self._known.get(destination)
        if found is None:
            found = self._find(destination)
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[destination] = found
        return found

    def _find(self, destination: str) -> str:
        try:
            address = ipaddress.ip_address(destination)
        except ValueError:
            return self.default
        for network, advertised in self._networks:
            if address.version == network.version and address in network:
                return advertised
        return self.default
