"""The settings of this machine (TOML): every section of surface.md as structs, with the document's quality of errors.

:func:`load_settings` reads them; the composition root makes the processes' own settings of the result.
``conf/routerd.toml`` documents every key with its default, which is the struct's (a test keeps them equal).
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from routerd.config import fields as f  # noqa: TC001 - msgspec resolves annotations
from routerd.config.pieces import build
from routerd.config.problems import DocumentErrors, Problems, split
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES: Final = 1_000_000
TRANSPORTS: Final = ("udp", "tcp", "tls", "ws", "wss")
Text = Annotated[str, Meta(max_length=4096)]
Short = Annotated[str, Meta(max_length=300)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Algorithm = Literal["SHA-256", "SHA-512-256", "MD5"]
Algorithms = Annotated[tuple[Algorithm, ...], Meta(min_length=1, max_length=3)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the sections: frozen, unknown keys refused."""


class SipSettings(Section, frozen=True, kw_only=True):
    """``[sip]``: where it listens, what it calls itself, how phones are challenged."""

    listen: Annotated[tuple[Short, ...], Meta(min_length=1, max_length=64)] = (
        "udp:127.0.0.1:5060",
        "tcp:127.0.0.1:5060",
    )
    advertise: Short = ""
    advertise_by_network: Annotated[tuple[Short, ...], Meta(max_length=64)] = ()
    domains: Annotated[tuple[f.Domain, ...], Meta(max_length=10_000)] = ()
    realm: Short = "routerd"
    digest: Algorithms = ("SHA-256", "MD5")
    digest_by_listener: Annotated[dict[Short, Algorithms], Meta(max_length=64)] = {}
    trusted_proxies: Annotated[tuple[f.Network, ...], Meta(max_length=1000)] = ()
    min_expires_s: Annotated[int, Meta(ge=1, le=86_400)] = 60
    max_expires_s: Annotated[int, Meta(ge=60, le=604_800)] = 3600
    default_expires_s: Annotated[int, Meta(ge=1, le=604_800)] = 3600
    keepalive_s: Annotated[float, Meta(ge=5, le=600)] = 30
    session_expires_s: Annotated[int, Meta(ge=90, le=86_400)] = 1800
    mtu_bytes: Annotated[int, Meta(ge=500, le=65_000)] = 1300
    strict: bool = False
    ladder_messages: Annotated[int, Meta(ge=0, le=1000)] = 100
    dns_servers: Annotated[tuple[Short, ...], Meta(max_length=8)] = ()


class TlsSettings(Section, frozen=True, kw_only=True):
    """``[tls]``: PEM files for tls: and wss: listeners; ``authorities`` are believed beside the system's."""

    certificate: Text = ""
    key: Text = ""
    authorities: Text = ""


class MediaSettings(Section, frozen=True, kw_only=True):
    """``[media]``: who carries the voices, on which addresses and ports; where recordings and messages lie."""

    engine: Literal["embedded"] | Annotated[tuple[Short, ...], Meta(min_length=1, max_length=64)] = "embedded"
    control: Short = "127.0.0.1:2223"
    address: Short = "127.0.0.1"
    advertise: Annotated[tuple[Short, ...], Meta(max_length=64)] = ()
    ports: Annotated[tuple[Port, ...], Meta(min_length=2, max_length=2)] = (20000, 29999)
    timeout_s: Annotated[float, Meta(ge=5, le=86_400)] = 60
    dscp: Annotated[int, Meta(ge=0, le=63)] = 46
    recordings_dir: Annotated[str, Meta(min_length=1, max_length=4096)] = "recordings"
    voicemail_dir: Annotated[str, Meta(min_length=1, max_length=4096)] = "voicemail"
    dtmf_listen: Short = ""


class AdminSettings(Section, frozen=True, kw_only=True):
    """``[admin]``: the HTTP API; on loopback unless said otherwise."""

    listen: Short = "127.0.0.1:8080"
    token_file: Text = "admin.token"  # noqa: S105 - a file's name
    requests_per_second: Annotated[float, Meta(gt=0, le=1_000_000)] = 100
    request_burst: Count = 400


class StoreSettings(Section, frozen=True, kw_only=True):
    """``[store]``: the database."""

    url: Annotated[str, Meta(pattern=r"^sqlite:.+", max_length=4096)] = "sqlite:routerd.db"


class DocumentSettings(Section, frozen=True, kw_only=True):
    """``[document]``: routing documents of the first start, and where secrets and sounds lie."""

    files: Annotated[tuple[Text, ...], Meta(max_length=10_000)] = ("conf/demo.yaml",)
    secrets_dir: Text = ""
    sounds_dir: Text = "conf/sounds"
    watch_s: Annotated[float, Meta(ge=0, le=3600)] = 2


class LimitSettings(Section, frozen=True, kw_only=True):
    """``[limits]``: bounds that keep the machine alive under load and attack."""

    max_calls: Count = 10_000
    max_transactions: Count = 100_000
    max_registrations: Count = 200_000
    requests_per_second_by_source: Annotated[float, Meta(gt=0, le=1_000_000)] = 1000
    request_burst_by_source: Count = 10_000
    failures_before_ban: Count = 20
    failure_window_s: Annotated[float, Meta(gt=0, le=86_400)] = 60
    ban_s: Annotated[float, Meta(ge=0, le=604_800)] = 300


class WebhookSettings(Section, frozen=True, kw_only=True):
    """``[webhooks]``: how receivers of events are told, and which private networks they may be in."""

    networks: Annotated[tuple[f.Network, ...], Meta(max_length=100)] = ()
    timeout_s: Annotated[float, Meta(ge=0.1, le=60)] = 10
    attempts: Annotated[int, Meta(ge=1, le=100)] = 15
    first_retry_s: Annotated[float, Meta(ge=0.01, le=3600)] = 5
    longest_retry_s: Annotated[float, Meta(ge=0.01, le=86_400)] = 3600


class RetentionSettings(Section, frozen=True, kw_only=True):
    """``[retention]``: for how many days what is kept; 0: for ever."""

    records_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    recordings_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    messages_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    events_days: Annotated[int, Meta(ge=1, le=365)] = 7


class HepSettings(Section, frozen=True, kw_only=True):
    """``[hep]``: where a copy of all SIP is sent (HEP v3 over UDP); no server, no copies."""

    server: Short = ""
    id: Annotated[int, Meta(ge=0, le=4_294_967_295)] = 2001
    password: Short = ""


class LogSettings(Section, frozen=True, kw_only=True):
    """``[log]``: what is said, and for whom."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json: bool = False


class RunSettings(Section, frozen=True, kw_only=True):
    """``[run]``: where the processes meet (Unix sockets, spool), and how long calls may last after SIGTERM."""

    directory: Text = "run"
    drain_s: Annotated[float, Meta(ge=0, le=86_400)] = 30


class Settings(Section, frozen=True, kw_only=True):
    """All settings; each section may be left out."""

    sip: SipSettings = SipSettings()
    tls: TlsSettings = TlsSettings()
    media: MediaSettings = MediaSettings()
    admin: AdminSettings = AdminSettings()
    store: StoreSettings = StoreSettings()
    document: DocumentSettings = DocumentSettings()
    limits: LimitSettings = LimitSettings()
    webhooks: WebhookSettings = WebhookSettings()
    retention: RetentionSettings = RetentionSettings()
    hep: HepSettings = HepSettings()
    log: LogSettings = LogSettings()
    run: RunSettings = RunSettings()


class ListenAddress(msgspec.Struct, frozen=True):
    """One listener, taken apart; ``advertise`` is the host that peers outside must use ("": the bound one)."""

    transport: str
    host: str
    port: int
    advertise: str = ""


def parse_listener(text: str) -> ListenAddress:
    """Take ``udp:127.0.0.1:5060`` or ``tls:[2001:db8::1]:5061=203.0.113.5`` apart. Raises ConfigError."""
    address, equals, advertise = text.partition("=")
    transport, colon, place = address.partition(":")
    if not colon or transport not in TRANSPORTS:
        raise ConfigError(f'"{text}" names no transport', hint=f"one of {', '.join(TRANSPORTS)}: udp:127.0.0.1:5060")
    host, port = parse_address(place)
    if equals and not _is_host(advertise.strip("[]")):
        raise ConfigError(f'"{advertise}" is no address to advertise', hint="such as udp:0.0.0.0:5060=203.0.113.5")
    return ListenAddress(transport, host, port, advertise.strip("[]"))


def parse_address(text: str) -> tuple[str, int]:
    """Take ``127.0.0.1:8080`` or ``[::1]:8080`` apart. Raises ConfigError."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if ":" in bare and not bracketed:
        raise ConfigError(f'"{text}" is ambiguous', hint="an IPv6 address stands in brackets: [::1]:5060")
    if not colon or not _is_host(bare):
        raise ConfigError(f'"{text}" is not an address with a port', hint="such as 127.0.0.1:5060")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise ConfigError(f'"{port}" is not a port', hint="1 to 65535")
    return bare, int(port)


def parse_network_address(text: str) -> tuple[str, str]:
    """Take ``10.0.0.0/8=10.0.0.5`` apart: (network, address); a bare address is for everybody. Raises ConfigError."""
    network, equals, address = text.rpartition("=")
    try:
        if equals:
            ipaddress.ip_network(network)
        ipaddress.ip_address(address)
    except ValueError as error:
        raise ConfigError(f'"{text}": {error}', hint="such as 10.0.0.0/8=10.0.0.5, or 203.0.113.5") from error
    return (network if equals else "", address)


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9.\-]{0,252})", text) is not None
    return True


def load_settings(text: str, source: str) -> Settings:
    """Read settings; ``source`` names the file in errors. Raises DocumentErrors with every error at once."""
    problems = Problems(source)
    if len(text) > MAX_BYTES:
        raise DocumentErrors([ConfigError(f"more than {MAX_BYTES} characters", source=source)])
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DocumentErrors([_not_toml(error, source)]) from error
    settings: Settings = build(tree, Settings, problems)
    problems.close_shape()
    _Meaning(settings, problems).run()
    if problems.errors:
        problems.place(_lines(text, {error.pointer for error in problems.errors}))
    problems.raise_any()
    return settings


def _not_toml(error: Exception, source: str) -> ConfigError:
    where = re.search(r"\(at line (\d+)", str(error))
    message = str(error).partition(" (at ")[0] or "nested too deep"
    return ConfigError(f"not TOML: {message}", line=int(where[1]) if where else 0, source=source)


class _Meaning:
    """Judges what settings say."""

    def __init__(self, settings: Settings, problems: Problems) -> None:
        self.settings = settings
        self.problems = problems

    def run(self) -> None:
        self._sip()
        self._tls()
        self._media()
        self._try(parse_address, self.settings.admin.listen, "/admin/listen")
        if self.settings.hep.server:
            self._try(parse_address, self.settings.hep.server, "/hep/server")
        for place, text in enumerate(self.settings.webhooks.networks):
            self._network(text, f"/webhooks/networks/{place}")

    def _try(self, parse: object, text: str, pointer: str) -> bool:
        assert callable(parse)
        try:
            parse(text)
        except ConfigError as error:
            self.problems.add(error.message, pointer, error.hint)
            return False
        return True

    def _sip(self) -> None:
        sip = self.settings.sip
        seen: set[tuple[str, str, int]] = set()
        for place, text in enumerate(sip.listen):
            pointer = f"/sip/listen/{place}"
            if self._try(parse_listener, text, pointer):
                listener = parse_listener(text)
                key = (listener.transport, listener.host, listener.port)
                if key in seen:
                    self.problems.add(f'"{text}" is opened twice', pointer)
                seen.add(key)
        for name in sip.digest_by_listener:
            if name not in sip.listen:
                self.problems.add(f'"{name}" is no listener', "/sip/digest_by_listener", "as it stands in listen")
        if sip.advertise and not _is_host(sip.advertise):
            self.problems.add(f'"{sip.advertise}" is not an address', "/sip/advertise", "such as 203.0.113.5")
        self._networks(sip)
        if not sip.min_expires_s <= sip.default_expires_s <= sip.max_expires_s:
            self.problems.add("not between min_expires_s and max_expires_s", "/sip/default_expires_s")

    def _networks(self, sip: SipSettings) -> None:
        for place, text in enumerate(sip.advertise_by_network):
            self._try(parse_network_address, text, f"/sip/advertise_by_network/{place}")
        for place, text in enumerate(sip.dns_servers):
            self._try(parse_address, text, f"/sip/dns_servers/{place}")
        for place, text in enumerate(sip.trusted_proxies):
            self._network(text, f"/sip/trusted_proxies/{place}")

    def _network(self, text: str, pointer: str) -> None:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            self.problems.add(str(error), pointer, "CIDR, such as 10.0.0.0/8")

    def _tls(self) -> None:
        tls = self.settings.tls
        if bool(tls.certificate) is not bool(tls.key):
            self.problems.add("certificate and key come together", "/tls", "two PEM files")
        for place, text in enumerate(self.settings.sip.listen):
            if text.startswith(("tls:", "wss:")) and not tls.certificate:
                self.problems.add(f'"{text}" needs a certificate', f"/sip/listen/{place}", "[tls] certificate and key")

    def _media(self) -> None:
        media = self.settings.media
        self._try(parse_address, media.control, "/media/control")
        if media.dtmf_listen:
            self._try(parse_address, media.dtmf_listen, "/media/dtmf_listen")
        if not _is_host(media.address):
            self.problems.add(f'"{media.address}" is not an address', "/media/address", "such as 127.0.0.1")
        for place, text in enumerate(media.advertise):
            self._try(parse_network_address, text, f"/media/advertise/{place}")
        if len(media.ports) == 2 and media.ports[0] >= media.ports[1]:
            self.problems.add("the first port is not below the last", "/media/ports", "[20000, 29999]")
        if media.engine == "embedded":
            return
        for place, text in enumerate(media.engine):
            pointer = f"/media/engine/{place}"
            if not text.startswith("ng:"):
                self.problems.add(f'"{text}" is no engine', pointer, 'such as "ng:10.0.0.5:2223"')
            else:
                self._try(parse_address, text.removeprefix("ng:"), pointer)


def _lines(text: str, pointers: Iterable[str]) -> dict[str, int]:
    """Give the line of each pointer: of its key, else of its section."""
    known: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        header = re.match(r"\s*\[\s*([A-Za-z0-9_.\-]+)\s*\]", line)
        if header:
            section = "/" + header[1].replace(".", "/")
            known.setdefault(section, number)
        key = re.match(r"\s*\"?([A-Za-z0-9_.\-]+)\"?\s*=", line)
        if key:
            known.setdefault(f"{section}/{key[1].replace('.', '/')}", number)
    return {pointer: _nearest(known, pointer) for pointer in pointers}


def _nearest(known: dict[str, int], pointer: str) -> int:
    parts = split(pointer)
    while parts:
        line = known.get("/" + "/".join(parts))
        if line is not None:
            return line
        parts.pop()
    return 1
