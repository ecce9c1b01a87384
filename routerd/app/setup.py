"""What each process is started with: plain values made of the settings once, by the supervisor.

The supervisor validates the settings, writes a ``Setup`` into the run directory, and starts the children with that
directory as their argument; so no child reads the settings' TOML, and a restarted one comes back with the same values.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from routerd.b2bua.settings import SwitchSettings  # noqa: TC001 - msgspec resolves annotations

if TYPE_CHECKING:
    from pathlib import Path

Address = tuple[str, int]
SETUP_FILE = "setup"
CONTROL_SOCKET = "control"
READY_DESCRIPTOR = "ROUTERD_READY_DESCRIPTOR"


class HepSetup(msgspec.Struct, frozen=True):
    """Where copies of all SIP go, and who we are there."""

    server: Address
    id: int
    password: str


class WebhookSetup(msgspec.Struct, frozen=True):
    """How receivers of events are told (see the settings)."""

    networks: tuple[str, ...] = ()
    timeout_s: float = 10.0
    attempts: int = 15
    first_retry_s: float = 5.0
    longest_retry_s: float = 3600.0


class RetentionSetup(msgspec.Struct, frozen=True):
    """For how many days what is kept; 0: for ever."""

    records_days: int = 0
    recordings_days: int = 0
    messages_days: int = 0
    events_days: int = 7


class SipSetup(msgspec.Struct, frozen=True):
    """The sip process: what the switch takes, where the media engines' control ports are, TLS files ("" for none).

    ``drain_s`` is how long calls may last after SIGTERM, ``dtmf_listen`` where rtpengines report digits.
    """

    switch: SwitchSettings
    engines: tuple[Address, ...] = ()
    certificate: str = ""
    key: str = ""
    authorities: str = ""
    dns_servers: tuple[Address, ...] = ()
    drain_s: float = 0.0
    hep: HepSetup | None = None
    dtmf_listen: Address | None = None


class MediaSetup(msgspec.Struct, frozen=True):
    """The embedded media engine: its control socket and what its relay sockets use."""

    listen: Address
    address: str
    advertise: tuple[str, ...] = ()
    ports: tuple[int, int] = (20000, 29999)
    dscp: int = 46
    timeout_s: float = 60.0
    record_dirs: tuple[str, ...] = ()


class ControlSetup(msgspec.Struct, frozen=True):
    """The control process: store, documents, the admin listener; paths are absolute."""

    store: str
    documents: tuple[str, ...]
    secrets_dir: str
    sounds_dir: str
    admin: Address
    token_file: str
    requests_per_second: float = 100.0
    request_burst: int = 400
    watch_s: float = 0.0
    voicemail_dir: str = ""
    webhooks: WebhookSetup = WebhookSetup()
    retention: RetentionSetup = RetentionSetup()


class Setup(msgspec.Struct, frozen=True):
    """Everything; ``media`` is None when the engines are somebody else's."""

    control: ControlSetup
    sip: SipSetup
    media: MediaSetup | None
    log_json: bool = False
    log_level: str = "info"


def write_setup(setup: Setup, run_dir: Path) -> None:
    """Leave ``setup`` in ``run_dir`` (made 0700) for the children; raises ``OSError``."""
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    run_dir.chmod(0o700)
    descriptor = os.open(run_dir / SETUP_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(msgspec.msgpack.encode(setup))


def read_setup(run_dir: Path) -> Setup:
    """Read what the supervisor left; raises ``OSError`` or ``msgspec.DecodeError``."""
    return msgspec.msgpack.decode((run_dir / SETUP_FILE).read_bytes(), type=Setup)


def tell_ready() -> None:
    """Tell the supervisor that this process serves; once, a second call does nothing."""
    descriptor = os.environ.pop(READY_DESCRIPTOR, "")
    if descriptor.isdigit():
        os.write(int(descriptor), b"ready\n")
        os.close(int(descriptor))
