from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from routerd.app.totals import Totals, render


def parsed(text: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_ends_of_calls_are_counted() -> None:
    totals = Totals()
    legs = [{"ringing_s": None}, {"ringing_s": 0.3}, {"ringing_s": 7.0}]
    answered = {"kind": "inbound", "outcome": "answered", "answered_at": 5.0, "duration_s": 42.0, "legs": legs}
    totals.hear("call.end", answered)
    totals.hear("call.end", {"kind": "inbound", "outcome": "rejected", "reason": "busy"})
    totals.hear("call.start", {"id": "x"})
    found = parsed(render(totals.samples()))
    assert found["routerd_calls_total", "inbound", "answered"] == 1
    assert found["routerd_calls_total", "inbound", "rejected"] == 1
    assert found["routerd_decisions_total", "busy"] == 1
    assert found["routerd_call_duration_seconds_sum",] == 42
    assert found["routerd_post_dial_delay_seconds_bucket", "0.5"] == 1
    assert found["routerd_post_dial_delay_seconds_count",] == 1


def test_messages_are_counted_by_what_became_of_them() -> None:
    totals = Totals()
    for visit in (
        {"voicemail": "box", "id": "a", "duration_s": 3.0, "ended": "digit"},
        {"voicemail": "box", "id": None, "dropped": "too_short"},
        {"voicemail": "box", "listened": 2, "deleted": 1},
    ):
        totals.hear("call.end", {"kind": "inbound", "outcome": "voicemail", "voicemail": visit})
    found = parsed(render(totals.samples()))
    names = {labels[1]: count for labels, count in found.items() if labels[0] == "routerd_voicemail_messages_total"}
    assert names == {"kept": 1, "too_short": 1}


def test_prometheus_reads_any_label() -> None:
    awkward = 'a"b\\c\nd'
    assert parsed(render([("trunk_up", {"trunk": awkward}, 1.0)])) == {("routerd_trunk_up", awkward): 1.0}


def test_large_counts_keep_their_digits() -> None:
    assert parsed(render([("x_total", {}, 1_234_567_890.0), ("y_total", {"a": "b"}, 12_345_678.0)])) == {
        ("routerd_x_total",): 1_234_567_890.0,
        ("routerd_y_total", "b"): 12_345_678.0,
    }
