"""What admins and the control process may ask: log-ins, click-to-call, hanging up, views, restored state."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import CUSTOMER, GROUP, MAIN, MOBILE, SUPPORT, changed, company
from b2bua_kit.peer import Incoming, Peer, Phone, sdp, trunk
from b2bua_kit.wire import WALL, Wire

from routerd.b2bua import ladder


def world(**agent: Any) -> tuple[Wire, Phone, Peer]:
    document = changed(company(), "agents", "asha", caller_ids={"mode": "all"}, **agent)
    wire = Wire(document)
    return wire, Phone(wire, "2001", "198.51.100.1"), trunk(wire)


def click(wire: Wire, **more: Any) -> dict[str, Any]:
    return wire.command("originate", agent="asha", to=CUSTOMER, **more)


def joined(agent: Peer, target: Incoming, offer: bytes) -> None:
    """The agent, answered already, gets the customer's offer in a re-INVITE."""
    again = agent.expect("INVITE")
    assert again.body
    agent.reply(again, 200, [("Contact", agent.contact)], offer)
    agent.expect("ACK")
    assert target.acked().body


# -- click-to-call (routing.md 4.2) --


@pytest.mark.parametrize("offerless", [False, True])
def test_the_agent_is_rung_first_then_the_customer(offerless: bool) -> None:
    wire, phone, pstn = world()
    reply = click(wire)
    assert reply["ok"]
    pstn.nothing()
    agent = phone.called()
    agent.ring()
    agent.answer()
    agent.acked()
    customer = pstn.called()
    assert customer.invite.uri.startswith(f"sip:{CUSTOMER}@")
    customer.ring()
    customer.answer()
    joined(phone, customer, sdp(version=2))
    del offerless
    customer.bye()
    phone.expect("BYE")
    wire.assert_quiet()
    record = wire.records()[0]
    assert (record["kind"], record["outcome"], record["answered_by"]) == ("click_to_call", "answered", CUSTOMER)
    assert record["id"] == reply["call"]


def test_an_agent_who_does_not_answer_is_the_end() -> None:
    wire, phone, pstn = world()
    click(wire)
    agent = phone.called()
    agent.ring()
    wire.wait(21)
    phone.expect("CANCEL")
    pstn.nothing()
    wire.assert_quiet()
    assert wire.records()[0]["reason"] == "no_answer"


@pytest.mark.parametrize("status", [486, 404])
def test_a_busy_agent_is_the_end(status: int) -> None:
    wire, phone, pstn = world()
    click(wire)
    phone.called().send(status)
    pstn.nothing()
    wire.assert_quiet()


def test_a_busy_customer_ends_the_agents_leg() -> None:
    wire, phone, pstn = world()
    click(wire)
    phone.called().answer()
    pstn.called().send(486)
    assert "cause=17" in (phone.expect("BYE").get("Reason") or "")
    wire.assert_quiet()
    assert wire.records()[0]["outcome"] == "hung_up"


def test_an_agent_who_hangs_up_early_cancels_the_customer() -> None:
    wire, phone, pstn = world()
    click(wire)
    agent = phone.called()
    agent.answer()
    customer = pstn.called()
    customer.ring()
    agent.bye()
    pstn.expect("CANCEL")
    wire.assert_quiet()


def test_the_gates_are_answered_at_once() -> None:
    wire, phone, _ = world(block_outbound="all")
    assert click(wire)["error"]["status"] == 403
    phone.nothing()
    wire.assert_quiet()
    assert wire.command("originate", agent="nobody", to=CUSTOMER)["error"]["code"] == "unknown_agent"
    assert wire.command("originate", account="none", agent="asha", to=CUSTOMER)["error"]["code"] == "unknown_account"
    assert wire.command("originate", agent="asha")["error"]["code"] == "missing_argument"
    wire.command("drain")
    assert click(wire)["error"]["code"] == "limit_reached"


# -- sessions --


def test_logging_out_while_it_rings_moves_the_call_on() -> None:
    wire, phone, pstn = world(login_based_calling=True, call_forward_number=MOBILE)
    assert wire.command("login", agent="asha")["ok"]
    call = pstn.invite(MAIN)
    phone.called().ring()
    wire.command("logout", agent="asha")
    phone.expect("CANCEL")
    call.refused(480)
    wire.assert_quiet()
    assert [entry.entry["action"] for entry in wire.journal("session")] == ["login", "logout"]


def test_breaks() -> None:
    wire, phone, pstn = world(login_based_calling=True)
    wire.command("login", agent="asha")
    wire.command("break", agent="asha", reason="lunch")
    state = {agent["id"]: agent["state"] for agent in wire.command("agents")["agents"]}
    assert state == {"asha": "break", "ravi": "not_tracked", "meera": "not_tracked"}
    pstn.invite(MAIN).refused(480)
    wire.command("unbreak", agent="asha")
    call = pstn.invite(MAIN)
    phone.called()
    call.cancel()
    wire.assert_quiet()


# -- the rest --


def test_hanging_up_what_is_not_there() -> None:
    wire, _, _ = world()
    assert wire.command("hang_up", call="none")["error"]["status"] == 404
    assert wire.command("transfer", call="none", to="1")["error"]["status"] == 404
    assert wire.command("dance")["error"]["code"] == "unknown_verb"


def test_views_of_a_call() -> None:
    wire, phone, pstn = world()
    call = pstn.invite(MAIN)
    phone.called().ring()
    wire.wait(2)
    view = wire.command("calls")["calls"][0]
    assert (view["kind"], view["from"], view["to"], view["state"]) == ("inbound", CUSTOMER, MAIN, "ringing")
    assert view["since_s"] == 2.0
    leg = {"target": "extension:2001", "agent": "asha", "trunk": None, "caller_id": CUSTOMER, "state": "ringing"}
    assert view["legs"] == [{**leg, "since_s": 2.0, "result": None, "status": None}]
    assert wire.command("calls", account="other")["calls"] == []
    assert wire.command("counters")["counters"]["calls_active"] == 1
    assert [trunk["id"] for trunk in wire.command("trunks")["trunks"]] == ["pstn", "second"]
    assert wire.command("registrations")["registrations"][0]["extension"] == "2001"
    call.cancel()
    wire.assert_quiet()


def test_affinity_and_sessions_survive_a_restart() -> None:
    document = changed(company(), "agents", "ravi", login_based_calling=True)
    document["numbers"][3] = {**document["numbers"][3], "affinity": {"hours": 24}}
    wire = Wire(document)
    pstn, ravi = trunk(wire), Phone(wire, "2002", "198.51.100.2")
    asha = Phone(wire, "2001", "198.51.100.1")
    wire.command("restore_session", agent="ravi")
    wire.command("restore_affinity", caller=CUSTOMER, agent="ravi", number=GROUP, last_at=WALL)
    call = pstn.invite(GROUP)
    ravi.called()
    asha.nothing()
    call.cancel()
    wire.wait(60)


def test_bans() -> None:
    wire, phone, _ = world()
    assert wire.command("ban", address="203.0.113.4", for_s=10)["ok"]
    stranger = Peer(wire, "203.0.113.4")
    stranger.request("REGISTER", "sip:acme.test", from_="<sip:2001@acme.test>")
    assert stranger.lines() == ["403 REGISTER"]
    assert wire.command("unban", address="203.0.113.4")["ok"]
    phone.nothing()


def test_one_call_one_agent_and_who_waits() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(SUPPORT)
    call.answered()
    phone.called().ring()
    (listed,) = wire.command("calls")["calls"]
    one = wire.command("call", call=listed["id"])["call"]
    assert one == listed
    assert one["queue"] == {"department": "support", "position": 1, "of": 1, "since_s": 0.0}
    assert wire.command("call", call=listed["id"], account="beta")["error"]["status"] == 404
    record = wire.command("call", call=listed["id"], record=True)["record"]
    assert (record["outcome"], record["ended_at"], record["state"]) == (None, None, "treated")
    assert record["nodes"][0]["id"] == "support"
    assert [row["text"] for row in ladder.rows(record)][:2] == ["INVITE", "100 (INVITE)"]
    assert wire.command("agent", agent="asha")["agent"]["calls"] == [listed["id"]]
    assert wire.command("agent", agent="nobody")["error"]["status"] == 404
    waiting = {"account": "acme", "department": "support", "waiting": 1, "longest_s": 0.0}
    assert wire.command("waiting")["waiting"] == [waiting]
    call.bye()
    assert wire.command("waiting")["waiting"] == []
    (record,) = wire.records()
    assert record["waits"] == [{"department": "support", "wait_s": 0.0}]
    assert record["ladder"]["left_out"] == 0


def test_bans_are_listed() -> None:
    wire = Wire()
    wire.command("ban", address="203.0.113.9", for_s=60)
    (ban,) = wire.command("bans")["bans"]
    assert (ban["address"], ban["sealed"]) == ("203.0.113.9", True)
    wire.command("unban", address="203.0.113.9")
    assert wire.command("bans")["bans"] == []
