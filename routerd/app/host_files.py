"""What documents need of this host: time zones; read here so that config/ stays pure."""

from __future__ import annotations

import zoneinfo
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routerd.config.document import SecretRef


def zone_names() -> frozenset[str]:
    """Give the names of the time zones that this host or the tzdata package knows."""
    return frozenset(zoneinfo.available_timezones())


def zone_data(name: str) -> bytes:
    """Give a zone's TZif bytes: the host's, else the tzdata package's. Raises LookupError or OSError."""
    try:
        zoneinfo.ZoneInfo(name)  # judges the name: no path gets further
    except (ValueError, OSError) as error:
        raise LookupError(name) from error
    for base in zoneinfo.TZPATH:
        path = Path(base, *name.split("/"))
        if path.is_file():
            return path.read_bytes()
    package, _, last = f"tzdata.zoneinfo.{name.replace('/', '.')}".rpartition(".")
    return resources.files(package).joinpath(last).read_bytes()


def placeholder(secret: SecretRef) -> str:
    """Stand in for a secret where nothing is dialled or registered: `check` and `simulate` need no real ones."""
    return f"secret of {secret.env or secret.file or 'the store'}"
