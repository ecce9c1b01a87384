"""What may keep a machine from taking calls, looked at from outside: nothing is started, nothing is written.

``examine(settings_file)`` gives findings: ``ok``, ``warning`` (works, but not for everybody or not for ever) and
``problem``. A daemon that runs on these settings already is taken into account: its ports are its own.
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import resource
import shutil
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import dns.exception
import dns.resolver

from routerd.app.composition import engine_answers, engine_says, make_setup, read_settings
from routerd.app.documents import DocumentReader, errors_of, read_files
from routerd.app.listening import check_addresses
from routerd.app.sounds import SPEAKER, cache_of
from routerd.edge.reload import Certificates
from routerd.errors import ConfigError, ParseError
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from routerd.app.setup import Setup
    from routerd.config.settings import Settings
    from routerd.rules.tables import AccountTables, Trunk

OK, WARNING, PROBLEM = "ok", "warning", "problem"
DAY_S: Final = 86_400
EXPIRES_SOON_S: Final = 14 * DAY_S
LEAST_FREE_BYTES: Final = 256 << 20
DNS_S: Final = 3.0
ANSWER_S: Final = 2.0
SOCKETS_A_CALL: Final = 4
FEW_CALLS: Final = 500
TIMEX_BYTES: Final = 512
TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised


class Finding(NamedTuple):
    """What one look gave; ``hint`` says what to do."""

    subject: str
    state: str
    text: str
    hint: str = ""


def examine(settings_file: Path) -> list[Finding]:
    """Look at everything; raises ConfigError when the settings cannot be read."""
    settings = read_settings(settings_file)
    setup = make_setup(settings)
    running = is_running(settings)
    control = setup.control
    good, errors = read_files(DocumentReader(control.secrets_dir, control.sounds_dir), control.documents)
    accounts = [tables for _, _, tables in good]
    findings = [Finding("documents", PROBLEM, str(error)) for error in errors]
    if not errors:
        findings.append(Finding("documents", OK, f"{len(accounts)} read"))
    findings += ports(setup, running=running)
    findings += names([trunk for tables in accounts for trunk in tables.trunks.values()])
    findings += [clock(), *certificates(setup), *nat(settings, accounts), store(Path(control.store)), limits(settings)]
    findings += [*folders(setup), *engines(setup), speech()]
    return findings


def is_running(settings: Settings) -> bool:
    """Whether a daemon answers on the admin listener of these settings, one that drains or is held up too."""
    try:
        with urllib.request.urlopen(f"http://{settings.admin.listen}/health/live", timeout=ANSWER_S) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def ports(setup: Setup, *, running: bool) -> list[Finding]:
    """Say which listeners could not be had."""
    wanted = [(one.transport, one.host, one.port) for one in setup.sip.switch.listeners]
    wanted.append(("tcp", *setup.control.admin))
    if running:
        return [Finding("ports", OK, f"the daemon runs and has them ({len(wanted)} listeners)")]
    if setup.media is not None and not engine_answers(setup.media.listen):
        wanted.append(("udp", *setup.media.listen))
    refused = [Finding("ports", PROBLEM, error.message, error.hint) for error in check_addresses(wanted)]
    return refused or [Finding("ports", OK, f"{len(wanted)} can be had")]


def names(trunks: Iterable[Trunk]) -> Iterator[Finding]:
    """Look up the hosts of trunks, as calls to them would: SRV where no port is given, else an address."""
    wanted: dict[str, bool] = {}
    for trunk in trunks:
        try:
            uri = Uri.parse(trunk.outbound_proxy or trunk.target)
        except ParseError:
            continue
        if not _is_address(uri.host):
            wanted[uri.host] = wanted.get(uri.host, False) or uri.port is None
    if not wanted:
        yield Finding("dns", OK, "no trunk needs a name")
    for host, services in wanted.items():
        found = (services and _srv(host)) or _address(host)
        if found:
            yield Finding("dns", OK, f"{host} is {found}")
        else:
            yield Finding("dns", PROBLEM, f"{host} has no address", "see the trunk's target, and /etc/resolv.conf")


def _srv(host: str) -> str:
    for service in ("_sip._udp", "_sip._tcp", "_sips._tcp"):
        try:
            answer = dns.resolver.resolve(f"{service}.{host}", "SRV", lifetime=DNS_S)
        except (dns.exception.DNSException, OSError):
            continue
        return ", ".join(f"{record.target}:{record.port}" for record in answer)
    return ""


def _address(host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])
    except OSError:
        return ""


def clock() -> Finding:
    """Ask the kernel whether something keeps the clock right (adjtimex(2))."""
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    if state == TIME_ERROR:
        hint = "time groups and records depend on it: run chrony or systemd-timesyncd"
        return Finding("clock", WARNING, "nothing keeps it synchronised", hint)
    return Finding("clock", OK, "synchronised" if state >= 0 else "not to be asked here")


def certificates(setup: Setup) -> Iterator[Finding]:
    """Say how long the certificate lasts."""
    if not setup.sip.certificate:
        yield Finding("certificate", OK, "none is needed")
        return
    try:
        left_s = Certificates(Path(setup.sip.certificate), Path(setup.sip.key)).expires_at - time.time()
    except ConfigError as error:
        yield Finding("certificate", PROBLEM, str(error))
        return
    days = f"{abs(left_s) / DAY_S:.0f} days"
    if left_s <= 0:
        yield Finding("certificate", PROBLEM, f"it ended {days} ago", "renew it, then SIGHUP")
    elif left_s < EXPIRES_SOON_S:
        yield Finding("certificate", WARNING, f"it ends in {days}", "renew it, then SIGHUP")
    else:
        yield Finding("certificate", OK, f"it lasts {days}")


def nat(settings: Settings, accounts: Iterable[AccountTables]) -> list[Finding]:
    """Look for addresses that peers could not reach."""
    listeners = make_setup(settings).sip.switch.listeners
    found = [
        Finding("nat", WARNING, f"{one.transport}:{one.host}:{one.port} names no address of its own to peers",
                "listen on addresses by name, or set advertise")
        for one in listeners if _is_wildcard(one.host) and not one.advertise
    ]  # fmt: skip
    beyond = any(not _is_loopback(one.host) for one in listeners)
    media = settings.media
    if media.engine == "embedded" and beyond and _is_loopback(media.address):
        found.append(Finding("nat", PROBLEM, "audio stays on this machine: [media] address is loopback",
                             "set it to the address that phones reach"))  # fmt: skip
    private = [one for one in listeners if _is_private(one.host) and not one.advertise]
    trunks = [trunk for tables in accounts for trunk in tables.trunks.values()]
    if private and any(_is_public(trunk) for trunk in trunks):
        found.append(Finding("nat", WARNING, f"a trunk is on the internet and {private[0].host} is private",
                             "behind NAT, set advertise and [media] advertise"))  # fmt: skip
    return found or [Finding("nat", OK, "peers are told addresses that they can reach, as far as can be seen here")]


def store(path: Path) -> Finding:
    """Say whether the store can be written, and for how long."""
    folder = path.parent
    if not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        return Finding("store", PROBLEM, f"{path} cannot be written", "the folder must exist and be writable")
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        return Finding("store", WARNING, f"only {free >> 20} MiB are free at {folder}", "make room")
    return Finding("store", OK, f"{path} can be written, {free >> 30} GiB are free")


def folders(setup: Setup) -> Iterator[Finding]:
    """Say whether recordings, messages and sounds can be kept, and until when (an hour of a recorded call: 115 MB)."""
    switch = setup.sip.switch
    named = (("recordings", switch.recordings_dir), ("voicemail", switch.voicemail_dir),
             ("sounds-cache", cache_of(setup.control.store)))  # fmt: skip
    for subject, name in named:
        path = Path(name)
        place = next(one for one in (path, *path.parents) if one.exists())
        free = shutil.disk_usage(place).free
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            yield Finding(subject, PROBLEM, f"{path} cannot be written", "the daemon's user must own it")
        elif place == path and path.stat().st_mode & 0o007:
            yield Finding(subject, WARNING, f"everybody on this machine may look into {path}", f"chmod o= {path}")
        elif free < LEAST_FREE_BYTES:
            yield Finding(subject, WARNING, f"only {free >> 20} MiB are free at {path}", "make room, see [retention]")
        else:
            made = "" if place == path else " (made at the start)"
            yield Finding(subject, OK, f"{path} can be written{made}, {free >> 30} GiB are free")


def engines(setup: Setup) -> Iterator[Finding]:
    """Ask the media engines what they can."""
    for host, port in setup.sip.engines:
        said, name = engine_says((host, port)), f"{host}:{port}"
        if said is None and setup.media is not None:
            yield Finding("media", OK, f"no engine at {name} yet: the daemon starts its own")
        elif said is None:
            yield Finding("media", PROBLEM, f"no engine answers at {name}", "start rtpengine, or see [media] engine")
        elif "capabilities" in said:
            yield Finding("media", OK, f"the engine at {name} can {', '.join(map(str, said['capabilities']))}")
        else:
            text = f"{name} is an engine of another make: it keeps no messages of mailboxes"
            yield Finding("media", OK, text, '[media] engine = "embedded" does')


def limits(settings: Settings) -> Finding:
    """Say for how many relayed calls descriptors and ports last."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // SOCKETS_A_CALL
    first, last = settings.media.ports
    calls = min(descriptors, (last - first + 1) // SOCKETS_A_CALL, settings.limits.max_calls)
    text = f"enough for about {calls} relayed calls"
    if calls < min(FEW_CALLS, settings.limits.max_calls):
        return Finding("file limits", WARNING, text, "raise LimitNOFILE (ulimit -n), or widen [media] ports")
    return Finding("file limits", OK, text)


def speech() -> Finding:
    """Say whether texts of documents can be spoken; recordings, and what was spoken before, need nothing."""
    if shutil.which(SPEAKER) is None:
        text = f"{SPEAKER} is not installed: documents whose sounds have new texts are refused"
        return Finding("speech", OK, text, f"apt install {SPEAKER}, where texts are wanted")
    return Finding("speech", OK, f"{SPEAKER} speaks what documents say")


def wrong_settings(error: ConfigError) -> list[str]:
    """Give each error of the settings as a line."""
    return [str(one) for one in errors_of(error)]


def _parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    return _parsed(host) is not None


def _is_wildcard(host: str) -> bool:
    parsed = _parsed(host)
    return parsed is not None and parsed.is_unspecified


def _is_loopback(host: str) -> bool:
    parsed = _parsed(host)
    return host == "localhost" if parsed is None else parsed.is_loopback


def _is_private(host: str) -> bool:
    parsed = _parsed(host)
    return parsed is not None and parsed.is_private and not parsed.is_loopback and not parsed.is_unspecified


def _is_public(trunk: Trunk) -> bool:
    try:
        host = Uri.parse(trunk.target).host
    except ParseError:
        return False
    parsed = _parsed(host)
    return host != "localhost" if parsed is None else parsed.is_global
