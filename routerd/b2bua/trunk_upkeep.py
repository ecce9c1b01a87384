"""What trunks need without any call: a REGISTER kept alive at the provider, and OPTIONS that say who is up.

Theory of operation. Each new snapshot is compared with what runs: a trunk whose relevant parts are the same keeps its
registration and its health, another begins anew, one that is gone is unregistered. A trunk that has lost its
registration is shown so; whether calls go to it is decided by its health alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.b2bua.trunk_health import HealthCheck
from routerd.b2bua.trunk_registration import TrunkRegistration, contact_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.exchange import Exchange
    from routerd.b2bua.live_state import AccountState
    from routerd.rules.tables import Snapshot, Trunk
    from routerd.sip.flow import Flow

__all__ = ["TrunkUpkeep", "contact_user"]

Key = tuple[str, str]


class TrunkUpkeep:
    """Looks after the trunks of all accounts; ``states`` gives the live state in which a trunk is marked as down."""

    __slots__ = ("_exchange", "_health", "_registrations", "_states")

    def __init__(self, exchange: Exchange, states: Callable[[str], AccountState]) -> None:
        self._exchange = exchange
        self._states = states
        self._registrations: dict[Key, tuple[tuple[Any, ...], TrunkRegistration]] = {}
        self._health: dict[Key, tuple[tuple[Any, ...], HealthCheck]] = {}

    def install(self, snapshot: Snapshot, now: float) -> None:
        """Begin, keep and end upkeep as the trunks of ``snapshot`` want it."""
        trunks = {
            (account.account.id, trunk.id): trunk
            for account in snapshot.accounts.values()
            for trunk in account.trunks.values()
        }
        self._install_registrations({k: t for k, t in trunks.items() if t.register and t.auth is not None}, now)
        self._install_health({k: t for k, t in trunks.items() if t.health is not None}, now)

    def _install_registrations(self, wanted: dict[Key, Trunk], now: float) -> None:
        for key, (parts, running) in list(self._registrations.items()):
            if key not in wanted or parts != _registration_parts(wanted[key]):
                del self._registrations[key]
                running.stop(now)
        for key, trunk in wanted.items():
            if key not in self._registrations:
                registration = TrunkRegistration(self._exchange, key[0], trunk)
                self._registrations[key] = (_registration_parts(trunk), registration)
                registration.start(now)

    def _install_health(self, wanted: dict[Key, Trunk], now: float) -> None:
        for key, (parts, running) in list(self._health.items()):
            if key not in wanted or parts != _health_parts(wanted[key]):
                del self._health[key]
                running.stop()
        for key, trunk in wanted.items():
            if key not in self._health:
                check = HealthCheck(self._exchange, key[0], trunk, self._states(key[0]))
                self._health[key] = (_health_parts(trunk), check)
                check.start(now)

    def lose_flow(self, flow: Flow, now: float) -> None:
        """Register anew where a connection is gone over which a provider reached us."""
        for _, registration in self._registrations.values():
            if registration.flow == flow and flow.reliable:
                registration.flow_lost(now)

    def stop(self, now: float) -> None:
        """Take all registrations back and end all checks, before the process ends."""
        for _, registration in self._registrations.values():
            registration.stop(now)
        for _, check in self._health.values():
            check.stop()
        self._registrations.clear()
        self._health.clear()

    def views(self, now: float) -> list[dict[str, Any]]:
        """Return all trunks for people and programs."""
        return [
            self._view(account.account.id, trunk, now)
            for account in self._exchange.snapshot.accounts.values()
            for trunk in account.trunks.values()
        ]

    def _view(self, account: str, trunk: Trunk, now: float) -> dict[str, Any]:
        state = self._states(account)
        registration = self._registrations.get((account, trunk.id))
        health = self._health.get((account, trunk.id))
        return {
            "account": account,
            "id": trunk.id,
            "target": trunk.target,
            "up": trunk.id not in state.down,
            "calls": state.channels.get(f"trunk:{trunk.id}", 0),
            "max_channels": trunk.max_channels,
            "registration": None if registration is None else registration[1].view(now),
            "health": None if health is None else health[1].view(),
        }


def _registration_parts(trunk: Trunk) -> tuple[Any, ...]:
    return (trunk.target, trunk.outbound_proxy, trunk.auth, trunk.from_domain)


def _health_parts(trunk: Trunk) -> tuple[Any, ...]:
    return (trunk.target, trunk.outbound_proxy, trunk.health)
