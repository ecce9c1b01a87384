from __future__ import annotations

import pytest

from routerd.errors import ConfigError
from routerd.media_worker.addresses import Addresses


def test_the_most_specific_network_wins() -> None:
    addresses = Addresses("0.0.0.0", ["203.0.113.5", "10.0.0.0/8=10.0.0.1", "10.2.0.0/16=10.2.0.1", "fd00::/8=fd00::1"])
    assert addresses.bind == "0.0.0.0"
    assert addresses.towards("10.2.3.4") == "10.2.0.1"
    assert addresses.towards("10.3.3.4") == "10.0.0.1"
    assert addresses.towards("fd00::7") == "fd00::1"
    for other in ("192.0.2.1", "a.example", "", None):
        assert addresses.towards(other) == "203.0.113.5"


def test_without_entries_the_bound_address_is_advertised() -> None:
    assert Addresses("127.0.0.1").towards("10.0.0.1") == "127.0.0.1"


def test_a_wildcard_alone_cannot_be_advertised() -> None:
    for bind in ("0.0.0.0", "::"):
        with pytest.raises(ConfigError):
            Addresses(bind, ["10.0.0.0/8=10.0.0.1"])


@pytest.mark.parametrize("entry", ["", "host.example", "10.0.0.0/40=10.0.0.1", "10.0.0.0/8=", "10.0.0.0/8"])
def test_unusable_entries(entry: str) -> None:
    with pytest.raises(ConfigError):
        Addresses("127.0.0.1", [entry])


def test_remembered_answers_are_bounded() -> None:
    addresses = Addresses("127.0.0.1", ["10.0.0.0/8=10.0.0.1"])
    for number in range(25_000):
        addresses.towards(f"10.0.{number >> 8}.{number & 255}")
    assert len(addresses._known) <= 10_001
