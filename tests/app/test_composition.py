from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from routerd.app.composition import engine_answers, make_setup, read_settings, switch_settings
from routerd.b2bua.settings import Limits, Listener
from routerd.config.settings import Settings, load_settings
from routerd.errors import ConfigError
from routerd.media import ng
from routerd.media.prompts import prompt_path


def settings(text: str) -> Settings:
    return load_settings(text, "routerd.toml")


def test_the_defaults_make_a_whole_setup() -> None:
    setup = make_setup(Settings())
    assert [one.transport for one in setup.sip.switch.listeners] == ["udp", "tcp"]
    assert setup.media is not None
    assert setup.sip.engines == (setup.media.listen,)
    assert Path(setup.control.store).is_absolute()
    assert setup.sip.certificate == ""


def test_folders_are_absolute_and_the_prompts_are_the_packages() -> None:
    switch = make_setup(settings('[media]\nrecordings_dir = "r"\nvoicemail_dir = "/var/v"\n')).sip.switch
    assert (switch.recordings_dir, switch.voicemail_dir) == (str(Path("r").resolve()), "/var/v")
    assert Path(switch.prompts_dir).is_absolute()
    assert Path(prompt_path(switch.prompts_dir, "beep")).is_file()


def test_settings_reach_the_switch() -> None:
    made = make_setup(
        settings(
            '[sip]\nlisten = ["udp:0.0.0.0:5060=203.0.113.5", "tcp:[::1]:5070"]\nadvertise = "pbx.acme.test"\n'
            'advertise_by_network = ["10.0.0.0/8=10.0.0.5"]\nrealm = "acme"\ndns_servers = ["192.0.2.53:53"]\n'
            '[media]\nengine = ["ng:10.0.0.5:2223", "ng:[::1]:2224"]\n[limits]\nmax_calls = 7\nban_s = 5\n'
        )
    )
    by_network = (("10.0.0.0/8", "10.0.0.5"),)
    assert made.sip.switch.listeners == (
        Listener("udp", "0.0.0.0", 5060, "203.0.113.5", ("SHA-256", "MD5"), by_network),
        Listener("tcp", "::1", 5070, "pbx.acme.test", ("SHA-256", "MD5"), by_network),
    )
    assert made.sip.switch.limits == Limits(max_calls=7, ban_s=5)
    assert made.sip.switch.realm == "acme"
    assert made.media is None
    assert made.sip.engines == (("10.0.0.5", 2223), ("::1", 2224))
    assert [engine.embedded for engine in made.sip.switch.engines] == [False, False]
    assert made.sip.dns_servers == (("192.0.2.53", 53),)


def test_every_limit_of_the_switch_is_a_setting() -> None:
    limits = switch_settings(Settings(), ()).limits
    assert msgspec.structs.asdict(limits) == msgspec.structs.asdict(Limits())


def test_a_file_that_is_missing_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_settings(tmp_path / "bytes.toml")


class Pong(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        cookie, _ = ng.decode_command(data)
        self.transport.sendto(ng.encode_reply(cookie, {"result": "pong", "started": "x"}), addr)


async def test_an_engine_that_runs_already_is_seen() -> None:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Pong, local_addr=("127.0.0.1", 0))
    address = transport.get_extra_info("sockname")
    assert await asyncio.to_thread(engine_answers, address)
    transport.close()
    await asyncio.sleep(0)
    assert not await asyncio.to_thread(engine_answers, address)
