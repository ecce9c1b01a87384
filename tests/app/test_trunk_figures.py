from __future__ import annotations

from typing import Any

from routerd.app.trunk_figures import WINDOW_S, TrunkFigures


def call(*legs: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"account": "acme", "legs": legs, "answered_at": None, **facts}


def leg(result: str, ringing_s: float | None = None, trunk: str | None = "pstn") -> dict[str, Any]:
    return {"trunk": trunk, "result": result, "start_s": 1.0, "ringing_s": ringing_s}


def test_answers_and_delays_by_trunk() -> None:
    now = [1000.0]
    figures = TrunkFigures(lambda: now[0])
    figures.hear("call.end", call(leg("answered", 1.5), leg("busy", 2.0)))
    figures.hear("call.end", call(leg("no_answer", 5.0), leg("answered", trunk=None)))
    figures.hear("call.end", call(leg("unreachable"), trunk="inbound", answered_at=5.0))
    figures.hear("call.end", call(trunk="inbound"))
    figures.hear("call.start", call(leg("answered")))
    found = figures.of("acme")
    assert found["pstn"] == {
        "attempts": 4, "answered": 1, "asr": 0.25, "inbound": 0, "inbound_answered": 0, "pdd_median_s": 1.0,
        "pdd_p95_s": 4.0,
    }  # fmt: skip
    assert (found["inbound"]["inbound"], found["inbound"]["inbound_answered"], found["inbound"]["asr"]) == (2, 1, None)
    assert figures.of("beta") == {}


def test_the_window_moves() -> None:
    now = [0.0]
    figures = TrunkFigures(lambda: now[0])
    figures.hear("call.end", call(leg("answered", 2.0)))
    now[0] = 1800.0
    figures.hear("call.end", call(leg("busy")))
    assert (figures.of("acme")["pstn"]["attempts"], figures.measured_s) == (2, 1800.0)
    now[0] = 3700.0
    assert figures.of("acme")["pstn"]["attempts"] == 1
    now[0] = 9000.0
    assert (figures.of("acme")["pstn"]["attempts"], figures.measured_s) == (0, WINDOW_S)
    figures.hear("call.end", call(leg("answered")))
    assert figures.of("acme")["pstn"]["asr"] == 1.0
