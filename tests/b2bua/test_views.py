"""Read-only looks at the switch."""

from __future__ import annotations

from collections import Counter
from typing import Any

from b2bua_kit.documents import MAIN, SUPPORT, changed, company
from b2bua_kit.peer import Phone, connect, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import views


def states(wire: Wire) -> dict[str, str]:
    rows, further = views.agents(wire.switch, "acme", wire.now)
    assert further is None
    counted = Counter(agent["state"] for agent in rows)
    assert views.agent_states(wire.switch, "acme", wire.now) == counted
    return {agent["id"]: agent["state"] for agent in rows}


def test_the_states_of_an_agent() -> None:
    document = changed(company(), "agents", "asha", login_based_calling=True)
    wire = Wire(document)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    seen = [states(wire)["asha"]]
    wire.command("login", agent="asha")
    seen.append(states(wire)["asha"])
    call = pstn.invite(MAIN)
    come = phone.called()
    seen.append(states(wire)["asha"])
    come.ring()
    call.cancel()
    phone.expect("CANCEL")
    out, _ = connect(pstn, phone, MAIN)
    seen.append(states(wire)["asha"])
    out.bye()
    wire.command("break", agent="asha")
    seen.append(states(wire)["asha"])
    assert seen == ["logged_out", "available", "ringing", "in_call", "break"]
    wire.assert_quiet()


def test_wrap_up_is_seen_after_a_departments_call() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(SUPPORT)
    call.answered()
    come = phone.called()
    come.answer()
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    assert states(wire)["asha"] == "in_call"
    come.bye()
    assert states(wire)["asha"] == "wrap_up"
    wire.wait(6)
    assert states(wire)["asha"] == "not_tracked"
    wire.assert_quiet()


def test_an_account_that_is_not_there_has_nobody() -> None:
    wire = Wire()
    assert views.agents(wire.switch, "none", 0.0) == ([], None)
    assert views.agent_states(wire.switch, "none", 0.0) == {}
    assert views.calls(wire.switch, None, 0.0) == ([], None)


def test_agents_come_in_pages(monkeypatch: Any) -> None:
    wire = Wire()
    everybody = list(states(wire))
    assert len(everybody) > 1
    monkeypatch.setattr(views, "AGENTS_A_PAGE", 1)
    found, place = [], 0
    while place is not None:
        rows, following = views.agents(wire.switch, "acme", wire.now, place)
        assert len(rows) == 1
        found += [row["id"] for row in rows]
        assert wire.command("agents", next=place).get("next") == following
        place = following
    assert found == everybody


def test_counters() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out, _ = connect(pstn, phone, MAIN)
    counters = views.counters(wire.switch)
    assert counters["calls_active"] == 1
    assert counters["dialogs_active"] == 2
    assert counters["registrations_active"] == 1
    out.bye()
    wire.assert_quiet()
    assert views.counters(wire.switch)["transactions_active"] == 0
