"""What the switch must know of its machine."""

from __future__ import annotations

import msgspec
import pytest

from routerd.b2bua.settings import Limits, Listener, SwitchSettings

MANY = Listener(
    "udp", "0.0.0.0", 5060, advertise="198.51.100.1",
    advertise_by_network=(("10.0.0.0/8", "10.0.0.1"), ("2001:db8::/32", "2001:db8::1")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("peer", "address"), [("10.9.9.9", "10.0.0.1"), ("203.0.113.1", "198.51.100.1"), ("2001:db8::7", "2001:db8::1")]
)
def test_each_network_has_its_address(peer: str, address: str) -> None:
    assert MANY.advertised_to(peer) == address


def test_without_an_advertised_address_it_is_the_bound_one() -> None:
    assert Listener("tcp", "192.0.2.1", 5060).advertised_to("203.0.113.1") == "192.0.2.1"


def test_settings_do_not_change() -> None:
    settings = SwitchSettings((MANY,))
    with pytest.raises(AttributeError):
        settings.realm = "other"  # type: ignore[misc]
    assert msgspec.structs.replace(settings, limits=Limits(max_calls=1)).limits.max_calls == 1
    assert not settings.strict, "a bug ends one call in life, and the run in simulation"
