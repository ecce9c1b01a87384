from __future__ import annotations

import re

import pytest

from routerd.config import fields


def test_every_pattern_is_explained_and_refuses_a_last_line_feed() -> None:
    patterns = {value for name, value in vars(fields).items() if name.endswith("_PATTERN")}
    assert patterns == set(fields.EXPLANATIONS)
    for pattern in patterns:
        for sample in ("a\n", "1\n", "+4912345\n", "sip:a@b\n", "\n", "10:00\n", "2026-01-01\n", "*\n"):
            assert not re.search(pattern, sample), (pattern, sample)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (fields.ID_PATTERN, ["a", "2001", "main-line", "a.b@c"], ["", "-a", "a b", "a/b", "x" * 65]),
        (fields.E164_PATTERN, ["+918069651170", "+112"], ["918069651170", "+0123", "+1234567890123456", "+12a"]),
        (fields.PREFIX_PATTERN, ["", "+91", "1900", "112"], ["+", "+0", "a"]),
        (fields.CALLER_PATTERN, ["anonymous", "+9199*", "+919812345678", "+*"], ["*", "9199*", "anon"]),
        (fields.CLOCK_PATTERN, ["00:00", "23:59"], ["24:00", "9:00", "10:60"]),
        (fields.CLOCK_END_PATTERN, ["24:00", "00:00"], ["24:01", "25:00"]),
        (fields.OPTION_PATTERN, ["1", "*", "12"], ["", "#", "1#", "x"]),
        (fields.ENV_PATTERN, ["ROUTERD_SECRET_PSTN"], ["HOME", "ROUTERD_SECRET_", "XROUTERD_SECRET_A"]),
        (fields.FILE_PATTERN, ["pstn", "a.txt"], ["..", ".hidden", "a/b", "../x", ""]),
        (fields.NUMBER_SOURCE_PATTERN, ["request_uri", "header:X-Did"], ["header:", "from"]),
        (fields.USERNAME_PATTERN, ["2001", "asha@acme"], ['a"b', "a b", "a:b"]),
    ],
)
def test_patterns(pattern: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not re.search(pattern, text)] == []
    assert [text for text in bad if re.search(pattern, text)] == []
