from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_kit.builders import document
from rules_kit.player import compile_document, numbering

from routerd.rules import number

TABLES = compile_document(document())
INDIA = numbering().plan("IN")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("112", "emergency", "112"),
        ("2002", "extension", "2002"),
        ("1002", "intercom", "1002"),
        ("*97", "feature", "voicemail"),
        ("+918069651180", "own", "+918069651180"),
        ("08069651180", "own", "+918069651180"),
        ("+91 98765-43210", "number", "+919876543210"),
        ("9876543210", "number", "+919876543210"),
        ("09876543210", "number", "+919876543210"),
        ("919123456789", "number", "+919123456789"),
        ("00919876543210", "number", "+919876543210"),
        ("14155550123", "number", "+14155550123"),
        ("+14155550123", "number", "+14155550123"),
        ("9198765", "bad", "9198765"),
        ("+999123456789", "bad", "+999123456789"),
        ("", "bad", ""),
        ("+", "bad", "+"),
        ("#31#", "bad", "#31#"),
        ("٣٤٥٦٧٨٩٠١٢", "bad", "٣٤٥٦٧٨٩٠١٢"),
    ],
)
def test_what_was_meant(text: str, kind: str, value: str) -> None:
    assert number.classify(TABLES, text) == number.Dialled(kind, value)


def test_outside_does_not_know_intercoms() -> None:
    assert number.outside(TABLES, "1002").kind == "bad"


def test_a_national_prefix_that_is_a_country_code() -> None:
    america = numbering().plan("US")
    assert number.to_e164(america, "14155550123") == "+14155550123"
    assert number.to_e164(america, "4155550123") == "+14155550123"
    assert number.to_e164(america, "011442071838750") == "+442071838750"


def test_the_national_number_is_of_the_own_country_only() -> None:
    assert number.national_number(INDIA, "+919123456789") == "9123456789"
    assert number.national_number(INDIA, "+14155550123") is None
    assert number.is_international(INDIA, "+14155550123")


def test_the_longest_prefix() -> None:
    assert number.begins_with_any("+919123", ("+91", "+9191", "+44")) == "+9191"
    assert number.begins_with_any("+1", ("+91",)) is None


@given(st.text(max_size=24))
def test_any_text_is_a_possible_number_or_none(text: str) -> None:
    found = number.to_e164(INDIA, text)
    assert found is None or (found.startswith("+") and found[1:].isdigit())
    if found is not None:
        assert number.to_e164(INDIA, found) == found
