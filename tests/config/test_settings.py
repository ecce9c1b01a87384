from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import msgspec
import pytest

from routerd.config.problems import DocumentErrors
from routerd.config.settings import (
    ListenAddress,
    Settings,
    load_settings,
    parse_address,
    parse_listener,
    parse_network_address,
)  # fmt: skip
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def errors(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(DocumentErrors) as caught:
        load_settings(text, "routerd.toml")
    return [(error.line, error.pointer, error.hint) for error in caught.value.errors]


def test_the_shipped_file_documents_every_key_with_its_default(root: Path) -> None:
    text = (root / "conf" / "routerd.toml").read_text(encoding="utf-8")
    assert load_settings(text, "conf/routerd.toml") == Settings()
    written = msgspec.to_builtins(Settings())
    assert {name: set(part) for name, part in tomllib.loads(text).items()} == {
        name: set(part) for name, part in written.items()
    }
    assert load_settings("", "none") == Settings()


def test_all_errors_at_once() -> None:
    text = """[sip]
listen = ["upd:127.0.0.1:5060", "tls:[::1]:5061", "udp:::1:5060"]
lisen = 1
min_expires_s = 7200
[media]
ports = [30000, 20000]
engine = ["10.0.0.5:2223"]
timeout_s = "a"
[stor]
url = "x"
"""
    assert errors(text) == [
        (1, "/sip/default_expires_s", ""),
        (2, "/sip/listen/0", "one of udp, tcp, tls, ws, wss: udp:127.0.0.1:5060"),
        (2, "/sip/listen/2", "an IPv6 address stands in brackets: [::1]:5060"),
        (2, "/sip/listen/1", "[tls] certificate and key"),
        (3, "/sip/lisen", 'did you mean "listen"?'),
        (6, "/media/ports", "[20000, 29999]"),
        (7, "/media/engine/0", 'such as "ng:10.0.0.5:2223"'),
        (8, "/media/timeout_s", "a number from 5 to 86400"),
        (9, "/stor", 'did you mean "store"?'),
    ]


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("[sip]\nlisten = []", "/sip/listen"),
        ('[sip]\nlisten = ["udp:127.0.0.1:5060", "udp:127.0.0.1:5060=192.0.2.1"]', "/sip/listen/1"),
        ('[sip]\nadvertise = "a b"', "/sip/advertise"),
        ('[sip]\nadvertise_by_network = ["10.0.0.0/8"]', "/sip/advertise_by_network/0"),
        ('[sip]\ntrusted_proxies = ["10.0.0.1/8"]', "/sip/trusted_proxies/0"),
        ('[sip]\ndns_servers = ["8.8.8.8"]', "/sip/dns_servers/0"),
        ('[sip]\ndigest = ["SHA-1"]', "/sip/digest/0"),
        ('[sip.digest_by_listener]\n"udp:9.9.9.9:1" = ["MD5"]', "/sip/digest_by_listener"),
        ('[tls]\ncertificate = "a.pem"', "/tls"),
        ('[media]\naddress = "nowhere at all"', "/media/address"),
        ('[media]\nengine = "rtpengine"', "/media/engine"),
        ('[media]\nadvertise = ["x=1.2.3.4"]', "/media/advertise/0"),
        ('[admin]\nlisten = "8080"', "/admin/listen"),
        ('[store]\nurl = "postgres:x"', "/store/url"),
        ("[limits]\nmax_calls = 0", "/limits/max_calls"),
        ("sip = 1", "/sip"),
        ("[sip", ""),
    ],
)
def test_wrong_settings(text: str, pointer: str) -> None:
    assert pointer in [error[1] for error in errors(text)]


def test_listeners() -> None:
    assert parse_listener("udp:127.0.0.1:5060") == ListenAddress("udp", "127.0.0.1", 5060)
    assert parse_listener("tls:0.0.0.0:5061=203.0.113.5") == ListenAddress("tls", "0.0.0.0", 5061, "203.0.113.5")
    assert parse_listener("wss:[2001:db8::1]:443=[2001:db8::2]").advertise == "2001:db8::2"
    assert parse_listener("ws:sip.acme.test:80").host == "sip.acme.test"
    for text in (
        "",
        "udp",
        "udp:",
        "udp:1.2.3.4",
        "udp:1.2.3.4:0",
        "udp:1.2.3.4:65536",
        "udp:1.2.3.4:5060=",
        "udp::5060",
        "udp:1.2.3.400:1",
    ):
        with pytest.raises(ConfigError):
            parse_listener(text)


def test_addresses() -> None:
    assert parse_address("[::1]:8080") == ("::1", 8080)
    assert parse_network_address("10.0.0.0/8=10.0.0.5") == ("10.0.0.0/8", "10.0.0.5")
    assert parse_network_address("203.0.113.5") == ("", "203.0.113.5")
    for text in ("", "x", "10.0.0.0/8="):
        with pytest.raises(ConfigError):
            parse_network_address(text)
