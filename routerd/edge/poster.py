"""One HTTP POST to somebody else's server, with everything bounded: for webhooks.

The name is resolved here and the connection made to the very address that was judged, so that no second look-up can
lead elsewhere. Only http and https, certificates verified, no redirect followed, and no more read of the answer than
its status line and the head. :class:`PostError` says in a few words why it did not work; nothing of the answer's body
is ever kept.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from routerd.errors import RouterdError

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_HEAD_BYTES: Final = 16_384
LONGEST_URL: Final = 2000
PORTS: Final = {"http": 80, "https": 443}
MOST_HEADS: Final = 8  # provisional answers before the final one


class PostError(RouterdError):
    """A receiver could not be told; the text is for people."""


class Place(msgspec.Struct, frozen=True):
    """Where a URL leads: the host as it is called, the path with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header's value."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def place_of(url: str) -> Place:
    """Take a receiver's URL apart; raises :class:`PostError` for what is none."""
    if len(url) > LONGEST_URL or not url.isascii() or any(char <= " " for char in url):
        raise PostError("the URL is no URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise PostError(f"the URL is no URL: {error}") from error
    if parts.scheme not in PORTS or not host:
        raise PostError("the URL must begin with https:// or http:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise PostError("the URL may not hold a user or a password: events are signed")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, port or PORTS[parts.scheme], path)


class Poster:
    """Posts to public addresses, and to those in ``networks``; ``timeout_s`` bounds each post as a whole."""

    def __init__(self, networks: tuple[str, ...] = (), timeout_s: float = 10.0) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context()

    def allows(self, address: str) -> bool:
        """Whether a receiver may be at this address."""
        found = ipaddress.ip_address(address.partition("%")[0])
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        judged = mapped or found
        if any(judged.version == network.version and judged in network for network in self._networks):
            return True
        return judged.is_global and not judged.is_multicast

    async def refuses(self, url: str) -> str:
        """Say why nothing will be posted to ``url`` as its name stands now; empty when it will."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._resolve(place_of(url))
        except PostError as error:
            return str(error)
        except (OSError, TimeoutError, ValueError):
            return ""  # a name that cannot be resolved now may be one later
        return ""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post ``body``; gives the status. Raises :class:`PostError`."""
        place = place_of(url)
        try:
            async with asyncio.timeout(self._timeout_s):
                address = await self._resolve(place)
                return await self._exchange(place, address, body, headers)
        except TimeoutError as error:
            raise PostError(f"no answer within {self._timeout_s:g} s") from error
        except ssl.SSLCertVerificationError as error:
            raise PostError(f"the certificate is not accepted: {error.verify_message}") from error
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise PostError(f"{type(error).__name__}: {str(error)[:200]}") from error

    async def _resolve(self, place: Place) -> str:
        found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, proto=6)
        addresses = [str(entry[4][0]) for entry in found]
        allowed = [address for address in addresses if self.allows(address)]
        if not allowed:
            raise PostError(f"{place.host} is in a private network: see [webhooks] networks")
        return allowed[0]

    async def _exchange(self, place: Place, address: str, body: bytes, headers: Mapping[str, str]) -> int:
        secure = place.scheme == "https"
        reader, writer = await asyncio.open_connection(
            address,
            place.port,
            ssl=self._tls if secure else None,
            server_hostname=place.host if secure else None,
            limit=LARGEST_HEAD_BYTES,
        )
        try:
            named = {"Host": place.authority, "Content-Length": str(len(body)), "Connection": "close", **headers}
            lines = [f"POST {place.path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
            writer.write("\r\n".join(lines).encode("ascii") + body)
            await writer.drain()
            for _ in range(MOST_HEADS):
                status = _status_of(await reader.readuntil(b"\r\n\r\n"))
                if status >= 200:
                    return status
        finally:
            writer.close()
        raise PostError("only provisional answers")


def _status_of(head: bytes) -> int:
    line = head.split(b"\r\n", 1)[0]
    version, _, rest = line.partition(b" ")
    code = rest[:3]
    if not version.startswith(b"HTTP/1.") or not code.isdigit():
        raise PostError("what answers speaks no HTTP/1")
    return int(code)
