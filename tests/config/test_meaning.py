from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.config.meaning import Meaning
from routerd.config.problems import DocumentErrors

if TYPE_CHECKING:
    from collections.abc import Callable

OWN = "+918069651170"


def refused(read: Callable[..., Any], tree: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(DocumentErrors) as caught:
        read(tree)
    return {error.pointer: error.hint for error in caught.value.errors}


@pytest.mark.parametrize(
    ("pointer", "section", "value"),
    [
        ("/account/country", "account", {"country": "ZZ"}),
        ("/account/domains/1", "account", {"domains": ["acme.test", "ACME.test"]}),
        ("/account/feature_codes/voicemail", "account", {"feature_codes": {"voicemail": "112"}}),
        ("/agents/0/intercom", "agents", {"intercom": "112"}),
        ("/agents/0/call_forward_number", "agents", {"call_forward_number": OWN}),
        ("/agents/0/alternate_numbers/0", "agents", {"alternate_numbers": [OWN]}),
        ("/agents/0/failover/number", "agents", {"failover": {"type": "external", "number": OWN}}),
        ("/agents/0/sip_address", "agents", {"sip_address": "sip:@"}),
        ("/extensions/0/username", "extensions", {"username": "112"}),
        ("/trunks/0/addresses/0", "trunks", {"addresses": ["300.1.1.1"]}),
        ("/trunks/0/target", "trunks", {"target": "sip:192.0.2.1:99999"}),
        ("/trunks/0/outbound_proxy", "trunks", {"outbound_proxy": "sip:192.0.2.1;transport=sctp"}),
        ("/sounds/0", "sounds", {"file": "hello.wav"}),
        ("/extensions/0/password", "extensions", {"password": {"env": "ROUTERD_SECRET_A", "file": "a"}}),
    ],
)
def test_values_without_sense(
    read: Callable[..., Any], company: dict[str, Any], pointer: str, section: str, value: dict[str, Any]
) -> None:
    read(company)
    part = company[section] if section == "account" else company[section][0]
    part.update(value)
    assert pointer in refused(read, company)


def test_emergency_numbers_of_the_country_hold_when_none_are_given(
    read: Callable[..., Any], company: dict[str, Any]
) -> None:
    company["agents"][0]["intercom"] = "100"
    read(company)  # the company names 112 only
    del company["account"]["emergency_numbers"]
    assert "those of IN hold" in refused(read, company)["/agents/0/intercom"]


def test_dates(read: Callable[..., Any], company: dict[str, Any]) -> None:
    days = ["2026-02-30", "2026-12-25", "2026-12-25"]
    company["time_groups"] = [{"id": "g", "exceptions": [{"date": day, "open": False} for day in days]}]
    assert set(refused(read, company)) == {"/time_groups/0/exceptions/0/date", "/time_groups/0/exceptions/2/date"}
    assert Meaning.run.__doc__


def test_a_sip_uri_with_every_transport(read: Callable[..., Any], company: dict[str, Any]) -> None:
    for transport in ("udp", "tcp", "tls"):
        company["trunks"][0]["target"] = f"sip:trunk.example.com;transport={transport}"
        assert read(company).trunks[0].target.endswith(transport)
