from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.config.problems import DocumentErrors
from routerd.config.references import LISTS, destinations

if TYPE_CHECKING:
    from collections.abc import Callable


def refused(read: Callable[..., Any], tree: dict[str, Any]) -> list[str]:
    with pytest.raises(DocumentErrors) as caught:
        read(tree)
    return [error.pointer for error in caught.value.errors]


@pytest.mark.parametrize(
    ("section", "change", "pointer"),
    [
        ("account", {"music_on_hold": "x"}, "/account/music_on_hold"),
        ("account", {"ringback": "x"}, "/account/ringback"),
        ("account", {"recording": {"announcement": "x"}}, "/account/recording/announcement"),
        ("numbers", {"whisper": "x"}, "/numbers/0/whisper"),
        ("departments", {"whisper": "x"}, "/departments/0/whisper"),
        ("numbers", {"department": "x"}, "/numbers/0/department"),
        ("numbers", {"destination": {"type": "agent", "id": "x"}}, "/numbers/0/destination/id"),
        ("numbers", {"destination": {"type": "agent"}}, "/numbers/0/destination"),
        ("numbers", {"destination": {"type": "hangup", "id": "x"}}, "/numbers/0/destination/id"),
        (
            "numbers",
            {"destination": {"type": "external", "id": "x", "number": "+919812345678"}},
            "/numbers/0/destination/id",
        ),
        ("numbers", {"destination": {"type": "external"}}, "/numbers/0/destination"),
        ("outbound_routes", {"trunks": ["x"]}, "/outbound_routes/0/trunks/0"),
        ("agents", {"time_group": "x"}, "/agents/0/time_group"),
        ("agents", {"extension": "x"}, "/agents/0/extension"),
        ("agents", {"extension": "2002"}, "/agents/1/extension"),
        ("agents", {"intercom": "1002"}, "/agents/1/intercom"),
        ("agents", {"intercom": "2002"}, "/agents/0/intercom"),
        ("agents", {"area_code_caller_ids": "x"}, "/agents/0/area_code_caller_ids"),
        ("agents", {"id": "ravi"}, "/agents/1/id"),
        ("extensions", {"addresses": "x"}, "/extensions/0/addresses"),
        ("extensions", {"username": "2002"}, "/extensions/1/username"),
        ("departments", {"members": [{"agent": "x"}]}, "/departments/0/members/0/agent"),
        ("departments", {"queue": {"music": "x"}}, "/departments/0/queue/music"),
        ("departments", {"failover": {"type": "voicemail", "id": "x"}}, "/departments/0/failover/id"),
        ("voicemails", {"greeting": "x"}, "/voicemails/0/greeting"),
        ("voicemails", {"agent": "x"}, "/voicemails/0/agent"),
    ],
)
def test_names_that_name_nothing_or_two_things(
    read: Callable[..., Any], company: dict[str, Any], section: str, change: dict[str, Any], pointer: str
) -> None:
    (company[section] if section == "account" else company[section][0]).update(change)
    assert pointer in refused(read, company)


def test_an_intercom_may_be_the_own_extension(read: Callable[..., Any], company: dict[str, Any]) -> None:
    company["agents"][0]["intercom"] = "2001"
    assert read(company).agents[0].intercom == "2001"


def test_unknown_names_in_menus_conditions_and_routers(read: Callable[..., Any], company: dict[str, Any]) -> None:
    lost = {"type": "announcement", "id": "x"}
    company["ivrs"] = [
        {"id": "i", "prompt": "x", "options": {"1": lost}, "invalid": {"prompt": "x", "destination": lost}}
    ]
    company["time_conditions"] = [{"id": "c", "time_group": "x", "matched": lost, "unmatched": lost}]
    company["routers"] = [{"id": "r", "rules": [{"time_group": "x", "destination": lost}], "otherwise": lost}]
    assert set(refused(read, company)) == {
        "/ivrs/0/prompt", "/ivrs/0/options/1/id", "/ivrs/0/invalid/prompt", "/ivrs/0/invalid/destination/id",
        "/time_conditions/0/time_group", "/time_conditions/0/matched/id", "/time_conditions/0/unmatched/id",
        "/routers/0/rules/0/time_group", "/routers/0/rules/0/destination/id", "/routers/0/otherwise/id",
    }  # fmt: skip


def test_an_unreadable_list_does_not_make_its_names_unknown(read: Callable[..., Any], company: dict[str, Any]) -> None:
    company["agents"] = "oops"
    assert refused(read, company) == ["/agents"]


def test_destinations_are_listed_with_pointers(read: Callable[..., Any], company: dict[str, Any]) -> None:
    found = dict(destinations(read(company)))
    assert set(found) == {"/numbers/0/destination", "/departments/0/failover"}
    assert set(LISTS) == {"agent", "ivr", "department", "time_condition", "router", "voicemail", "announcement"}
