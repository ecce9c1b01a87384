from __future__ import annotations

from typing import Any

from routerd.b2bua.media_facts import media_facts

WHO = {"caller": "caller", "leg0": "callee"}


def heard(tag: str, packets: int, **more: Any) -> dict[str, Any]:
    return {"tag": tag, "packets": packets, "lost": 0, "jitter-us": 1500, "may-send": 1, **more}


def test_the_embedded_engine() -> None:
    far = heard("leg0", 97, lost=3, **{"mos-x100": 421, "round-trip-us": 40_500, "foreign": 7})
    facts = media_facts({"result": "ok", "totals": {"RTP": {}}, "heard": [heard("caller", 100), far]}, WHO)
    assert facts["totals"] == {"RTP": {}}
    assert facts["heard"] == [
        {"who": "caller", "packets": 100, "lost": 0, "loss": 0.0, "jitter_ms": 1.5},
        {
            "who": "callee", "packets": 97, "lost": 3, "loss": 0.03, "jitter_ms": 1.5, "mos": 4.21, "foreign": 7,
            "round_trip_ms": 40.5,
        },
    ]  # fmt: skip
    assert "one_way" not in facts


def test_one_way_with_a_cause() -> None:
    silent = heard("leg0", 0, **{"cause": "silent", "cause-text": "it sends nothing"})
    facts = media_facts({"heard": [heard("caller", 40), silent]}, WHO)
    assert (facts["one_way"], facts["one_way_cause"]) == ("caller only", "it sends nothing")
    assert facts["heard"][1]["cause"] == "silent"


def test_one_way_in_a_call_too_short_for_the_engine_to_say_so() -> None:
    assert media_facts({"heard": [heard("caller", 0), heard("leg0", 150)]}, WHO)["one_way"] == "callee only"
    assert "one_way" not in media_facts({"heard": [heard("caller", 0), heard("leg0", 50)]}, WHO)
    assert "one_way" not in media_facts({"heard": [heard("caller", 0, **{"may-send": 0}), heard("leg0", 150)]}, WHO)


def test_alone_with_the_house() -> None:
    facts = media_facts({"heard": [heard("caller", 500), heard("house", 0)]}, WHO)
    assert [one["who"] for one in facts["heard"]] == ["caller"]
    assert "one_way" not in facts


def test_rtpengine() -> None:
    """As Debian's rtpengine 10.5 tells it; the caller's packets were lost, so the callee reported it."""

    def party(packets: int, ssrc: int) -> dict[str, Any]:
        streams = [{"SSRC": ssrc, "stats": {"packets": packets}}, {"stats": {"packets": 3}}]
        return {"medias": [{"index": 1, "streams": streams}]}

    reports = {
        "1": {"cumulative loss": 0, "average MOS": {"MOS": 43, "round-trip time": 113868, "jitter": 2}},
        "2": {"cumulative loss": 7, "average MOS": {"MOS": 40, "round-trip time": 112087, "jitter": 5}},
    }
    tags = {"caller": party(143, 1), "leg0": party(150, 2), "house": party(0, 3)}
    facts = media_facts({"totals": {}, "tags": tags, "SSRC": reports}, WHO)
    assert facts["heard"] == [
        {
            "who": "caller", "packets": 143, "lost": 7, "loss": 0.0467, "jitter_ms": 5.0, "round_trip_ms": 112.1,
            "mos": 4.0,
        },
        {
            "who": "callee", "packets": 150, "lost": 0, "loss": 0.0, "jitter_ms": 2.0, "round_trip_ms": 113.9,
            "mos": 4.3,
        },
    ]  # fmt: skip


def test_rtpengine_without_reports() -> None:
    facts = media_facts({"tags": {"caller": {"medias": []}, "leg0": {}}, "SSRC": {}}, WHO)
    assert facts["heard"] == [{"who": "caller", "packets": 0}, {"who": "callee", "packets": 0}]


def test_nothing_was_told() -> None:
    assert media_facts(None, WHO) == {}
    assert media_facts({"result": "ok"}, WHO) == {}
