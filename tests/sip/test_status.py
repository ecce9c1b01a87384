from __future__ import annotations

from routerd.sip.status import REASONS, reason


def test_known_codes_have_their_rfc_names() -> None:
    assert reason(180) == "Ringing"
    assert reason(422) == "Session Interval Too Small"
    assert reason(481) == "Call/Transaction Does Not Exist"


def test_unknown_codes_are_called_like_their_class() -> None:
    assert reason(499) == "Bad Request"
    assert reason(299) == "OK"
    assert reason(650) == "Decline"


def test_no_reason_can_break_a_line() -> None:
    assert all(text.isprintable() and text.isascii() and 100 <= code < 700 for code, text in REASONS.items())
