"""From the machine's settings to what each process is started with; relative paths are below the working directory."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from routerd.app.setup import ControlSetup, HepSetup, MediaSetup, RetentionSetup, Setup, SipSetup, WebhookSetup
from routerd.b2bua.settings import Limits, Listener, MediaEngine, SwitchSettings
from routerd.config.settings import load_settings, parse_address, parse_listener, parse_network_address
from routerd.errors import ConfigError, MediaError
from routerd.media import ng

if TYPE_CHECKING:
    import msgspec

    from routerd.app.setup import Address
    from routerd.config.settings import Settings

Part = TypeVar("Part", WebhookSetup, RetentionSetup)
PING_S = 0.2
LARGEST_REPLY = 65536
PROMPTS_DIR = Path(__file__).resolve().parent.parent / "prompts"


def read_settings(path: Path) -> Settings:
    """Read the settings file; raises ConfigError (DocumentErrors: all at once)."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the settings cannot be read: {error.strerror}", source=str(path), hint="--settings FILE"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the settings are not UTF-8", source=str(path)) from error
    return load_settings(text, str(path))


def make_setup(settings: Settings) -> Setup:
    """Give every process its part of the settings."""
    engines = engine_addresses(settings)
    return Setup(
        control=ControlSetup(
            store=_absolute(settings.store.url.removeprefix("sqlite:")),
            documents=tuple(_absolute(file) for file in settings.document.files),
            secrets_dir=_absolute(settings.document.secrets_dir),
            sounds_dir=_absolute(settings.document.sounds_dir),
            admin=parse_address(settings.admin.listen),
            token_file=_absolute(settings.admin.token_file),
            requests_per_second=settings.admin.requests_per_second,
            request_burst=settings.admin.request_burst,
            watch_s=settings.document.watch_s,
            voicemail_dir=_absolute(settings.media.voicemail_dir),
            webhooks=_plain(settings.webhooks, WebhookSetup),
            retention=_plain(settings.retention, RetentionSetup),
        ),
        sip=SipSetup(
            switch=switch_settings(settings, engines),
            engines=engines,
            certificate=_absolute(settings.tls.certificate),
            key=_absolute(settings.tls.key),
            authorities=_absolute(settings.tls.authorities),
            dns_servers=tuple(parse_address(server) for server in settings.sip.dns_servers),
            drain_s=settings.run.drain_s,
            hep=_hep(settings),
            dtmf_listen=parse_address(settings.media.dtmf_listen) if settings.media.dtmf_listen else None,
        ),
        media=_media(settings),
        log_json=settings.log.json,
        log_level=settings.log.level,
    )


def _absolute(path: str) -> str:
    return str(Path(path).resolve()) if path else ""


def engine_addresses(settings: Settings) -> tuple[Address, ...]:
    """Give the control address of each media engine, in the order of the settings."""
    if settings.media.engine == "embedded":
        return (parse_address(settings.media.control),)
    return tuple(parse_address(engine.removeprefix("ng:")) for engine in settings.media.engine)


def switch_settings(settings: Settings, engines: tuple[Address, ...]) -> SwitchSettings:
    """Give the switch what it must know of this machine."""
    sip = settings.sip
    embedded = settings.media.engine == "embedded"
    limits = {name: getattr(settings.limits, name) for name in Limits.__struct_fields__}
    return SwitchSettings(
        listeners=tuple(_listener(settings, text) for text in sip.listen),
        engines=tuple(MediaEngine(f"{host}:{port}", embedded) for host, port in engines),
        digest=tuple(dict.fromkeys([*sip.digest, *(name for own in sip.digest_by_listener.values() for name in own)])),
        realm=sip.realm,
        trusted_proxies=sip.trusted_proxies,
        min_expires_s=sip.min_expires_s,
        max_expires_s=sip.max_expires_s,
        default_expires_s=sip.default_expires_s,
        keepalive_s=sip.keepalive_s,
        session_expires_s=sip.session_expires_s,
        mtu_bytes=sip.mtu_bytes,
        strict=sip.strict,
        ladder_messages=sip.ladder_messages,
        captured=bool(settings.hep.server),
        limits=Limits(**limits),
        recordings_dir=_absolute(settings.media.recordings_dir),
        voicemail_dir=_absolute(settings.media.voicemail_dir),
        prompts_dir=str(PROMPTS_DIR),
    )


def _plain(section: msgspec.Struct, kind: type[Part]) -> Part:
    """Give a section of the settings as a part of the setup, name by name."""
    return kind(**{name: getattr(section, name) for name in kind.__struct_fields__})


def _hep(settings: Settings) -> HepSetup | None:
    hep = settings.hep
    return HepSetup(parse_address(hep.server), hep.id, hep.password) if hep.server else None


def _listener(settings: Settings, text: str) -> Listener:
    parsed = parse_listener(text)
    networks = [parse_network_address(entry) for entry in settings.sip.advertise_by_network]
    everybody = [address for network, address in networks if not network]
    return Listener(
        transport=parsed.transport,
        host=parsed.host,
        port=parsed.port,
        digest=tuple(settings.sip.digest_by_listener.get(text, settings.sip.digest)),
        advertise=parsed.advertise or settings.sip.advertise or (everybody[0] if everybody else ""),
        advertise_by_network=tuple((network, address) for network, address in networks if network),
    )


def _media(settings: Settings) -> MediaSetup | None:
    if settings.media.engine != "embedded":
        return None
    media = settings.media
    return MediaSetup(
        listen=parse_address(media.control),
        address=media.address,
        advertise=media.advertise,
        ports=(media.ports[0], media.ports[1]),
        dscp=media.dscp,
        timeout_s=media.timeout_s,
        record_dirs=(_absolute(media.recordings_dir), _absolute(media.voicemail_dir)),
    )


def engine_answers(address: Address) -> bool:
    """Whether an embedded engine already runs at ``address`` (a unit of its own under systemd)."""
    return "started" in (engine_says(address) or {})


def engine_says(address: Address) -> dict[str, Any] | None:
    """Ping the engine at ``address``: what it says of itself, None when nothing does."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(PING_S)
        try:
            asking.connect(address)
            asking.send(ng.encode_command("start", ng.ping()))
            return ng.decode_reply(asking.recv(LARGEST_REPLY))[1]
        except (OSError, MediaError):
            return None
