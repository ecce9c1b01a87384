from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import RemoteProtocolError
from routerd.sip import build
from routerd.sip.session_timer import (
    MIN_SE,
    SessionTimer,
    SessionTimerOffer,
    from_response,
    negotiate_uas,
    request_headers,
    response_headers,
    too_small_headers,
)

if TYPE_CHECKING:
    from routerd.sip.message import Request, Response


def request(*extra: tuple[str, str]) -> Request:
    return build.request(
        "INVITE",
        "sip:b@example.com",
        via="SIP/2.0/UDP h;branch=z9hG4bKx",
        from_="<sip:a@example.com>;tag=a",
        to="<sip:b@example.com>",
        call_id="c",
        cseq=1,
        extra=extra,
    )


def response(*extra: tuple[str, str], status: int = 200) -> Response:
    return build.response(request(), status, to_tag="b", extra=extra)


KNOWS = ("Supported", "100rel, timer")
OURS = SessionTimerOffer(1800)


def test_instants() -> None:
    timer = SessionTimer(1800, refresher_is_us=True)
    assert timer.refresh_after_s == 900
    assert timer.expire_after_s == 1800 - 32
    assert SessionTimer(90, refresher_is_us=False).expire_after_s == 60


def test_nothing_is_ever_under_90_seconds() -> None:
    assert SessionTimer(10, refresher_is_us=True).interval_s == MIN_SE
    assert SessionTimerOffer(30, 30).interval_s == MIN_SE
    assert SessionTimerOffer(30, 30).min_se_s == MIN_SE
    assert from_response(response(("Session-Expires", "5;refresher=uac")), OURS) == SessionTimer(
        90, refresher_is_us=True
    )


# RFC 4028 §9, table 2
@pytest.mark.parametrize(
    ("knows", "asked", "preference", "us"),
    [
        (False, None, "", True),
        (False, "1000", "", True),
        (False, "1000", "peer", True),
        (True, "1000", "", False),
        (True, "1000", "us", True),
        (True, "1000", "peer", False),
        (True, "1000;refresher=uac", "us", False),
        (True, "1000;refresher=uas", "peer", True),
        (True, "1000;Refresher=UAS", "", True),
        (True, None, "us", True),
    ],
)
def test_who_refreshes(*, knows: bool, asked: str | None, preference: str, us: bool) -> None:
    extra = ([KNOWS] if knows else []) + ([("Session-Expires", asked)] if asked else [])
    timer = negotiate_uas(request(*extra), SessionTimerOffer(1800, refresher=preference))
    assert timer is not None
    assert timer.refresher_is_us is us


def test_the_uas_shortens_down_to_min_se_and_never_lengthens() -> None:
    def agreed(asked: str, *extra: tuple[str, str]) -> int:
        timer = negotiate_uas(request(KNOWS, ("Session-Expires", asked), *extra), OURS)
        assert timer is not None
        return timer.interval_s

    assert agreed("600") == 600
    assert agreed("7200") == 1800
    assert agreed("7200", ("Min-SE", "3600")) == 3600
    assert agreed("100") == 100


def test_a_request_without_session_expires_gets_our_interval() -> None:
    assert negotiate_uas(request(KNOWS), OURS) == SessionTimer(1800, refresher_is_us=False)
    assert negotiate_uas(request(("Min-SE", "4000")), OURS) == SessionTimer(4000, refresher_is_us=True)


def test_too_small_is_422_with_min_se() -> None:
    ours = SessionTimerOffer(1800, 120)
    for asked in ("30", "90", "119"):
        with pytest.raises(RemoteProtocolError) as caught:
            negotiate_uas(request(KNOWS, ("Session-Expires", asked)), ours)
        assert caught.value.status_hint == 422
    assert too_small_headers(ours) == [("Min-SE", "120")]
    assert negotiate_uas(request(KNOWS, ("Session-Expires", "120")), ours) == SessionTimer(120, refresher_is_us=False)


def test_a_proxys_small_interval_is_ignored_for_a_uac_without_timers() -> None:
    assert negotiate_uas(request(("Session-Expires", "30")), OURS) == SessionTimer(1800, refresher_is_us=True)


@pytest.mark.parametrize(
    "header", [("Session-Expires", "soon"), ("Session-Expires", "-5"), ("Min-SE", "x"), ("Session-Expires", "90;=")]
)
def test_malformed_is_400(header: tuple[str, str]) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        negotiate_uas(request(KNOWS, header), OURS)
    assert caught.value.status_hint == 400


def test_no_timers_without_an_offer_of_ours() -> None:
    assert negotiate_uas(request(KNOWS, ("Session-Expires", "30")), None) is None
    assert request_headers(None) == []
    assert response_headers(None, request(KNOWS)) == []
    assert from_response(response(("Session-Expires", "100")), None) is None


def test_response_headers_require_timer_only_of_who_knows() -> None:
    timer = SessionTimer(600, refresher_is_us=False)
    assert response_headers(timer, request(KNOWS)) == [
        ("Session-Expires", "600;refresher=uac"),
        ("Require", "timer"),
    ]
    timer = SessionTimer(600, refresher_is_us=True)
    assert response_headers(timer, request()) == [("Session-Expires", "600;refresher=uas")]


def test_request_headers() -> None:
    assert request_headers(OURS) == [("Supported", "timer"), ("Session-Expires", "1800")]
    assert request_headers(SessionTimerOffer(600, 200, "us")) == [
        ("Supported", "timer"),
        ("Session-Expires", "600;refresher=uac"),
        ("Min-SE", "200"),
    ]
    assert request_headers(OURS, SessionTimer(300, refresher_is_us=True))[1] == (
        "Session-Expires",
        "300;refresher=uac",
    )
    assert request_headers(OURS, SessionTimer(300, refresher_is_us=False))[1] == (
        "Session-Expires",
        "300;refresher=uas",
    )


def test_the_uac_reads_the_2xx() -> None:
    assert from_response(response(("Session-Expires", "600;refresher=uas")), OURS) == SessionTimer(
        600, refresher_is_us=False
    )
    assert from_response(response(("Session-Expires", "600;refresher=uac")), OURS) == SessionTimer(
        600, refresher_is_us=True
    )
    assert from_response(response(), OURS) is None
    assert from_response(response(("Session-Expires", "nonsense")), OURS) is None
    assert from_response(response(), OURS, insist=True) == SessionTimer(1800, refresher_is_us=True)


def test_the_next_try_after_422() -> None:
    again = SessionTimerOffer(600).after_422(response(("Min-SE", "3600"), status=422))
    assert again is not None
    assert (again.interval_s, again.min_se_s) == (3600, 3600)
    assert again.after_422(response(("Min-SE", "3600"), status=422)) is None
    assert OURS.after_422(response(("Min-SE", "x"), status=422)) is None
    again = OURS.after_422(response(("Min-SE", "120"), status=422))
    assert again is not None
    assert (again.interval_s, again.min_se_s) == (1800, 120)


@given(st.integers(90, 100_000), st.integers(90, 10_000), st.sampled_from(("", "us", "peer")))
def test_two_of_us_agree(interval: int, least: int, preference: str) -> None:
    uac = SessionTimerOffer(interval, least, preference)
    uas = SessionTimerOffer(1800)
    asked = request(*request_headers(uac))
    theirs = negotiate_uas(asked, uas)
    ours = from_response(response(*response_headers(theirs, asked)), uac)
    assert theirs is not None
    assert ours is not None
    assert ours.interval_s == theirs.interval_s
    assert ours.refresher_is_us is not theirs.refresher_is_us
    assert least <= ours.interval_s <= max(interval, least)
    assert ours.refresh_after_s < ours.expire_after_s < ours.interval_s
