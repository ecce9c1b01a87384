from __future__ import annotations

import pytest

from routerd.errors import ParseError
from routerd.sip.name_addr import NameAddr
from routerd.sip.uri import Uri


@pytest.mark.parametrize(
    ("text", "display", "uri", "params"),
    [
        ("<sip:a@b>;tag=1", None, "sip:a@b", {"tag": "1"}),
        ("sip:a@b;tag=1", None, "sip:a@b", {"tag": "1"}),
        ("sip:a@b ;  tag =1", None, "sip:a@b", {"tag": "1"}),
        ("caller<sip:a@b>;tag=323", "caller", "sip:a@b", {"tag": "323"}),
        ("A. B.  Cee <sip:a@b>", "A. B.  Cee", "sip:a@b", {}),
        ("A. \t B <sip:%61@b>", "A. B", "sip:%61@b", {}),
        ('"J \\\\\\"R <x>, \\" " <sip:a@b;lr?x=y> ; q=0.5', 'J \\"R <x>, " ', "sip:a@b;lr?x=y", {"q": "0.5"}),
        ('""<sip:a@b>', "", "sip:a@b", {}),
        ('"Ünïcode"  <sips:a@[::1]:5061>', "Ünïcode", "sips:a@[::1]:5061", {}),
        ("Jürgen <sip:a@b>", "Jürgen", "sip:a@b", {}),
        ("<tel:+1;ext=1>;x", None, "tel:+1;ext=1", {"x": None}),
        ("<http://www.example.com/a?b>", None, "http://www.example.com/a?b", {}),
        (
            '<sip:a@b>;+sip.instance="<urn:uuid:0>";reg-id=1',
            None,
            "sip:a@b",
            {"+sip.instance": "<urn:uuid:0>", "reg-id": "1"},
        ),
        ("<sip:a@b; maddr=c ;lr>", None, "sip:a@b;maddr=c;lr", {}),
        ('sip:a@b;x="<y>"', None, "sip:a@b", {"x": "<y>"}),
    ],
)
def test_parsed(text: str, display: str | None, uri: str, params: dict[str, str | None]) -> None:
    address = NameAddr.parse(text)
    assert (address.display, address.uri_text, str(address.uri), address.params) == (display, uri, uri, params)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "mo",
        "vikram@localhost",
        '"Mr. J. User <sip:j.user@example.com>',
        '"Watson, Thomas" < sip:t.watson@example.org >',
        "Bell, Alexander <sip:a.g.bell@bell-tel.com>",
        '"" <>',
        "<sip:a@b",
        "<sip:a@b>;;",
        "<sip:a@b>x",
        "<sip:a@b> <sip:c@d>",
        '"a" sip:a@b',
        '"a" "b" <sip:a@b>',
        "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
        "sip:a,b@c",
        "<sip:a@b>;tag=1;tag=2",
        "a@b <sip:a@b>",
        "\udcff <sip:a@b>",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ParseError):
        NameAddr.parse(text)


def test_the_tag() -> None:
    assert NameAddr.parse("<sip:a@b>;TAG=x").tag == "x"
    assert NameAddr.parse("<sip:a@b>;tag=").tag is None
    assert NameAddr.parse("<sip:a@b>").tag is None


def test_control_characters_of_quoted_pairs_leave_the_display_name() -> None:
    assert NameAddr.parse('"BEL:\\\a NUL:\\\0 DEL:\\\x7f" <sip:a@b>').display == "BEL: NUL: DEL:"


def test_written() -> None:
    address = NameAddr(Uri.parse("sip:a@b"), 'A "B" \\', {"tag": "1", "lr": None, "i": "<x>"})
    assert str(address) == '"A \\"B\\" \\\\" <sip:a@b>;tag=1;lr;i="<x>"'
    again = NameAddr.parse(str(address))
    assert (again.display, again.params) == (address.display, address.params)


def test_a_text_that_is_no_uri_is_told_on_use() -> None:
    with pytest.raises(ParseError):
        _ = NameAddr("nonsense").uri


def test_a_tag_goes_back_letter_by_letter() -> None:
    assert str(NameAddr.parse("<sip:a@b>;tag=a/b=@;x=a/b")) == '<sip:a@b>;tag=a/b=@;x="a/b"'


def test_an_address_that_is_known_takes_each_tag_as_it_comes() -> None:
    first = NameAddr.parse('"Known" <sip:known@example.com:50600>;tag=1')
    second = NameAddr.parse('"Known" <sip:known@example.com:50600>;tag=2')
    assert (first.tag, second.tag) == ("1", "2")
    assert (second.display, second.uri_text) == ("Known", "sip:known@example.com:50600")
    assert NameAddr.parse('"Known" <sip:known@example.com:50600>').tag is None
    for odd in (";tag=3;tag=4", ";tag=3;x=4", ";tag=", ";tag=a b"):
        text = '"Known" <sip:known@example.com:50600>' + odd
        if odd == ";tag=3;x=4":
            assert NameAddr.parse(text).params == {"tag": "3", "x": "4"}
        elif odd == ";tag=":
            assert NameAddr.parse(text).tag is None
        else:
            with pytest.raises(ParseError):
                NameAddr.parse(text)
