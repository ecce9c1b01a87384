"""Before anything is started: can every address be had, and if not, who has it (proc_pid_fd(5), proc_net(5))."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from routerd.edge.stream import bind_stream
from routerd.edge.udp import bind_udp
from routerd.errors import ConfigError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

PROC = Path("/proc")
LONGEST_NAME = 100
LISTENING = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN; an unconnected datagram socket
PROTOCOL = {"udp": "udp", "tcp": "tcp", "tls": "tcp", "ws": "tcp", "wss": "tcp"}


def check_addresses(wanted: Iterable[tuple[str, str, int]]) -> list[ConfigError]:
    """Try each ``(transport, host, port)``; gives one error for each that cannot be had, saying who has it."""
    errors = []
    for transport, host, port in wanted:
        try:
            (bind_udp if transport == "udp" else _listen_briefly)(host, port).close()
        except OSError as error:
            errors.append(_error(transport, host, port, error))
    return errors


def _listen_briefly(host: str, port: int) -> socket.socket:
    bound = bind_stream(host, port)
    try:
        bound.listen(1)  # with SO_REUSEADDR only listening tells
    except OSError:
        bound.close()
        raise
    return bound


def _error(transport: str, host: str, port: int, error: OSError) -> ConfigError:
    place = f"{transport}:{f'[{host}]' if ':' in host else host}:{port}"
    if error.errno == errno.EADDRINUSE:
        owner = who_listens(PROTOCOL[transport], port) or "a process that is not ours to see"
        return ConfigError(f"{place} is in use by {owner}", hint="stop that program or listen elsewhere")
    if error.errno == errno.EADDRNOTAVAIL:
        return ConfigError(f"{place}: no interface of this machine has that address", hint="see `ip address`")
    if error.errno == errno.EACCES:
        return ConfigError(f"{place}: ports under 1024 need a privilege", hint="CAP_NET_BIND_SERVICE, or a higher port")
    return ConfigError(f"{place}: {error.strerror or error}")


def who_listens(protocol: str, port: int) -> str:
    """Name the process (``pid 123 (kamailio)``) that has ``port`` of ``protocol`` (tcp or udp); "" when unseen."""
    inodes = {inode for table in (protocol, protocol + "6") for inode in _inodes(table, LISTENING[protocol], port)}
    if not inodes:
        return ""
    for directory in PROC.iterdir():
        if directory.name.isdigit() and inodes & _sockets_of(directory):
            words = (directory / "cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
            return f"pid {directory.name} ({words[:LONGEST_NAME].strip()})"
    return ""


def _inodes(table: str, state: str, port: int) -> set[str]:
    try:
        lines = (PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return set()
    wanted = f":{port:04X}"
    rows = [line.split() for line in lines]
    return {row[9] for row in rows if row[1].endswith(wanted) and row[3] == state}


def _sockets_of(directory: Path) -> set[str]:
    found = set()
    try:
        for descriptor in (directory / "fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except OSError:  # gone meanwhile, or not ours to see
        return found
    return found
