from __future__ import annotations

import time

import pytest

from routerd.errors import ParseError
from routerd.sip.headers import MAX_FIELDS
from routerd.sip.message import CSeq, Request, Response
from routerd.sip.parser import keepalive, parse, salvage, split, validate
from routerd.sip.serializer import serialize

BASE = {
    "Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
    "From": "<sip:a@example.com>;tag=1",
    "To": "sip:b@example.com",
    "Call-ID": "x@y",
    "CSeq": "1 OPTIONS",
    "Max-Forwards": "70",
}


def wire(start: str = "OPTIONS sip:b@example.com SIP/2.0", body: str = "", *more: str, **changed: str | None) -> bytes:
    fields = BASE | {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [start, *(f"{name}: {value}" for name, value in fields.items() if value is not None), *more]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8", "surrogateescape")


def hint(data: bytes) -> int:
    with pytest.raises(ParseError) as caught:
        parse(data)
    return caught.value.status_hint


def test_a_request() -> None:
    request = parse(wire(body="x\0", Content_Length="2"))
    assert isinstance(request, Request)
    assert (request.method, request.uri, request.body) == ("OPTIONS", "sip:b@example.com", b"x\0")
    assert request.fields == [*BASE.items(), ("Content-Length", "2")]


def test_a_response() -> None:
    response = parse(wire("SIP/2.0 200 = 2**3 * 5 \u043a"))
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (200, "= 2**3 * 5 \u043a")


def test_a_response_without_reason() -> None:
    for start in ("SIP/2.0 100 ", "SIP/2.0 100"):
        response = parse(wire(start))
        assert isinstance(response, Response)
        assert (response.status, response.reason) == (100, "")


def test_blanks_and_folds_wherever_they_may_stand() -> None:
    data = (
        b"INVITE sip:bob@example.com;odd SIP/2.0\r\n"
        b"TO :\r\n sip:bob@example.com ;   tag    = one\r\n"
        b'from   : "A \\\\\\""       <sip:alice@example.com>\r\n  ;\r\n  tag = two\r\n'
        b"mAx-FoRwArDs: 0042\r\nCall-ID: three@192.0.2.1\r\nContent-Length   : 4\r\n"
        b"cseq: 0007\r\n  INVITE\r\nVia  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=four\r\n"
        b"s :\r\nX-New:   a\r\n b\r\nX-Separators: ;,;,;\r\n"
        b"Route:\r\n <sip:p.example.com;lr;a=b;c>\r\n"
        b"v:  SIP  / 2.0  / TCP     h.example.com   ;\r\n  branch  =   z9hG4bKfive  ,\r\n"
        b' SIP  /    2.0   / UDP  192.0.2.3   ; branch=\r\n z9hG4bKsix\r\nm:"Quoted \\"\\""\r\n'
        b" <sip:alice@example.com>\r\n ; p =\r\n      v ;\r\n  r ; q = 0.5\r\n\r\nv=0\r\nmore"
    )
    request = parse(data)
    assert isinstance(request, Request)
    assert (request.to.tag, request.from_.display, request.max_forwards) == ("one", 'A \\"', 42)
    assert request.cseq == CSeq(7, "INVITE")
    assert [(via.transport, via.branch) for via in request.vias] == [
        ("UDP", "four"),
        ("TCP", "z9hG4bKfive"),
        ("UDP", "z9hG4bKsix"),
    ]
    assert (request.get("X-New"), request.get("X-Separators")) == ("a b", ";,;,;")
    assert request.contacts[0].params == {"p": "v", "r": None, "q": "0.5"}
    assert (request.get("Subject"), request.body) == ("", b"v=0\r")


def test_unusual_characters_everywhere_they_may_stand() -> None:
    method = "!odd-Method_*+`.%'~"
    user = "odd~(a-b!c)&d'e=f+g$/h?,/;;*"
    request = parse(
        wire(
            f"{method} sip:{user}:&i+j=1,k!*l$m.(n'o)@example.com SIP/2.0",
            "",
            "x-!.%*+_`'~:\ufeff\u5927",
            Via="SIP/2.0/TCP h.example.com;branch=z9hG4bK-.!%66*_+`'~",
            To=f'"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:{user}@example.com>',
            From="one~` two'+_ three*%!.- <sip:a@example.com>;p''~+*_!.-%=\"\u0440\";tag=_t~1'+`*%!-.",
            Call_ID="odd.word%Z-!.*_+'@w`~)(><:\\/\"][?}{",
            CSeq=f"139 {method}",
            Max_Forwards="255",
        )
    )
    assert isinstance(request, Request)
    assert request.method == method
    assert request.request_uri.user == request.to.uri.user == user
    assert request.from_.tag == "_t~1'+`*%!-."
    assert request.get("X-!.%*+_`'~") == "\ufeff\u5927"
    assert serialize(request).count(b"\\\0") == 1


def test_compact_forms_and_case() -> None:
    request = parse(
        b"OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nF:sip:a@b\r\nt:sip:b@c\r\nI:1\r\n"
        b"CSEQ:1 OPTIONS\r\nk:x\r\nL:0\r\n\r\n"
    )
    assert [name for name, _ in request.fields] == [
        "Via",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Supported",
        "Content-Length",
    ]


def test_what_rfc_2543_lacked_may_be_missing() -> None:
    request = parse(wire(Via="SIP/2.0/UDP a", From="sip:a@b", Max_Forwards=None))
    assert (request.via.branch, request.from_.tag, request.max_forwards) == (None, None, None)


def test_bytes_behind_content_length_are_dropped() -> None:
    assert parse(wire(body="xyINVITE sip:b SIP/2.0\r\n", Content_Length="2")).body == b"xy"
    assert parse(wire(body="xy")).body == b"xy"


def test_line_ends_before_the_start_line_are_skipped() -> None:
    assert parse(b"\r\n\r\n" + wire()).call_id == "x@y"


def test_bytes_that_are_not_utf8_survive() -> None:
    data = wire("OPTIONS sip:b@example.com SIP/2.0", "", "X-Latin: J\udcfcrgen", Content_Length="0")
    assert b"X-Latin: J\xfcrgen\r\n" in serialize(parse(data))


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call_ID", "CSeq"])
def test_mandatory_headers(name: str) -> None:
    assert hint(wire(**{name: None})) == 400


@pytest.mark.parametrize(
    "line", ["f: sip:x@y", "To: <sip:x@y>", "i: z", "CSeq: 1 OPTIONS", "max-forwards: 70", "l: 0\r\nl: 0"]
)
def test_headers_that_may_stand_once(line: str) -> None:
    assert hint(wire("OPTIONS sip:b SIP/2.0", "", line)) == 400


@pytest.mark.parametrize(
    "start",
    [
        "",
        "OPTIONS",
        "OPTIONS sip:b",
        "OPTIONS  sip:b SIP/2.0",
        "OPTIONS sip:b  SIP/2.0",
        "OPTIONS sip:b SIP/2.0 ",
        " OPTIONS sip:b SIP/2.0",
        "OPTIONS sip:b; lr SIP/2.0",
        "OPTIONS\tsip:b SIP/2.0",
        "OPTIONS <sip:b> SIP/2.0",
        "OPTIONS b SIP/2.0",
        "OPTIONS sip:2001:db8::10 SIP/2.0",
        "OPTIONS sip:b?Route=%3Csip:c%3E SIP/2.0",
        "OPTIÖNS sip:b SIP/2.0",
        "OPTIONS sip:b HTTP/1.1",
        "OPTIONS sip:b SIP/2",
        "OPTIONS sip:b SIP/x.0",
        "SIP/2.0",
        "SIP/2.0 20 OK",
        "SIP/2.0 099 OK",
        "SIP/2.0 700 OK",
        "SIP/2.0 2000 OK",
        "SIP/2.0 4294967301 better not break the receiver",
        "SIP/2.0 ٢٠٠ OK",
        "SIP/2.0  200 OK",
        "SIP/1.x 200 OK",
    ],
)
def test_start_lines_that_are_none(start: str) -> None:
    assert hint(wire(start)) == 400


def test_other_versions() -> None:
    assert hint(wire("OPTIONS sip:b SIP/7.0")) == 505
    assert hint(wire("SIP/3.0 200 OK")) == 505
    assert hint(wire("OPTIONS sip:b SIP/2.1")) == 505
    assert hint(wire(Via="SIP/7.0/UDP a")) == 505
    assert isinstance(parse(wire("OPTIONS sip:b sip/2.0")), Request)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Via", "SIP/2.0/UDP 192.0.2.15;;,;,,"),
        ("From", "Bell, Alexander <sip:a.g.bell@bell-tel.com>"),
        ("To", '"Mr. J. User <sip:j.user@example.com>'),
        ("To", '"Watson, Thomas" < sip:t.watson@example.org >'),
        ("Call-ID", ""),
        ("Call-ID", "a b"),
        ("CSeq", "36893488147419103232 OPTIONS"),
        ("CSeq", "1 INVITE"),
        ("CSeq", "1"),
        ("Contact", '"Joe" <sip:joe@example.org>;;;;'),
        ("Contact", "sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
        ("Contact", "vikram@localhost"),
        ("Contact", ""),
        ("Contact", "*, <sip:a@b>"),
        ("Route", "<sip:a>,"),
        ("Route", "<http://a>"),
        ("Record-Route", "nonsense"),
        ("Max-Forwards", "-1"),
        ("Max-Forwards", "256"),
        ("Max-Forwards", "seventy"),
        ("Content-Length", "-999"),
        ("Content-Length", "9999"),
        ("Content-Length", "9" * 5000),
        ("Content-Length", "4294967296"),
        ("Content-Length", "٣"),
        ("Content-Length", "1 1"),
        ("Content-Length", ""),
    ],
)
def test_values_that_are_refused(name: str, value: str) -> None:
    assert hint(wire(**{name.replace("-", "_"): value})) == 400


@pytest.mark.parametrize(
    "line",
    [
        "no colon here",
        "X Y: 1",
        ": 1",
        "X\tY: 1",
        "Ünknown: 1",
        "X: a\rb",
        "X: a\nb",
        "X: a\0b",
        "X: a\x1bb",
        'X: "\\\r"',
        "X: \x7f",
    ],
)
def test_lines_that_are_none(line: str) -> None:
    assert hint(wire("OPTIONS sip:b SIP/2.0", "", line)) == 400


def test_bare_line_feeds_end_nothing() -> None:
    assert hint(wire().replace(b"\r\n", b"\n")) == 400
    assert hint(wire()[:-2]) == 400
    assert hint(b"") == 400


@pytest.mark.parametrize("spelled", ["X-Internal ", "X-Internal\t", "x-INTERNAL"])
def test_smuggled_names_are_seen_through(spelled: str) -> None:
    message = split(wire("OPTIONS sip:b SIP/2.0", "", f"{spelled}: 1"))
    assert message.get("X-Internal") == "1"
    assert message.fields[-1][0] == spelled.strip()


def test_a_folded_header_is_part_of_the_one_before() -> None:
    message = split(wire("OPTIONS sip:b SIP/2.0", "", "Subject: a\r\n X-Internal: 1\r\n\t\r\n  \tb"))
    assert message.get("X-Internal") is None
    assert message.get("Subject") == "a X-Internal: 1  b"


def test_limits() -> None:
    assert hint(wire(body="x" * 70_000)) == 513
    assert hint(wire("OPTIONS sip:b SIP/2.0", "", *["X-A: 1"] * MAX_FIELDS)) == 400
    assert len(parse(wire("OPTIONS sip:b SIP/2.0", "", *["X-A: 1"] * 500)).get_all("X-A")) == 500


def test_validate_alone() -> None:
    message = split(wire())
    validate(message)
    message.set("CSeq", "1 BYE")
    with pytest.raises(ParseError):
        validate(message)


def test_keepalives() -> None:
    assert keepalive(b"")
    assert keepalive(b"\r\n\r\n")
    assert keepalive(b"\0\0\0\0")
    assert not keepalive(wire())


def test_salvage_is_at_hand() -> None:
    request = salvage(wire(CSeq="x"))
    assert request is not None
    assert request.call_id == "x@y"


LONG = 59_000
HOSTILE = {
    "spaces": " " * LONG,
    "tabs in a value": "a" + "\t" * LONG + "b",
    "quotes": '"' * LONG,
    "an open quote": '"' + "a" * LONG,
    "pairs": '"' + "\\" * LONG,
    "brackets": "<" * LONG,
    "semicolons": ";" * LONG,
    "commas": "," * LONG,
    "params": "<sip:a@b>" + ";a=b" * (LONG // 4),
    "distinct params": "<sip:a@b>" + "".join(f";{i:x}" for i in range(LONG // 5)),
    "uri params": "<sip:a@b" + ";a;b" * (LONG // 4) + ">",
    "a long user": "<sip:" + "a" * LONG + ">",
    "a long host": "<sip:a@" + "a." * (LONG // 2) + "!>",
    "digits": "1" * LONG,
    "escapes": "<sip:" + "%61" * (LONG // 3) + "@b>",
    "folds": "a" + "\r\n b" * (LONG // 4),
    "blank folds": "\r\n " * (LONG // 3),
    "addresses": "<sip:a@b>," * (LONG // 10) + "<sip:a@b>",
    "blank params": "sip:a@b" + " ; a" * (LONG // 4),
}


# Expected are less than 50 ms each: ten times that tells a quadratic parser from a busy machine.
LIVENESS_S = 0.5


@pytest.mark.parametrize(
    "name", ["Via", "From", "To", "Call-ID", "CSeq", "Contact", "Route", "Content-Length", "Max-Forwards", "X"]
)
@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_60_kb_end_in_good_time(name: str, kind: str) -> None:
    data = wire(**{name.replace("-", "_"): HOSTILE[kind]})
    begin = time.process_time()
    try:
        parse(data)
    except ParseError:
        salvage(data)
    assert time.process_time() - begin < LIVENESS_S


@pytest.mark.parametrize(
    "line", ["X-A: 1", "Via: SIP/2.0/UDP a", "Contact: <sip:a@b>", "To: <sip:a@b>", "Route: <sip:a;lr>"]
)
def test_500_equal_headers_end_in_good_time(line: str) -> None:
    data = wire("OPTIONS sip:b SIP/2.0", "", *[line] * 500)
    begin = time.process_time()
    try:
        parse(data)
    except ParseError:
        salvage(data)
    assert time.process_time() - begin < LIVENESS_S
