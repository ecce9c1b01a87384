from __future__ import annotations

import pytest

from routerd.config.compile import networks
from routerd.rules import addresses

HQ = networks(["203.0.113.0/24", "2001:db8::/32", "198.51.100.9/32"])


@pytest.mark.parametrize(
    ("source", "inside"),
    [
        ("203.0.113.7", True),
        ("203.0.114.7", False),
        ("198.51.100.9", True),
        ("198.51.100.10", False),
        ("2001:db8::1", True),
        ("[2001:db8::1]", True),
        ("2001:db9::1", False),
        ("::ffff:203.0.113.7", True),
        ("::ffff:192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("phone.example", False),
        ("", False),
        (None, False),
    ],
)
def test_a_source_is_in_the_list_or_not(source: str | None, *, inside: bool) -> None:
    assert addresses.contains(HQ, source) is inside


def test_versions_do_not_meet() -> None:
    assert addresses.parse("0.0.0.1") != addresses.parse("::1")
