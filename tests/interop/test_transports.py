"""Which way messages go and which addresses they name: over the MTU, with several listeners, over IPv6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kit import scenarios
from kit.company import CUSTOMER, company, trunk
from kit.daemon import Daemon
from kit.ports import HOST, free_port
from kit.rtp import RtpPeer
from kit.sipp import Sipp

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = "+918069651199"
IN_HOST, OUT_HOST, NEAR_OUT = "127.0.0.7", "127.0.0.3", "127.0.0.2"
RELEASED = scenarios.hung_up_by_peer()


def through(*trunks: dict[str, Any]) -> dict[str, Any]:
    """A number that leads from the first trunk out by the second."""
    document = company(*trunks, numbers=[{"number": NUMBER, "destination": {"type": "external", "number": CUSTOMER}}])
    document["outbound_routes"] = [{"prefix": "", "trunks": [trunks[1]["id"]]}]
    return document


def calling(sdp: str, *after: str) -> str:
    return scenarios.invite(sdp) + scenarios.expect_answer() + scenarios.ack() + "".join(after)


@pytest.mark.parametrize("peer", ["hears TCP", "hears UDP only"])
def test_a_large_invite_leaves_over_tcp_where_the_peer_can(tmp_path: Path, peer: str) -> None:
    port = free_port()
    out = {**trunk("out", port, OUT_HOST), "target": f"sip:{OUT_HOST}:{port}"}
    kind = "t1" if peer == "hears TCP" else "u1"
    with (
        Daemon(tmp_path, through(trunk("in", free_port(), IN_HOST), out)) as daemon,
        RtpPeer(1000, IN_HOST) as near,
        RtpPeer(600, OUT_HOST) as far,
    ):
        large = "\n".join([near.sdp, *(f"a=x-filler-{number}:{'x' * 40}" for number in range(30))])
        answers = scenarios.answer_call(far.sdp) + RELEASED
        with (
            Sipp(tmp_path, "called", answers, host=OUT_HOST, port=port, transport=kind) as called,
            Sipp(
                tmp_path, "caller", calling(large, scenarios.pause(300), scenarios.bye()), remote=daemon.port,
                host=IN_HOST, service=NUMBER,
            ) as caller,
        ):  # fmt: skip
            caller.finish().assert_clean(1)
            called.finish().assert_clean(1)
            assert ("SIP/2.0/TCP" in called.messages()) is (kind == "t1"), called.messages()


def test_each_peer_is_shown_the_address_that_reaches_us(tmp_path: Path) -> None:
    """Two listeners: who is near the second is called from it, and finds it again for its BYE."""
    port, second = free_port(), free_port()
    document = through(trunk("in", free_port(), IN_HOST), trunk("out", port, OUT_HOST))
    media = {"address": "0.0.0.0", "advertise": [f"{OUT_HOST}/32={NEAR_OUT}", HOST]}
    hangs_up = """BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$ours]
To:[$theirs]
[last_Call-ID:]
CSeq: 7 BYE
Max-Forwards: 70
Content-Length: 0
"""
    remember = '<ereg regexp=".*" search_in="hdr" header="{name}:" assign_to="{to}"/>'
    answers = (
        scenarios.expect_request("INVITE")
        + scenarios.respond(180, "Ringing")
        + "{answer}"
        + '<recv request="ACK"><action>'
        + remember.format(name="From", to="theirs")
        + remember.format(name="To", to="ours")
        + "</action></recv>"
        + scenarios.pause(300)
        + scenarios.send(hangs_up, retransmit=True)
        + scenarios.expect(200)
    )
    with (
        Daemon(tmp_path, document, media=media, more_listen=(f"udp:{NEAR_OUT}:{second}",)) as daemon,
        RtpPeer(1000, IN_HOST) as near,
        RtpPeer(600, OUT_HOST) as far,
        Sipp(
            tmp_path, "called", answers.replace("{answer}", scenarios.respond(200, "OK", sdp=far.sdp)), host=OUT_HOST,
            port=port, remote=second, remote_host=NEAR_OUT,
        ) as called,
        Sipp(
            tmp_path, "caller", calling(near.sdp, RELEASED), remote=daemon.port, host=IN_HOST, service=NUMBER
        ) as caller,
    ):  # fmt: skip
        called.finish().assert_clean(1)
        caller.finish().assert_clean(1)
        said = called.messages()
        assert f"Via: SIP/2.0/UDP {NEAR_OUT}:{second};" in said
        assert f"c=IN IP4 {NEAR_OUT}" in said
        assert HOST not in said
        answer = caller.messages()
        assert f"c=IN IP4 {HOST}" in answer
        assert NEAR_OUT not in answer


def test_a_trunk_over_ipv6(tmp_path: Path) -> None:
    port, six = free_port(), free_port()
    inward = {
        **trunk("in", free_port(), IN_HOST), "target": "sip:[::1]:5999", "addresses": ["::1/128"], "media": "direct"
    }  # fmt: skip
    out = {**trunk("out", port, OUT_HOST), "media": "direct"}
    sdp = "v=0\no=six 1 1 IN IP6 ::1\ns=-\nc=IN IP6 ::1\nt=0 0\nm=audio 6000 RTP/AVP 8\na=rtpmap:8 PCMA/8000"
    with (
        Daemon(tmp_path, through(inward, out), more_listen=(f"udp:[::1]:{six}",)) as daemon,
        RtpPeer(600, OUT_HOST) as far,
        Sipp(tmp_path, "called", scenarios.answer_call(far.sdp) + RELEASED, host=OUT_HOST, port=port) as called,
        Sipp(
            tmp_path, "caller", calling(sdp, scenarios.pause(300), scenarios.bye()), remote=six, remote_host="[::1]",
            host="::1", service=NUMBER,
        ) as caller,
    ):  # fmt: skip
        caller.finish().assert_clean(1)
        called.finish().assert_clean(1)
        assert f"@[::1]:{six}>" in caller.messages()
        assert f"Via: SIP/2.0/UDP {HOST}:{daemon.port};" in called.messages()
        assert daemon.wait_records(1)[0]["outcome"] == "answered"
