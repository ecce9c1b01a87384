"""Whatever comes in, only ``ParseError`` comes out; whatever is read is written and read back the same."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from routerd.errors import ParseError
from routerd.sip import build, grammar
from routerd.sip.framing import Limits, StreamFramer
from routerd.sip.message import Message, Request
from routerd.sip.name_addr import NameAddr
from routerd.sip.parser import parse, salvage
from routerd.sip.serializer import serialize
from routerd.sip.uri import Uri
from routerd.sip.via import Via

SEED = (
    b"REGISTER sips:%61lice:pw@[2001:db8::1]:5061;transport=tcp;lr SIP/2.0\r\n"
    b"Via: SIP/2.0/TLS [2001:db8::9]:5061;branch=z9hG4bK-1"
    b";received=2001:db8::9;rport=1, SIP / 2.0 / UDP b : 1 ; ttl=1\r\n"
    b'From: "A \\"quoted\\" \xc3\xa4 \\\\" <sip:a@example.com?x=y>;tag=1;x="y;z"\r\n'
    b"t: Bob B. <sip:b@example.com;user=phone> ; tag = 2\r\n"
    b'Call-ID : a@b\r\nCSeq:\r\n 1 REGISTER\r\nm: <sip:c@d>;expires=60;+sip.instance="<urn:uuid:1>", tel:+1;q=0.5\r\n'
    b'Route: <sip:r;lr>,"R"<sip:s>\r\nRecord-Route: <sip:t;lr>\r\nMax-Forwards: 070\r\nExpires: 99999999999\r\n'
    b"k: 100rel, timer\r\nRequire:\r\nContent-Type: application/sdp ; x=y\r\nX-Odd \t: \xff\xfe ,;\r\nl: 4\r\n\r\nbody"
)
RESPONSE = (
    b"SIP/2.0 183 Session Progress\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>;tag=2\r\n"
    b"i: x\r\nCSeq: 4294967 INVITE\r\nm: <sip:e@f>\r\nl: 0\r\n\r\n"
)
PIECES = [
    b"\r\n",
    b"\r\n ",
    b"\r",
    b"\n",
    b"\0",
    b'"',
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b":",
    b"@",
    b"%",
    b"%00",
    b"[",
    b"]",
]
PIECES += [
    b"SIP/2.0",
    b"*",
    b"=",
    b"?",
    b" ",
    b"\t",
    b"\xff",
    b"\xc3\xa4",
    b"-1",
    b"4294967296",
    b";lr",
    b";tag=",
    b"l: 9\r\n",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from([SEED, RESPONSE])))
    for _ in range(draw(st.integers(1, 6))):
        position = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 8))
        data[position : position + length] = draw(st.sampled_from(PIECES) | st.binary(max_size=6))
    return bytes(data)


def use(message: Message) -> None:
    _ = (message.via.received, message.vias, message.from_.uri, message.to.uri, message.cseq, message.contact_is_star)
    _ = ([contact.uri for contact in message.contacts], message.max_forwards, message.content_type, message.expires)
    _ = ([route.uri.lr for route in message.routes], [route.uri for route in message.record_routes])
    if isinstance(message, Request):
        _ = message.request_uri.equals(message.to.uri)
    for name, value in message.fields:
        assert "\r" not in value
        assert "\n" not in value
        assert grammar.is_token(name)
        assert "\0" not in value.replace("\\\0", "")


def others(message: Message) -> list[tuple[str, str]]:
    return [field for field in message.fields if field[0] != "Content-Length"]


def check_refusal(data: bytes, status: int) -> None:
    assert status in {400, 505, 513}
    request = salvage(data)
    if request is not None:
        assert request.via.host
        serialize(build.response(request, status, to_tag="t"))


def check(data: bytes) -> None:
    try:
        message = parse(data)
    except ParseError as error:
        check_refusal(data, error.status_hint)
        return
    use(message)
    written = serialize(message)
    again = parse(written)
    assert serialize(again) == written
    assert others(again) == others(message)
    assert again.body == message.body
    if isinstance(message, Request):
        parse(serialize(build.response(message, 200, to_tag="t")))


def test_the_seeds_are_good() -> None:
    use(parse(SEED))
    use(parse(RESPONSE))
    assert parse(SEED).get("X-Odd") == "\udcff\udcfe ,;"


@settings(max_examples=1_500, deadline=None)
@given(mutated())
def test_mutated_messages(data: bytes) -> None:
    check(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
@example(b"")
@example(b"\r\n\r\n\r\n\r\n")
@example(b"SIP/2.0 \r\n\r\n")
def test_random_bytes(data: bytes) -> None:
    check(data)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='sip:ab<>"\\;=,@[]:.%41 \t*/20UDP?&é\udcff\0', max_size=40))
def test_random_values(text: str) -> None:
    for reader in (Via.parse, NameAddr.parse, Uri.parse):
        with suppress(ParseError):
            value = reader(text)
            assert str(reader(str(value))) == str(value)
    with suppress(ParseError):
        assert "".join(grammar.split_list(text)).replace(" ", "").count(",") <= text.count(",")


def frames(chunks: list[bytes]) -> tuple[list[bytes], int, int]:
    framer = StreamFramer(Limits(head_bytes=700, message_bytes=800))
    messages: list[bytes] = []
    for chunk in chunks:
        try:
            messages += framer.feed(chunk)
        except ParseError as error:
            return messages, framer.pings, error.status_hint
        assert framer.pending_bytes <= 800
    return messages, framer.pings, 0


@settings(max_examples=150, deadline=None)
@given(st.lists(mutated() | st.sampled_from([SEED, RESPONSE, b"\r\n", b"\r\n\r\n"]), max_size=4))
def test_byte_by_byte_equals_one_chunk(parts: list[bytes]) -> None:
    stream = b"".join(parts)
    messages, pings, hint = frames([bytes((byte,)) for byte in stream])
    whole, whole_pings, whole_hint = frames([stream, b""])
    assert (messages, pings, bool(hint)) == (whole, whole_pings, bool(whole_hint))
