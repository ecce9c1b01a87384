"""The media process: the embedded engine with what the supervisor, or the unit of its own, gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.edge import sdnotify

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.app.setup import MediaSetup


def serve(setup: MediaSetup, on_serving: Callable[[], object]) -> int:
    """Relay until SIGTERM; the process's exit status. Raises ConfigError or RelayError.

    ``on_serving`` is called once the control socket takes commands. The service manager's watchdog, if there is one,
    hears from the loop that carries the packets.
    """
    from routerd.media_worker.main import run

    return run(
        setup.listen,
        setup.address,
        setup.advertise,
        setup.ports,
        setup.dscp,
        setup.timeout_s,
        record_dirs=setup.record_dirs,
        on_serving=on_serving,
        beat=(sdnotify.watchdog_every_s(), lambda: sdnotify.notify("WATCHDOG=1")),
    )
