"""SIPp scenarios of a trunk: pieces that read like the flow they make."""

from __future__ import annotations

from kit.company import CUSTOMER

_CONTACT = "Contact: <sip:trunk@[local_ip]:[local_port];transport=[transport]>"
_COPIED = """[last_Via:]
[last_Record-Route:]
[last_From:]
{to}
[last_Call-ID:]
[last_CSeq:]"""


def _in_dialog(method: str, number: int) -> str:
    return f"""{method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:{CUSTOMER}@[local_ip]>;tag=[call_number]c[pid]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: {number} {method}
Max-Forwards: 70
Content-Length: 0
"""


def send(text: str, *, retransmit: bool = False) -> str:
    return f"<send{' retrans=' + chr(34) + '500' + chr(34) if retransmit else ''}><![CDATA[\n{text}\n]]></send>\n"


def with_sdp(lines: str, sdp: str) -> str:
    return f"{lines}\n{_CONTACT}\nContent-Type: application/sdp\nContent-Length: [len]\n\n{sdp}"


def invite(sdp: str, *headers: str) -> str:
    head = f"""INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{CUSTOMER}@[local_ip]>;tag=[call_number]c[pid]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Max-Forwards: 70
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS"""
    head = "\n".join([head, *headers])
    return send(with_sdp(head, sdp), retransmit=True)


def expect(response: int, *, optional: bool = False) -> str:
    rest = ' optional="true"' if optional else ""
    return f'<recv response="{response}"{rest} rrs="true"></recv>\n'


def expect_request(method: str) -> str:
    record = ' rrs="true"' if method == "INVITE" else ""
    return f'<recv request="{method}"{record}></recv>\n'


def expect_answer() -> str:
    return expect(100, optional=True) + expect(180, optional=True) + expect(183, optional=True) + expect(200)


def ack() -> str:
    return send(_in_dialog("ACK", 1))


def bye(number: int = 2) -> str:
    return send(_in_dialog("BYE", number), retransmit=True) + expect(200)


def pause(milliseconds: int) -> str:
    return f'<pause milliseconds="{milliseconds}"/>\n'


def respond(status: int, reason: str, *headers: str, tag: bool = True, sdp: str = "") -> str:
    to = "[last_To:];tag=[call_number]s[pid]" if tag else "[last_To:]"
    head = "\n".join([f"SIP/2.0 {status} {reason}", _COPIED.format(to=to), *headers])
    if sdp:
        return send(with_sdp(head, sdp), retransmit=True)
    return send(f"{head}\n{_CONTACT}\nContent-Length: 0\n")


def hold_and_resume(sdp: str) -> str:
    """Two re-INVITEs of the other side, answered: the first holds, the second resumes."""
    held = sdp.replace("a=sendrecv", "a=recvonly").replace(" 1 1 IN", " 1 2 IN")
    resumed = sdp.replace(" 1 1 IN", " 1 3 IN")
    return "".join(
        expect_request("INVITE") + respond(200, "OK", tag=False, sdp=body) + expect_request("ACK")
        for body in (held, resumed)
    )


def joined(sdp: str) -> str:
    """One re-INVITE of the other side, answered: from now on somebody else is there."""
    body = sdp.replace(" 1 1 IN", " 1 2 IN")
    return expect_request("INVITE") + respond(200, "OK", tag=False, sdp=body) + expect_request("ACK")


def answer_call(sdp: str, *headers: str) -> str:
    """As the side that is called: ring, answer."""
    answer = respond(200, "OK", *headers, sdp=sdp)
    return expect_request("INVITE") + respond(180, "Ringing") + answer + expect_request("ACK")


def hung_up_by_peer() -> str:
    return expect_request("BYE") + respond(200, "OK", tag=False)


def refuse(status: int, reason: str) -> str:
    return expect_request("INVITE") + respond(status, reason) + expect_request("ACK")


def ring_until_cancelled() -> str:
    """As the side that is called: ring, until the caller has had enough; its INVITE is the first of its dialog."""
    gone = _COPIED.replace("[last_CSeq:]", "CSeq: 1 INVITE").format(to="[last_To:];tag=[call_number]s[pid]")
    return (
        expect_request("INVITE")
        + respond(180, "Ringing")
        + expect_request("CANCEL")
        + respond(200, "OK", tag=False)
        + send(f"SIP/2.0 487 Request Terminated\n{gone}\nContent-Length: 0\n", retransmit=True)
        + expect_request("ACK")
    )


def refused_with(status: int) -> str:
    """As the caller: the call comes to nothing."""
    return (
        expect(100, optional=True)
        + expect(180, optional=True)
        + expect(183, optional=True)
        + expect(status)
        + ack_of_refusal()
    )


def ack_of_refusal() -> str:
    lines = f"""ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
From: <sip:{CUSTOMER}@[local_ip]>;tag=[call_number]c[pid]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0
"""
    return send(lines)


def digit_by_info(digit: str, number: int = 2) -> str:
    """A key pressed, in an INFO of the caller."""
    body = f"Signal={digit}\nDuration=160\n"
    head = _in_dialog("INFO", number).replace("Content-Length: 0\n", "Content-Type: application/dtmf-relay")
    return send(f"{head}\nContent-Length: [len]\n\n{body}", retransmit=True) + expect(200)
