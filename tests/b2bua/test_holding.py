"""Music for who is held, and holding by command: for relayed media only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from b2bua_kit.documents import MAIN, company
from b2bua_kit.peer import Incoming, Outgoing, Peer, Phone, connect, sdp, trunk
from b2bua_kit.voices import commands, played, voiced

from routerd.b2bua import holding
from routerd.media import offer_answer

if TYPE_CHECKING:
    from b2bua_kit.wire import Wire

LEG = "extension:2001@198.51.100.1#1"


def talking(media: str = "relay", music: str | None = "hold") -> tuple[Wire, Peer, Phone, Outgoing, Incoming]:
    document = company(media=media)
    document["account"] = {**document["account"], "music_on_hold": music}
    wire = voiced(document)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call, come = connect(pstn, phone, MAIN)
    return wire, pstn, phone, call, come


def renegotiate(come: Incoming, other: Peer, direction: str, version: int, answer: str) -> tuple[Any, Any]:
    """The callee offers, the other side answers; what the one was offered and the other got."""
    come.request("INVITE", sdp(direction=direction, version=version))
    offered = other.expect("INVITE")
    other.reply(offered, 200, [("Contact", other.contact)], sdp(direction=answer, version=version))
    response = come.peer.expect("200 INVITE")
    come.ack(response)
    return offered, response


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_who_is_held_hears_music(direction: str) -> None:
    wire, pstn, phone, call, come = talking()
    offered, response = renegotiate(come, pstn, direction, 2, "recvonly")
    assert offer_answer.direction(offered.body) == "sendonly", "who is held may hear something"
    assert offer_answer.direction(response.body) == {"sendonly": "recvonly", "inactive": "inactive"}[direction]
    assert played(wire) == ["hold+"]
    renegotiate(come, pstn, "sendrecv", 3, "sendrecv")
    assert played(wire) == ["hold+", "-"]
    assert [one["by"] for one in wire.published("call.held")] == [LEG]
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()


def test_without_music_nothing_changes() -> None:
    wire, pstn, _, call, come = talking(music=None)
    offered, _ = renegotiate(come, pstn, "inactive", 2, "inactive")
    assert offer_answer.direction(offered.body) == "inactive"
    assert played(wire) == []
    call.bye()
    wire.assert_quiet()


def test_a_held_call_that_ends_leaves_nothing() -> None:
    wire, pstn, _, call, come = talking()
    renegotiate(come, pstn, "sendonly", 2, "recvonly")
    call.bye()
    wire.assert_quiet()


def test_an_engine_that_comes_back_forgets_who_held() -> None:
    wire, pstn, _, call, come = talking()
    renegotiate(come, pstn, "sendonly", 2, "recvonly")
    inside = next(iter(wire.switch.call_by_id.values()))
    wire.engine.calls.clear()
    wire.media_event("restarted")
    assert inside.holds == []
    call.bye()
    wire.assert_quiet()


def test_an_admin_holds_and_lets_go() -> None:
    wire, _, _, call, _ = talking()
    held = wire.command("calls")["calls"][0]["id"]
    assert wire.command("hold", call=held)["ok"]
    assert commands(wire, "block media")
    assert played(wire) == ["hold+"]
    assert wire.command("hold", call=held)["error"]["code"] == "already_held"
    assert wire.command("unhold", call=held)["ok"]
    assert commands(wire, "unblock media")
    assert played(wire) == ["hold+", "-"]
    assert wire.command("unhold", call=held)["error"]["code"] == "not_held"
    assert wire.command("hold", call=held, leg="callee")["ok"]
    assert played(wire, LEG) == ["hold+"]
    call.bye()
    wire.assert_quiet()
    assert {"hold", "unhold"} <= {mark["what"] for mark in wire.records()[0]["timeline"]}


def test_what_cannot_be_held() -> None:
    wire, _, _, call, _ = talking("direct")
    held = wire.command("calls")["calls"][0]["id"]
    assert wire.command("hold", call=held)["error"]["code"] == "direct_media"
    assert wire.command("hold", call="nothing")["error"]["code"] == "unknown_call"
    assert wire.command("unhold", call="nothing")["error"]["code"] == "unknown_call"
    call.bye()
    wire.assert_quiet()


def test_a_call_that_rings_cannot_be_held() -> None:
    wire = voiced(company(media="relay"))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    phone.called()
    held = wire.command("calls")["calls"][0]["id"]
    assert wire.command("hold", call=held)["error"]["code"] == "not_connected"
    call.cancel()
    call.refused(487)
    wire.assert_quiet()


def test_descriptions_that_cannot_be_read_are_left_alone() -> None:
    assert holding.answered_to_holder(b"rubbish", b"more") == b"more"
