from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from routerd.app.demo import choose, server_of
from routerd.app.documents import DocumentReader
from routerd.config.settings import load_settings
from routerd.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
COMPANY = (ROOT / "conf" / "demo.yaml").read_text()


def tables(text: str) -> list[Any]:
    return [DocumentReader("", "").tables(text.encode(), "demo.yaml", 1)]


def test_the_demo_company_has_a_number_that_rings_at_any_hour() -> None:
    cast = choose(tables(COMPANY))
    assert (cast.number, cast.agent.id, cast.extension.id, cast.trunk.id) == ("+918069651170", "asha", "2001", "pstn")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('addresses: ["127.0.0.1/32"]', 'addresses: ["192.0.2.1/32"]'),
        ("ring_timeout_s: 20\n", "ring_timeout_s: 20\n    time_group: office\n"),
        ("ring_timeout_s: 20\n", "ring_timeout_s: 20\n    login_based_calling: true\n"),
        ("ring_timeout_s: 20\n", "ring_timeout_s: 20\n    do_not_disturb: true\n"),
        ('addresses: ["127.0.0.0/8", "::1/128"]', 'addresses: ["192.0.2.0/24"]'),
        ("label: Asha, direct", "label: Asha, direct\n    status: suspended"),
    ],
)
def test_who_could_be_out_of_reach_is_not_chosen(old: str, new: str) -> None:
    assert old in COMPANY
    with pytest.raises(ConfigError, match="at any hour"):
        choose(tables(COMPANY.replace(old, new, 1)))


def test_where_the_scripted_phones_reach_the_daemon() -> None:
    assert server_of(load_settings('[sip]\nlisten = ["tcp:127.0.0.1:5070", "udp:0.0.0.0:5062"]\n', "s")) == (
        "127.0.0.1", 5062,
    )  # fmt: skip
    assert server_of(load_settings('[sip]\nlisten = ["udp:127.0.0.3:5060"]\n', "s")) == ("127.0.0.3", 5060)
    for listen in ("tcp:127.0.0.1:5060", "udp:[::1]:5060"):
        with pytest.raises(ConfigError, match="UDP over IPv4"):
            server_of(load_settings(f'[sip]\nlisten = ["{listen}"]\n', "s"))
