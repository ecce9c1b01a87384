"""Messages that nobody on this project wrote, through the real switch: what comes back is what the manifest wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from b2bua_kit.corpus import NEEDS_CORPUS, Entry, deviation, entries, octets, prepared
from b2bua_kit.documents import GROUP, MAIN, company
from b2bua_kit.peer import Peer, Phone, connect, sdp, trunk
from b2bua_kit.wire import LOCAL, Wire

from routerd.errors import ParseError
from routerd.sip import build, digest
from routerd.sip.flow import Flow
from routerd.sip.message import Request, Response
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = NEEDS_CORPUS

STRANGER, TRUNK = "203.0.113.50", "192.0.2.10"
PORT = 5070
# after so long every transaction has ended: what comes next is not taken for a repetition
QUIET_S = 40.0
MOST_TIMES = 3
MOST_BYTES = 60_000
# file -> the sentence of the RFC that is on our side. Empty: nothing deviates.
DEVIATIONS: dict[str, str] = {}


class Sender:
    """Sends entries from one address to one switch that lives on; keeps what came back."""

    def __init__(self, host: str, document: dict[str, Any] | None = None) -> None:
        self.wire = Wire(document)
        self.host = host
        self.number = 0
        self.worst = 0.0
        self.ratio_of: dict[str, float] = {}

    def send(self, data: bytes, wait_s: float = QUIET_S, port: int = PORT) -> list[Response]:
        """Send bytes; the responses that came back, each of them well-formed."""
        self.wire.transmitted.clear()
        self.wire.receive(data, Flow("udp", LOCAL, (self.host, port)))
        self.wire.wait(wait_s)
        answers = [out for flow, out in self.wire.transmitted if flow.remote[0] == self.host]
        self.worst = sum(map(len, answers)) / len(data)
        parsed = [parse(answer) for answer in answers]
        return [message for message in parsed if isinstance(message, Response)]

    def judge(self, entry: Entry, data: bytes, port: int = PORT) -> str:
        """Send an entry; say what is wrong with the answer."""
        why = deviation(entry, [answer.status for answer in self.send(data, port=port)])
        return f"{entry['file']}: {entry['expect']} {entry['status']}, {why} [{entry['note']}]" if why else ""

    def forms(self, entry: Entry) -> Iterator[tuple[bytes, int]]:
        """As its sender sends it, and letter by letter."""
        self.number += 1
        if entry["template"]:
            yield prepared(entry, self.number, self.host, PORT), PORT
        yield octets(entry), 5060


def judged(sender: Sender) -> tuple[dict[str, str], int]:
    """What deviates, by file, and how many were sent."""
    wrong: dict[str, str] = {}
    count = 0
    for entry in entries("request", "response"):
        for data, port in sender.forms(entry):
            count += 1
            why = sender.judge(entry, data, port)
            if why:
                wrong[entry["file"]] = why
            elif sender.host == STRANGER:
                assert sender.worst <= MOST_TIMES, entry["file"]
            assert [answer.status for answer in sender.send(OPTIONS, 0.0)] == [200], entry["file"]
            sender.wire.wait(QUIET_S)
    return wrong, count


OPTIONS = (
    b"OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.50:5070;branch=z9hG4bKalive\r\nMax-Forwards: 70\r\n"
    b"From: <sip:probe@203.0.113.50>;tag=1\r\nTo: <sip:192.0.2.1>\r\nCall-ID: alive\r\nCSeq: 1 OPTIONS\r\n\r\n"
)


@pytest.mark.parametrize("host", [STRANGER, TRUNK])
def test_every_message_gets_what_its_manifest_wants(host: str) -> None:
    sender = Sender(host)
    wrong, count = judged(sender)
    assert count > 1000
    assert sorted(wrong) == sorted(DEVIATIONS), "\n" + "\n".join(wrong.values())
    sender.wire.assert_quiet()


def test_deviations_are_few() -> None:
    assert len(DEVIATIONS) <= len(entries("request", "response")) // 100
    assert sum(name.startswith("rfc4475/") for name in DEVIATIONS) <= 2


def with_credentials(sender: Sender, data: bytes) -> list[Response] | None:
    """Send a request; when challenged, send it again as phone 2001 would. None: it was never challenged."""
    answers = sender.send(data, 0.0)
    if [answer.status for answer in answers] != [401]:
        return None
    challenge = digest.choose_challenge(answers[0].get_all("WWW-Authenticate"), None)
    request = parse(data)
    assert isinstance(request, Request)
    assert challenge is not None
    value = digest.authorization(
        challenge, method=request.method, uri=request.uri, username="2001", password="secret-2001", cnonce="0a"
    )
    for name in ("Authorization", "Proxy-Authorization"):
        request.remove(name)
    request.add("Authorization", value)
    return sender.send(serialize(request))


def test_every_request_with_credentials_gets_what_its_manifest_wants() -> None:
    sender = Sender(STRANGER)
    wrong = {}
    count = 0
    for entry in entries("request"):
        answers = with_credentials(sender, next(sender.forms(entry))[0])
        if answers is not None:
            count += 1
            why = deviation(entry, [answer.status for answer in answers])
            wrong.update({entry["file"]: why} if why else {})
        sender.wire.wait(QUIET_S)
    assert count > 100
    assert wrong == {}
    sender.wire.wait(4000)
    sender.wire.timers_at_rest = len(sender.wire.switch.exchange.timers)
    sender.wire.assert_quiet()


def for_our_phone(data: bytes, number: int) -> bytes | None:
    """A REGISTER of the corpus as phone 2001's own: To and From are its address; None when it is no REGISTER."""
    try:
        request = parse(data)
    except ParseError:
        return None
    if not isinstance(request, Request) or request.method != "REGISTER" or not request.to.uri.is_sip:
        return None
    request.uri = "sip:acme.test"
    for name, tag in (("From", ";tag=1"), ("To", "")):
        request.set(name, f"<sip:2001@acme.test>{tag}")
    request.set("CSeq", f"{number} REGISTER")
    return serialize(request)


def test_registrations_as_our_own_phone_are_kept_or_refused_and_can_be_fetched() -> None:
    sender = Sender(STRANGER)
    wire = sender.wire
    kept = 0
    for entry in entries("request"):
        data = for_our_phone(next(sender.forms(entry))[0], sender.number)
        answers = None if data is None else with_credentials(sender, data)
        if answers:
            assert answers[-1].status not in {500, 401}, entry["file"]
            bindings = wire.switch.location.contacts("acme", "2001", wire.now)
            if answers[-1].status == 200 and bindings:
                kept += 1
                assert len(answers[-1].contacts) >= len(bindings), entry["file"]
    assert kept > 20


def values() -> Iterator[tuple[str, str]]:
    for entry in entries("values:"):
        name = entry["kind"].partition(":")[2]
        for line in octets(entry).decode("utf-8", "surrogateescape").splitlines():
            yield name, line


def message_with(name: str, value: str, number: int) -> bytes:
    """An INVITE that bears a header value of the corpus."""
    fields = {
        "Via": f"SIP/2.0/UDP 192.0.2.10:{PORT};branch=z9hG4bKv{number};rport",
        "Max-Forwards": "70",
        "From": "<sip:+919812345678@192.0.2.10>;tag=1",
        "To": f"<sip:{MAIN}@192.0.2.1>",
        "Call-ID": f"values-{number}",
        "CSeq": "1 INVITE",
        "Contact": f"<sip:192.0.2.10:{PORT}>",
    }
    uri = value if name == "Request-URI" else f"sip:{MAIN}@192.0.2.1"
    if name != "Request-URI":
        fields[name] = value
    lines = [f"INVITE {uri} SIP/2.0", *[f"{key}: {text}" for key, text in fields.items()], "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("host", [STRANGER, TRUNK])
def test_every_header_value_is_survived(host: str) -> None:
    sender = Sender(host)
    answered = 0
    for number, (name, value) in enumerate(values()):
        answers = sender.send(message_with(name, value, number))
        answered += bool(answers)
        assert all(answer.status != 500 for answer in answers), (name, value)
        if host == STRANGER:
            assert sender.worst <= MOST_TIMES, (name, value)
    assert answered > 150
    sender.wire.assert_quiet()


def descriptions() -> list[tuple[Entry, bytes]]:
    """Those that fit into a datagram."""
    return [(entry, body) for entry in entries("sdp") if len(body := octets(entry)) < MOST_BYTES]


class Talk:
    """A call of a trunk to phone 2001, beside another that must not notice anything."""

    def __init__(self, media: str) -> None:
        people = {MAIN: "asha", GROUP: "ravi"}
        numbers = [{"number": number, "destination": {"type": "agent", "id": who}} for number, who in people.items()]
        wire = self.wire = Wire(company(media=media, numbers=numbers), engines=1, session_expires_s=90_000)
        self.pstn, self.phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
        self.second, self.bystander = trunk(wire, "192.0.2.20"), Phone(wire, "2002", "198.51.100.2")
        self.near, self.far = connect(self.second, self.bystander, GROUP)
        self.second.inbox.clear()

    def clear(self) -> None:
        """Forget what came; let all transactions end."""
        self.wire.wait(QUIET_S)
        for peer in (self.pstn, self.phone):
            peer.inbox.clear()
        self.second.nothing()
        self.bystander.nothing()

    def finish(self) -> None:
        """The other call still lives and ends as calls do."""
        self.near.bye()
        self.bystander.expect("BYE")
        self.wire.assert_quiet()


def finals(peer: Peer) -> list[int]:
    """The final statuses of INVITEs in a peer's inbox."""
    messages = [message for message in peer.inbox if isinstance(message, Response)]
    return [message.status for message in messages if message.status >= 200 and message.cseq.method == "INVITE"]


def judge_description(entry: Entry, statuses: list[int]) -> None:
    """Whether a description was refused as it should be: with 400 or 488, and only when it may be."""
    refused = [status for status in statuses if status >= 300]
    assert set(refused) <= {400, 415, 488}, (entry["file"], statuses)
    if entry["expect"] != "either":
        assert bool(refused) == (entry["expect"] == "reject"), (entry["file"], statuses)


@pytest.mark.parametrize("media", ["direct", "relay"])
def test_descriptions_in_an_invite(media: str) -> None:
    talk = Talk(media)
    for entry, body in descriptions():
        call = talk.pstn.invite(MAIN, body)
        statuses = finals(talk.pstn)
        judge_description(entry, statuses)
        if not statuses:
            talk.phone.called().send(486)
            talk.phone.expect("ACK")
            statuses = [486]
        call.refused(statuses[0])
        talk.clear()
    talk.finish()


@pytest.mark.parametrize("media", ["direct", "relay"])
def test_descriptions_in_a_200(media: str) -> None:
    talk = Talk(media)
    for entry, body in descriptions():
        call = talk.pstn.invite(MAIN)
        leg = talk.phone.called()
        leg.answer(body)
        leg.acked()
        statuses = finals(talk.pstn)
        assert statuses, entry["file"]
        if statuses == [200]:
            call.answered()
            call.bye()
        else:
            assert entry["expect"] != "accept", (entry["file"], statuses)
            call.refused(statuses[0])
        talk.phone.expect("BYE")
        talk.clear()
    talk.finish()


@pytest.mark.parametrize("media", ["direct", "relay"])
def test_descriptions_in_a_reinvite(media: str) -> None:
    talk = Talk(media)
    call, leg = connect(talk.pstn, talk.phone, MAIN)
    for entry, body in descriptions():
        request = call.request("INVITE", body)
        asked = [message for message in talk.phone.inbox if isinstance(message, Request)]
        if asked:
            talk.phone.reply(asked[0], 200, [("Contact", talk.phone.contact)], sdp(host="198.51.100.1"))
        statuses = finals(talk.pstn)
        assert len(statuses) == 1, (entry["file"], talk.pstn.lines())
        judge_description(entry, statuses)
        answer = talk.pstn.expect(f"{statuses[0]} INVITE")
        if statuses == [200]:
            call.ack(answer)
        else:
            talk.pstn.send(build.ack_for_failure(request, answer))
        talk.clear()
    call.bye()
    leg.peer.expect("BYE")
    talk.finish()
