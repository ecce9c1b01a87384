"""What the switch must know of its machine: listeners, advertised addresses, limits. Built by the composition root."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from routerd.sip.flow import Flow


class Listener(msgspec.Struct, frozen=True):
    """One listening socket: ``host``/``port`` as bound, ``advertise`` the address that peers outside must use.

    ``advertise_by_network`` overrides it for peers in a network (multi-homed machines). ``digest`` are the algorithms
    offered here in place of the settings' own.
    """

    transport: str
    host: str
    port: int
    advertise: str = ""
    digest: tuple[str, ...] = ()
    advertise_by_network: tuple[tuple[str, str], ...] = ()

    def serves(self, flow: Flow) -> bool:
        """Whether ``flow`` is one of this listener's."""
        return self.transport == flow.transport and (self.host, self.port) == flow.local

    def advertised_to(self, peer: str) -> str:
        """Return the host that a peer at address ``peer`` should see in Via and Contact."""
        for network, address in self.advertise_by_network:
            if ipaddress.ip_address(peer) in ipaddress.ip_network(network):
                return address
        return self.advertise or self.host


class MediaEngine(msgspec.Struct, frozen=True):
    """One media engine: its name for notes and views and whether it is ours (capabilities beyond rtpengine's)."""

    name: str
    embedded: bool = True


class Limits(msgspec.Struct, frozen=True):
    """Bounds that keep the switch alive under attack."""

    max_calls: int = 10_000
    max_transactions: int = 100_000
    max_registrations: int = 200_000
    requests_per_second_by_source: float = 1000.0
    request_burst_by_source: int = 10_000
    failures_before_ban: int = 20
    failure_window_s: float = 60.0
    ban_s: float = 300.0


class SwitchSettings(msgspec.Struct, frozen=True):
    """Everything the switch takes from the machine's settings.

    The folders are absolute; ``prompts_dir`` has the system's own sounds (:mod:`routerd.media.prompts`) as WAV files.
    """

    listeners: tuple[Listener, ...]
    engines: tuple[MediaEngine, ...] = ()
    digest: tuple[str, ...] = ("SHA-256", "MD5")
    realm: str = "routerd"
    trusted_proxies: tuple[str, ...] = ()
    min_expires_s: int = 60
    max_expires_s: int = 3600
    default_expires_s: int = 3600
    keepalive_s: float = 30.0
    session_expires_s: int = 1800
    mtu_bytes: int = 1300
    strict: bool = False
    ladder_messages: int = 100
    captured: bool = False
    limits: Limits = Limits()
    recordings_dir: str = ""
    voicemail_dir: str = ""
    prompts_dir: str = ""
