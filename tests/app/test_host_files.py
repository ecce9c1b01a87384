from __future__ import annotations

import pytest

from routerd.app.host_files import placeholder, zone_data, zone_names
from routerd.config.document import SecretRef
from routerd.config.zones import compile_zone


def test_zones_of_this_host() -> None:
    assert {"UTC", "Asia/Kolkata", "America/New_York"} <= zone_names()
    assert compile_zone("Asia/Kolkata", zone_data("Asia/Kolkata")).first_offset == 19800


@pytest.mark.parametrize("name", ["Asia/Kolkatta", "../../etc/passwd", "/etc/passwd", "", "Asia", "Nowhere/Land"])
def test_what_is_no_zone(name: str) -> None:
    with pytest.raises(LookupError):
        zone_data(name)


def test_placeholders_are_never_empty() -> None:
    assert placeholder(SecretRef(env="ROUTERD_SECRET_A")) == "secret of ROUTERD_SECRET_A"
    assert placeholder(SecretRef(file="a"))
    assert placeholder(SecretRef(set=True))
