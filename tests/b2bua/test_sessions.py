from __future__ import annotations

from typing import Any

from b2bua_kit.documents import MAIN, changed, company
from b2bua_kit.peer import Phone, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import sessions, views


def office() -> Wire:
    return Wire(changed(company(), "agents", "asha", login_based_calling=True))


def state(wire: Wire) -> dict[str, Any]:
    found = views.agent(wire.switch, "acme", "asha", wire.now)
    assert found is not None
    return found


def journalled(wire: Wire) -> list[Any]:
    return [effect.entry for effect in wire.journal("session")]


def test_a_session_lasts_until_the_log_out() -> None:
    wire = office()
    wire.command("login", agent="asha")
    assert (state(wire)["state"], state(wire)["session_expires_at"]) == ("available", None)
    wire.wait(100_000)
    assert state(wire)["state"] == "available"
    wire.command("logout", agent="asha")
    wire.command("logout", agent="asha")
    assert state(wire)["state"] == "logged_out"
    assert [entry["action"] for entry in journalled(wire)] == ["login", "logout"]
    wire.assert_quiet()


def test_a_heartbeat_that_stops_logs_out() -> None:
    wire = office()
    first = wire.command("login", agent="asha", expires_s=60)
    wire.wait(50)
    second = wire.command("login", agent="asha", expires_s=60)
    assert second["expires_at"] - first["expires_at"] == 50.0
    assert second["since"] == first["since"]
    wire.wait(50)
    assert state(wire)["state"] == "available"
    wire.wait(11)
    assert state(wire)["state"] == "logged_out"
    assert [facts["reason"] for facts in wire.published("agent.logout")] == ["expired"]
    wire.assert_quiet()


def test_a_heartbeat_on_a_break_leaves_the_break() -> None:
    wire = office()
    wire.command("login", agent="asha", expires_s=60)
    wire.command("break", agent="asha", reason="lunch")
    wire.command("login", agent="asha", expires_s=60)
    assert (state(wire)["state"], state(wire)["break_reason"]) == ("break", "lunch")
    last = journalled(wire)[-1]
    assert (last["logged_in"], last["on_break"], last["reason"]) == (True, True, "lunch")
    wire.command("unbreak", agent="asha")
    wire.command("unbreak", agent="asha")
    assert state(wire)["state"] == "available"
    wire.command("logout", agent="asha")
    wire.assert_quiet()


def test_a_session_that_ends_cancels_what_rings() -> None:
    wire = office()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    wire.command("login", agent="asha", expires_s=5)
    call = pstn.invite(MAIN)
    come = phone.called()
    come.ring()
    wire.wait(6)
    phone.expect("CANCEL")
    call.cancel()


def test_the_last_entry_is_all_that_a_restart_needs() -> None:
    wire = office()
    wire.command("login", agent="asha", expires_s=60)
    wire.command("break", agent="asha", reason="lunch")
    last = journalled(wire)[-1]
    after = office()
    sessions.restore(after.switch, last, after.now)
    assert (state(after)["state"], state(after)["break_reason"]) == ("break", "lunch")
    after.wait(100)
    assert state(after)["state"] == "logged_out"
    again = office()
    sessions.restore(again.switch, {**last, "logged_in": False}, again.now)
    assert (state(again)["state"], state(again)["logged_in"]) == ("break", False)
    old = office()
    sessions.restore(old.switch, {"account": "acme", "agent": "asha", "on_break": False}, old.now)
    assert state(old)["state"] == "available"
