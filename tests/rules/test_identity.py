from __future__ import annotations

from typing import Any

import pytest
from rules_kit.builders import CALLER, MOBILE, NUMBER, change, document, scenario, softphone
from rules_kit.player import Player, compile_document

from routerd.rules.plan import Ring


def rings(made: dict[str, Any], call: dict[str, Any] | None = None) -> list[Ring]:
    player = Player(compile_document(made), scenario(call))
    player.play()
    return [command for command in player.commands if isinstance(command, Ring)]


@pytest.mark.parametrize(("identity", "shown"), [("caller", CALLER), ("number", NUMBER), ("pilot", "+918069651100")])
def test_what_an_agents_mobile_sees(identity: str, shown: str) -> None:
    phone, mobile = rings(change(document(), "trunks", "pstn", forwarded_identity=identity))
    assert (phone.shown, phone.diversion, phone.trunks) == (CALLER, None, ())
    assert (mobile.target, mobile.shown, mobile.diversion, mobile.trunks) == (MOBILE, shown, NUMBER, ("pstn",))


def test_an_anonymous_caller_stays_anonymous() -> None:
    phone, mobile = rings(document(), {"from": "anonymous"})
    assert (phone.shown, mobile.shown) == (None, None)


def test_a_national_caller_is_shown_in_e164() -> None:
    assert rings(document(), {"from": "09812345678"})[0].shown == CALLER


def test_only_external_legs_are_asked_to_confirm() -> None:
    made = change(document(), "agents", "a", confirm_external=True, sip_address="sip:a@phone.example")
    assert [(ring.kind, ring.confirm) for ring in rings(made)] == [
        ("extension", False),
        ("sip", True),
        ("number", True),
    ]


def test_inside_the_intercom_and_the_name_are_shown() -> None:
    (ring,) = rings(document(), softphone("1002"))
    assert (ring.shown, ring.shown_name, ring.customer) == ("1001", "A", False)


def test_an_emergency_is_marked() -> None:
    (ring,) = rings(document(), softphone("112"))
    assert (ring.target, ring.emergency, ring.customer, ring.trunks) == ("112", True, True, ("pstn",))


def test_each_trunk_says_for_itself_whom_the_mobile_sees() -> None:
    made = document()
    second = {**made["trunks"][0], "id": "second", "target": "sip:192.0.2.9", "addresses": ["192.0.2.9/32"]}
    made["trunks"].append({**second, "forwarded_identity": "pilot"})
    made["outbound_routes"] = [{"prefix": "", "trunks": ["pstn", "second"]}]
    _, mobile = rings(made)
    assert [mobile.through(trunk).shown for trunk in mobile.trunks] == [CALLER, "+918069651100"]
    assert mobile.through("second").trunks == mobile.trunks
    assert mobile.through("unknown") is mobile
