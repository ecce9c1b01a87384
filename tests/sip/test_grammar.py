from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import ParseError
from routerd.sip import grammar


@pytest.mark.parametrize("text", ["INVITE", "!interesting-Method0123456789_*+`.%indeed'~", "a"])
def test_tokens(text: str) -> None:
    assert grammar.is_token(text)


@pytest.mark.parametrize("text", ["", "a b", "a;b", "ä", "a\n", "a:b", '"a"'])
def test_what_is_no_token(text: str) -> None:
    assert not grammar.is_token(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("abc@host", True),
        ('f81d4fae{}?<>:\\/[]"()@x', True),
        ("", False),
        ("a b", False),
        ("a\tb", False),
        ("a\0", False),
    ],
)
def test_call_ids(text: str, good: bool) -> None:
    assert grammar.is_call_id(text) is good


@pytest.mark.parametrize("text", ["::", "::1", "2001:db8::9:1", "2001:db8:::192.0.2.1", "::ffff:192.0.2.1"])
def test_ipv6(text: str) -> None:
    assert grammar.is_ipv6(text)


@pytest.mark.parametrize("text", ["", "1", "a:b", "fe80::1%eth0", "::g", "[::1]", ":" * 60])
def test_not_ipv6(text: str) -> None:
    assert not grammar.is_ipv6(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("example.com", True),
        ("a_b", True),
        ("192.0.2.1", True),
        ("x.", True),
        ("", False),
        ("a..b", False),
        ("-a", False),
    ],
)
def test_host_names(text: str, good: bool) -> None:
    assert grammar.is_hostname(text) is good


def test_numbers_bear_leading_zeros_and_nothing_else() -> None:
    assert grammar.number("0068", 255) == 68
    assert grammar.number("0" * 5000 + "1", 1) == 1
    for bad in ("", "-1", "+1", "1 ", "256", "9" * 5000, "٣", "0x1", "1_0"):
        with pytest.raises(ParseError):
            grammar.number(bad, 255)


@given(st.text())
def test_quote_and_unquote_are_inverse_but_for_controls(text: str) -> None:
    assert grammar.unquote(grammar.quote(text)) == text.translate(grammar.CONTROLS)


@pytest.mark.parametrize("text", ["", '"', '"a', 'a"', '"a"b', '"\\"', '"a""'])
def test_unquote_refuses(text: str) -> None:
    with pytest.raises(ParseError):
        grammar.unquote(text)


def test_lists_split_outside_quotes_and_brackets() -> None:
    assert grammar.split_list('"a,\\",b" <sip:x,y@h> , b ,,c') == ['"a,\\",b" <sip:x,y@h>', "b", "", "c"]
    assert grammar.split_list("") == [""]
    assert grammar.split_list("a,b") == ["a", "b"]


@pytest.mark.parametrize("text", ['a,"b', "a,<b", '"\\",'])
def test_lists_that_never_close(text: str) -> None:
    with pytest.raises(ParseError):
        grammar.split_list(text)


def test_params_plain_and_odd() -> None:
    assert grammar.parse_params(";tag=a;lr;X=[::1]:5") == {"tag": "a", "lr": None, "x": "[::1]:5"}
    assert grammar.parse_params(' ; a = "x;\\"y" ;B;c=/d=e') == {"a": 'x;"y', "b": None, "c": "/d=e"}
    assert grammar.parse_params(";tag=") == {"tag": ""}
    assert grammar.parse_params("") == {}


@pytest.mark.parametrize(
    "text", [";", ";;a", ";a;", "a", ";a=1;A=2", '; a="x', ";a b", ';a="b"c', ";a=b,c", ";a=<b>", ";=b"]
)
def test_params_that_are_none(text: str) -> None:
    with pytest.raises(ParseError):
        grammar.parse_params(text)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9\-.!%*_+`'~]{1,8}", fullmatch=True),
        st.none() | st.text(st.characters(min_codepoint=32, exclude_characters="\x7f"), min_size=1),
        max_size=5,
    )
)
def test_params_survive_writing(params: dict[str, str | None]) -> None:
    assert grammar.parse_params(grammar.write_params(params)) == params
