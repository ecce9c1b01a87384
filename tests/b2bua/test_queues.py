"""Who waits for whom (routing.md 2.6): freed agents, wrap-up, two callers and one agent."""

from __future__ import annotations

from b2bua_kit.documents import MAIN, SUPPORT, agent, changed, company
from b2bua_kit.peer import Incoming, Outgoing, Peer, Phone, connect, sdp, trunk
from b2bua_kit.wire import Wire


def join(caller: Peer, phone: Phone, come: Incoming) -> None:
    """Play the joining of a waiting caller with the agent to its end."""
    again = caller.expect("INVITE")
    caller.reply(again, 200, [("Contact", caller.contact)], sdp(version=2))
    caller.expect("ACK")
    assert come.acked().body
    assert phone.wire is caller.wire


def waiting(wire: Wire, host: str) -> tuple[Peer, Outgoing]:
    """Another caller of the department, from the trunk's address and a port of its own."""
    peer = Peer(wire, "192.0.2.10", int(host))
    call = peer.invite(SUPPORT)
    call.answered()
    return peer, call


def test_two_who_wait_for_one_agent_get_them_in_turn() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    busy, _ = connect(pstn, phone, MAIN)
    first_peer, first = waiting(wire, "5071")
    wire.wait(1)
    second_peer, second = waiting(wire, "5072")
    phone.nothing()
    busy.bye()
    phone.expect("BYE")
    wire.wait(0)
    come = phone.called()
    come.answer()
    join(first_peer, phone, come)
    phone.nothing()
    assert "INVITE" not in second_peer.lines(), "one agent, one caller"
    wire.wait(2)
    first.dialog.remote_cseq = None  # type: ignore[union-attr]
    come.bye()
    first_peer.expect("BYE")
    phone.nothing()
    wire.wait(4.5)
    phone.nothing()
    wire.wait(1)
    again = phone.called()
    again.answer()
    join(second_peer, phone, again)
    again.bye()
    second_peer.expect("BYE")
    del second
    wire.assert_quiet()
    assert [record["answered_by"] for record in wire.records()] == ["extension:2001"] * 3


def test_a_caller_who_leaves_the_queue_is_forgotten() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    busy, _ = connect(pstn, phone, MAIN)
    peer, call = waiting(wire, "5071")
    assert wire.published("queue.joined")
    call.bye()
    assert wire.published("queue.left")
    busy.bye()
    phone.expect("BYE")
    phone.nothing()
    del peer
    wire.assert_quiet()
    assert {record["outcome"] for record in wire.records()} == {"answered", "abandoned"}


def test_the_queues_end() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    busy, _ = connect(pstn, phone, MAIN)
    peer, _ = waiting(wire, "5071")
    wire.wait(121)
    assert "cause=16" in (peer.expect("BYE").get("Reason") or "")
    busy.bye()
    wire.assert_quiet()
    assert "queue_timeout" in {record["reason"] for record in wire.records()}


def test_who_logs_in_is_offered_the_waiting_call() -> None:
    document = changed(company(), "agents", "ravi", login_based_calling=True)
    document = changed(
        document, "departments", "support", members=[{"agent": "asha", "timeout_s": 20}, {"agent": "ravi"}]
    )
    wire = Wire(document)
    pstn, asha, ravi = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    busy, _ = connect(pstn, asha, MAIN)
    peer, call = waiting(wire, "5071")
    ravi.nothing()
    wire.command("login", agent="ravi")
    come = ravi.called()
    come.ring()
    wire.command("break", agent="ravi")
    ravi.expect("CANCEL")
    ravi.expect("ACK")
    wire.command("unbreak", agent="ravi")
    again = ravi.called()
    again.answer()
    join(peer, ravi, again)
    again.bye()
    busy.bye()
    del call
    wire.assert_quiet()


def test_an_agent_of_nobody_frees_nobody() -> None:
    document = company()
    document["agents"].append(agent("zoe", "2003", "1009"))
    document["agents"] = [a for a in document["agents"] if a["id"] != "meera"]
    wire = Wire(document)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    busy, _ = connect(pstn, phone, MAIN)
    peer, call = waiting(wire, "5071")
    wire.switch.queues.agent_freed("acme", "zoe", wire.now)
    wire.pump()
    phone.nothing()
    call.bye()
    busy.bye()
    del peer
    wire.assert_quiet()
