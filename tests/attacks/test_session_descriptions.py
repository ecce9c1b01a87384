"""SDP and multipart of death in INVITE, 200, re-INVITE and UPDATE.

As AST-2017-003, AST-2018-002, CVE-2023-27600 and CVE-2021-26906 were.
"""

from __future__ import annotations

import pytest
from b2bua_kit.documents import GROUP, MAIN, company
from b2bua_kit.peer import Peer, Phone, connect, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.sip import build
from routerd.sip.message import Request, Response

SDP_TYPE = "application/sdp"
MIXED = "multipart/mixed;boundary=x"
GOOD = sdp().decode()
BODIES = {
    "empty lines": (SDP_TYPE, "\r\n" * 500),
    "no media": (SDP_TYPE, GOOD[: GOOD.index("m=")]),
    "no format": (SDP_TYPE, GOOD.replace(" 8 0 101", "")),
    "no payload in fmtp": (SDP_TYPE, GOOD + "a=fmtp:\r\n"),
    "words in rtpmap": (SDP_TYPE, GOOD + "a=rtpmap:x y/z/w\r\na=rtpmap:999999999999999999999 PCMA/8000\r\n"),
    "huge port": (SDP_TYPE, GOOD.replace("4000", "4" * 500)),
    "negative port": (SDP_TYPE, GOOD.replace("4000", "-1")),
    "many ports": (SDP_TYPE, GOOD.replace("4000", "4000/4294967295")),
    "many lines": (SDP_TYPE, GOOD + "m=audio 4000 RTP/AVP 8\r\n" * 2000),
    "many formats": (SDP_TYPE, GOOD.replace(" 8 0 101", " 8" * 20_000)),
    "binary": (SDP_TYPE, "".join(map(chr, range(256))) * 10),
    "no version": (SDP_TYPE, GOOD[5:]),
    "cut": (SDP_TYPE, GOOD[: len(GOOD) // 2]),
    "long line": (SDP_TYPE, GOOD + "a=" + "x" * 50_000 + "\r\n"),
    "multipart without boundary": ("multipart/mixed", GOOD),
    "multipart of one part that never ends": (MIXED, f"--x\r\nContent-Type: {SDP_TYPE}\r\n\r\n{GOOD}"),
    "multipart within itself": (MIXED, f"--x\r\nContent-Type: {MIXED}\r\n\r\n" * 500),
    "unknown type": ("application/x-unknown", "x"),
    "type without a subtype": ("application", "x"),
    "empty type": (";", "x"),
}  # fmt: skip
REFUSALS = {400, 413, 415, 488, 513}


class Talk:
    """A call between a trunk and a phone, and another call that must not notice."""

    def __init__(self) -> None:
        people = {MAIN: "asha", GROUP: "ravi"}
        numbers = [{"number": number, "destination": {"type": "agent", "id": who}} for number, who in people.items()]
        wire = self.wire = Wire(company(media="relay", numbers=numbers), engines=1)
        self.pstn, self.phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
        second, self.bystander = trunk(wire, "192.0.2.20"), Phone(wire, "2002", "198.51.100.2")
        self.near, _ = connect(second, self.bystander, GROUP)
        self.second = second

    def finish(self) -> None:
        """The other call talks on and hangs up; nothing is left."""
        self.second.inbox.clear()
        self.bystander.nothing()
        self.near.request("INVITE", sdp(version=2))
        asked = self.bystander.expect("INVITE")
        self.bystander.reply(asked, 200, [("Contact", self.bystander.contact)], sdp(host="198.51.100.2"))
        self.near.ack(self.second.expect("200 INVITE"))
        self.near.bye()
        self.wire.assert_quiet()


def final(peer: Peer, method: str) -> Response:
    found = [m for m in peer.inbox if isinstance(m, Response) and m.status >= 200 and m.cseq.method == method]
    assert len(found) == 1, peer.lines()
    return found[0]


def answer_what_comes(phone: Phone, method: str) -> None:
    for request in [m for m in phone.inbox if isinstance(m, Request) and m.method == method]:
        phone.reply(request, 200, [("Contact", phone.contact)], sdp(host="198.51.100.1"))


@pytest.mark.parametrize("name", list(BODIES))
def test_in_an_invite(name: str) -> None:
    kind, text = BODIES[name]
    talk = Talk()
    call = talk.pstn.invite(MAIN, text.encode("latin-1"), content_type=kind)
    if "INVITE" in talk.phone.lines():
        talk.phone.called().send(486)
    answer = final(talk.pstn, "INVITE")
    assert answer.status in REFUSALS | {486}
    call.refused(answer.status)
    talk.finish()


@pytest.mark.parametrize("name", list(BODIES))
def test_in_a_200(name: str) -> None:
    kind, text = BODIES[name]
    talk = Talk()
    call = talk.pstn.invite(MAIN)
    leg = talk.phone.called()
    answer = build.response(
        leg.invite,
        200,
        to_tag="b",
        extra=[("Contact", talk.phone.contact)],
        body=text.encode("latin-1"),
        content_type=kind,
    )
    talk.phone.send(answer)
    talk.phone.expect("ACK")
    if final(talk.pstn, "INVITE").status == 200:
        call.answered()
        call.bye()
    else:
        call.refused(final(talk.pstn, "INVITE").status)
    talk.phone.expect("BYE")
    talk.finish()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("name", list(BODIES))
def test_within_a_call(name: str, method: str) -> None:
    kind, text = BODIES[name]
    talk = Talk()
    call, leg = connect(talk.pstn, talk.phone, MAIN)
    talk.pstn.inbox.clear()
    request = call.request(method, text.encode("latin-1"), kind=kind)
    answer_what_comes(talk.phone, "INVITE")
    answer_what_comes(talk.phone, "UPDATE")
    answer = final(talk.pstn, method)
    assert answer.status in REFUSALS | {200}
    if method == "INVITE":
        if answer.status == 200:
            call.ack(answer)
        else:
            talk.pstn.send(build.ack_for_failure(request, answer))
    talk.wire.wait(40)
    # the call goes on as it was: refused offers change nothing (RFC 3261 §14.2)
    talk.pstn.inbox.clear()
    call.bye()
    leg.peer.expect("BYE")
    talk.finish()


def test_a_refused_reinvite_that_is_never_acknowledged_ends_no_call() -> None:
    talk = Talk()
    call, leg = connect(talk.pstn, talk.phone, MAIN)
    talk.pstn.inbox.clear()
    call.request("INVITE", b"nonsense")
    assert final(talk.pstn, "INVITE").status in REFUSALS
    talk.wire.wait(40)
    leg.peer.nothing()
    call.bye()
    talk.finish()


def test_a_reinvite_that_rings_for_ever_does_not_outlive_its_call() -> None:
    talk = Talk()
    call, leg = connect(talk.pstn, talk.phone, MAIN)
    call.request("INVITE", sdp(version=2))
    talk.phone.reply(talk.phone.expect("INVITE"), 180, [("Contact", talk.phone.contact)], tag=leg.tag)
    call.bye()
    talk.phone.expect("BYE")
    talk.phone.expect("CANCEL")
    talk.wire.wait(100)
    assert len(talk.wire.switch.layer) == 0
    talk.near.bye()
    talk.wire.assert_quiet()
