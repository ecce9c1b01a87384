"""Telling systemd: ready, stopping, alive (sd_notify(3)); silent when nobody asked."""

from __future__ import annotations

import os
import socket

MICROSECONDS = 1_000_000


def notify(message: str) -> bool:
    """Send ``message`` (``READY=1``, ``STOPPING=1``, ``WATCHDOG=1`` …) to the service manager.

    Whether it was sent; False without a manager or when its socket does not take it.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        try:
            out.connect(address)
            out.sendall(message.encode())
        except OSError:
            return False
    return True


def watchdog_every_s() -> float | None:
    """How often to send ``WATCHDOG=1``: half of what the unit allows; None when it does not ask."""
    asked = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID", "")
    if not asked.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(asked) / MICROSECONDS / 2
