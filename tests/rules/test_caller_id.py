from __future__ import annotations

from typing import Any

import pytest
from rules_kit.builders import CUSTOMER, NUMBER, change, document, play, scenario, softphone

SECOND, PILOT = "+918069651180", "+918069651100"


def outcome(made: dict[str, Any], to: str = CUSTOMER, state: dict[str, Any] | None = None, **call: Any) -> str | None:
    result = play(made, scenario(softphone(to, **call), state=state or {}))
    return str(result["reason"] if result["outcome"] == "denied" else result["caller_id"])


def ids(mode: str, numbers: list[str] | None = None, default: str | None = None, **changes: Any) -> dict[str, Any]:
    chosen = {"mode": mode, "numbers": numbers or [], "default": default}
    return change(document(), "agents", "a", caller_ids=chosen, **changes)


def metros(entries: list[dict[str, str]], **options: Any) -> dict[str, Any]:
    made = ids("custom", [PILOT], area_code_caller_ids="metros", **options)
    made["area_code_caller_ids"] = [{"id": "metros", "entries": entries}]
    return made


def test_what_is_asked_for_is_shown_or_denied_never_replaced() -> None:
    assert outcome(ids("custom", [NUMBER, SECOND]), caller_id=SECOND) == SECOND
    assert outcome(ids("custom", [NUMBER, SECOND]), caller_id="08069651180") == SECOND
    assert outcome(ids("custom", [NUMBER]), caller_id=SECOND) == "caller_id_not_allowed"
    assert outcome(ids("custom", [NUMBER]), caller_id="nonsense") == "caller_id_not_allowed"
    assert outcome(ids("all"), caller_id=SECOND) == SECOND
    assert outcome(ids("all"), caller_id="+918069659999") == "caller_id_not_allowed"


def test_an_asked_for_number_must_be_active() -> None:
    made = change(ids("custom", [SECOND]), "numbers", SECOND, status="suspended")
    assert outcome(made, caller_id=SECOND) == "caller_id_not_allowed"


def test_a_default_permits_nothing_in_mode_custom() -> None:
    assert outcome(ids("custom", [NUMBER], SECOND), caller_id=SECOND) == "caller_id_not_allowed"
    assert outcome(ids("custom", [], SECOND)) == "no_caller_id"


def test_an_entry_of_the_area_code_list_is_a_permission() -> None:
    assert outcome(metros([{"code": "22", "number": SECOND}]), caller_id=SECOND) == SECOND


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        ("9123456789", NUMBER),
        ("+912261234567", PILOT),
        ("2223456789", SECOND),
        ("9876543210", PILOT),
    ],
)
def test_the_longest_area_code_of_the_national_number(to: str, shown: str) -> None:
    entries = [{"code": "91", "number": NUMBER}, {"code": "22", "number": SECOND}, {"code": "226", "number": PILOT}]
    assert outcome(metros(entries), to) == shown


def test_an_unusable_longest_code_gives_way_to_the_next_shorter() -> None:
    made = metros([{"code": "22", "number": SECOND}, {"code": "226", "number": NUMBER}])
    change(made, "numbers", NUMBER, status="suspended")
    assert outcome(made, "2261234567") == SECOND


def test_of_several_under_one_code_the_least_used_today() -> None:
    made = metros([{"code": "98", "number": NUMBER}, {"code": "98", "number": SECOND}])
    assert outcome(made) == NUMBER
    assert outcome(made, state={"channels": {"today:" + NUMBER: 2, "today:" + SECOND: 1}}) == SECOND


def test_area_codes_are_of_the_own_country_only() -> None:
    made = metros([{"code": "415", "number": SECOND}], international_outbound=True)
    made["account"]["international_enabled"] = True
    assert outcome(made, "+14155550123") == PILOT


def reached(number: str | None, at: str = "2026-11-23T06:00:00Z") -> dict[str, Any]:
    return {"affinity": [{"caller": CUSTOMER, "agent": "b", "number": number, "last_at": at}]}


def test_the_number_by_which_the_customer_was_last_reached() -> None:
    made = change(ids("custom", [NUMBER, SECOND]), "numbers", SECOND, affinity={"hours": 24, "strict": False})
    assert outcome(made, state=reached(SECOND)) == SECOND
    assert outcome(made, state=reached(None)) == NUMBER
    assert outcome(made, state=reached(SECOND, "2026-11-20T06:00:00Z")) == NUMBER
    assert outcome(ids("custom", [NUMBER, SECOND]), state=reached(SECOND)) == NUMBER
    other = change(ids("custom", [NUMBER]), "numbers", SECOND, affinity={"hours": 24, "strict": False})
    assert outcome(other, state=reached(SECOND)) == NUMBER


def test_mode_custom_takes_the_first_usable() -> None:
    made = change(ids("custom", [NUMBER, SECOND]), "numbers", NUMBER, status="suspended")
    assert outcome(made) == SECOND


def test_mode_department() -> None:
    made = ids("department")
    assert outcome(made) == "no_caller_id"
    change(made, "numbers", SECOND, department="support")
    assert outcome(made) == SECOND
    assert outcome(change(made, "numbers", SECOND, status="suspended")) == "no_caller_id"
    assert outcome(ids("department", default=PILOT)) == PILOT


def test_of_several_departments_the_first_number_of_the_document() -> None:
    made = ids("department")
    made["departments"] += [{**made["departments"][0], "id": name, "name": name} for name in ("x", "y")]
    change(made, "numbers", SECOND, department="x")
    assert outcome(made) == SECOND
    change(made, "numbers", NUMBER, department="y")
    numbers = [number["number"] for number in made["numbers"] if number.get("department")]
    assert sorted(numbers) == sorted([NUMBER, SECOND])
    assert outcome(made) == numbers[0]
    made["numbers"].reverse()
    assert outcome(made) == numbers[1]
    change(made, "numbers", numbers[1], status="suspended")
    assert outcome(made) == numbers[0]


def test_mode_department_with_a_default() -> None:
    assert outcome(ids("department", default=PILOT), caller_id=PILOT) == PILOT


def test_mode_all() -> None:
    assert outcome(ids("all")) == PILOT
    assert outcome(ids("all", default=SECOND)) == SECOND
    made = change(ids("all"), "numbers", PILOT, status="suspended")
    assert outcome(made) == "no_caller_id"


def test_an_emergency_shows_the_first_usable_else_the_pilot_else_any() -> None:
    assert outcome(ids("custom", [SECOND]), "112") == SECOND
    assert outcome(ids("custom", []), "112") == PILOT
    made = ids("custom", [])
    made["account"]["pilot_number"] = None
    first, second, *_ = [number["number"] for number in made["numbers"]]
    assert outcome(made, "112") == first
    assert outcome(change(made, "numbers", first, status="suspended"), "112") == second
    for number in made["numbers"]:
        number["status"] = "suspended"
    assert outcome(made, "112") == first
