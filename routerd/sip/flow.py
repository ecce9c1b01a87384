"""Where a message came from and where an answer goes: one flow (RFC 5626 §3, RFC 3261 §18)."""

from __future__ import annotations

Address = tuple[str, int]

RELIABLE = frozenset({"tcp", "tls", "ws", "wss"})
SECURE = frozenset({"tls", "wss"})


class Flow:
    """A pair of addresses over one transport.

    ``transport`` is ``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``; ``local`` is the listening socket's own address
    (for a connection that we opened: that of the listener whose name it bears), ``remote`` the peer's.
    ``connection`` is 0 for datagrams and the edge's own number for a stream. Flows are equal by these four.
    ``server_name`` is the name that the peer's certificate is verified against when we open a TLS connection.
    """

    __slots__ = ("_hash", "connection", "local", "remote", "server_name", "transport")

    def __init__(
        self, transport: str, local: Address, remote: Address, connection: int = 0, server_name: str = ""
    ) -> None:
        self.transport = transport
        self.local = local
        self.remote = remote
        self.connection = connection
        self.server_name = server_name
        self._hash = hash((transport, local, remote, connection))

    @property
    def reliable(self) -> bool:
        """Whether the transport retransmits by itself (no timers A, E, G; RFC 3261 §17)."""
        return self.transport in RELIABLE

    @property
    def secure(self) -> bool:
        """Whether the transport is encrypted (RFC 3261 §26.2)."""
        return self.transport in SECURE

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Flow)
            and self.remote == other.remote
            and self.local == other.local
            and self.transport == other.transport
            and self.connection == other.connection
        )

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        number = f"#{self.connection}" if self.connection else ""
        return f"{self.transport}{number}:{self.local[0]}:{self.local[1]}<>{self.remote[0]}:{self.remote[1]}"
