from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import ParseError
from routerd.sip.uri import Uri, escape_user, parse_hostport, unescape


def test_the_ordinary_one() -> None:
    uri = Uri.parse("sip:alice@Example.COM:5070;transport=TCP;lr")
    assert (uri.scheme, uri.user, uri.host, uri.port) == ("sip", "alice", "example.com", 5070)
    assert uri.params == {"transport": "TCP", "lr": None}
    assert uri.transport == "tcp"
    assert uri.lr
    assert str(uri) == "sip:alice@Example.COM:5070;transport=TCP;lr"


def test_everything_at_once() -> None:
    uri = Uri.parse("SIPS:%61l;x=?/i,ce:se%63ret@[2001:DB8::1]:5061;%6C%72;n%61me=v%61lue%25%34%31?a=b&c=%20d")
    assert (uri.scheme, uri.user, uri.user_raw, uri.password) == ("sips", "al;x=?/i,ce", "%61l;x=?/i,ce", "secret")
    assert (uri.host, uri.is_ipv6, uri.port, uri.host_text) == ("2001:db8::1", True, 5061, "[2001:db8::1]")
    assert uri.params == {"lr": None, "name": "value%41"}
    assert uri.headers == "a=b&c=%20d"


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("sip:sips%3Auser%40example.com@example.net", "sips:user@example.com"),
        ("sip:%00@host5.example.com", "\0"),
        ("sip:user;par=u%40example.net@example.com", "user;par=u@example.net"),
        ("sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d@example.com", None),
        ("sip:example.com", None),
        ("sip:%E2%82%AC@example.com", "€"),
        ("sip:%FF@example.com", "\udcff"),
        ("sip:*98#@example.com", "*98#"),
    ],
)
def test_odd_users(text: str, user: str | None) -> None:
    uri = Uri.parse(text)
    assert uri.host in {"example.com", "example.net", "host5.example.com"}
    assert user is None or uri.user == user


def test_an_address_with_its_port_may_look_ambiguous() -> None:
    assert (Uri.parse("sip:[2001:db8::10:5070]").host, Uri.parse("sip:[2001:db8::10]:5070").port) == (
        "2001:db8::10:5070",
        5070,
    )


def test_other_schemes_are_kept() -> None:
    tel = Uri.parse("tel:+1-201-555-0123;phone-context=example.com")
    assert (tel.scheme, tel.user, tel.params, tel.is_sip) == (
        "tel",
        "+1-201-555-0123",
        {"phone-context": "example.com"},
        False,
    )
    opaque = Uri.parse("nobodyKnowsThisScheme:totallyopaquecontent")
    assert (opaque.scheme, opaque.opaque, opaque.host) == ("nobodyknowsthisscheme", "totallyopaquecontent", "")
    assert Uri.parse("soap.beep://192.0.2.103:3002").scheme == "soap.beep"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice@example.com",
        "sip:",
        "sip:@example.com",
        "sip:a@",
        "sip:a@b@c",
        "sip:2001:db8::10",
        "sip:[::1",
        "sip:[fe80::1%25eth0]",
        "sip:a@b:",
        "sip:a@b:65536",
        "sip:a@b:5060x",
        "sip:a@b;",
        "sip:a@b;;lr",
        "sip:a@b;ttl=1;TTL=2",
        "sip:a@b; lr",
        "sip:a@b?",
        "sip:a@b?x y",
        "sip:a b@c",
        "sip:%zz@c",
        "sip:a%4@c",
        'sip:a"b@c',
        "sip:a<b@c",
        "sip:a@b\n",
        "<sip:a@b>",
        "http://a b",
        "tel:",
        "9x:y",
        "sip:a@b..c",
        "sip:ä@b",
    ],
)
def test_what_is_no_uri(text: str) -> None:
    with pytest.raises(ParseError):
        Uri.parse(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:[2001:db8::9]", "sip:[2001:0DB8:0:0::0.0.0.9]"),
        ("tel:+1", "tel:+1"),
    ],
)
def test_equal_by_the_rfc(one: str, other: str) -> None:
    first, second = Uri.parse(one), Uri.parse(other)
    assert first.equals(second)
    assert second.equals(first)
    assert hash(first) == hash(second) or first.is_ipv6


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:a@b;newparam=5", "sip:a@b;newparam=6"),
        ("sip:a@b", "sips:a@b"),
        ("sip:a:x@b", "sip:a@b"),
        ("sip:%00@b", "sip:%00%00@b"),
    ],
)
def test_different_by_the_rfc(one: str, other: str) -> None:
    assert not Uri.parse(one).equals(Uri.parse(other))


@given(st.text())
def test_any_user_survives_escaping(user: str) -> None:
    assert unescape(escape_user(user)) == user
    if user:
        assert Uri.parse(str(Uri("sip", user, "example.com"))).user == user


def test_composed_from_parts() -> None:
    uri = Uri("sip", "a b", "::1", 5060, {"transport": "tcp", "lr": None, "x y": "ü"}, "a=b")
    assert str(uri) == "sip:a%20b@[::1]:5060;transport=tcp;lr;x%20y=%C3%BC?a=b"
    assert Uri.parse(str(uri)).equals(uri)


def test_host_and_port() -> None:
    assert parse_hostport("Example.com:05060") == ("example.com", 5060)
    assert parse_hostport("[::1]") == ("::1", None)
    with pytest.raises(ParseError):
        parse_hostport("[::1]5060")


def test_a_parameter_said_twice_alike_is_borne() -> None:
    """Baresip writes ``;lr;lr`` where its outbound setting ends with ``;lr``."""
    assert Uri.parse("sip:127.0.0.1:5060;lr;LR").lr
