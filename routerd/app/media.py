"""The media process: the embedded engine with what the supervisor left for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routerd.app.setup import MediaSetup


def serve(setup: MediaSetup) -> int:
    """Relay until SIGTERM; the process's exit status. Raises ConfigError or RelayError."""
    from routerd.media_worker.main import run

    return run(setup.listen, setup.address, setup.advertise, setup.ports, setup.dscp, setup.timeout_s)
