from __future__ import annotations

from routerd.edge.metrics import Counters, Histogram, count


def samples(counters: Counters) -> dict[tuple[str, ...], float]:
    return {(name, *labels.values()): value for name, labels, value in counters.collect()}


def test_messages_are_counted_by_method_and_class() -> None:
    counters = Counters()
    received, sent = counters.meter("udp", "in"), counters.meter("tls", "out")
    count(received, b"INVITE sip:a SIP/2.0\r\n")
    count(received, b"INVITE sip:a SIP/2.0\r\n")
    count(received, b"SIP/2.0 180 Ringing\r\n")
    count(sent, b"SIP/2.0 486 Busy Here\r\n")
    found = samples(counters)
    assert found["sip_requests_total", "INVITE", "udp", "in"] == 2
    assert found["sip_responses_total", "1xx", "in"] == 1
    assert found["sip_responses_total", "4xx", "out"] == 1


def test_what_a_stranger_makes_up_costs_one_key() -> None:
    counters = Counters()
    meter = counters.meter("udp", "in")
    for number in range(1000):
        count(meter, b"M%d sip:a SIP/2.0\r\n" % number)
        count(meter, b"SIP/2.0 9%02d Made Up\r\n" % (number % 100))
        count(meter, b"no space in a very long beginning" * 3)
    count(meter, b"\r\n\r\n")
    assert dict(meter) == {b"OTHER": 3000}
    assert samples(counters)["sip_requests_total", "OTHER", "udp", "in"] == 3000


def test_histograms_are_cumulative() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)
    found = {(name, *labels.values()): value for name, labels, value in histogram.samples("lag")}
    assert found["lag_bucket", "0.1"] == 2
    assert found["lag_bucket", "1"] == 3
    assert found["lag_bucket", "+Inf"] == found["lag_count",] == 4
    assert abs(found["lag_sum",] - 7.65) < 1e-9


def test_notes_are_drops_by_reason() -> None:
    counters = Counters()
    counters.dropped["malformed"] += 3
    found = samples(counters)
    assert found["sip_dropped_total", "malformed"] == 3
    assert found["sip_malformed_total",] == 3


def test_how_parties_were_heard() -> None:
    counters = Counters()
    good = {"who": "caller", "packets": 100, "mos": 4.38, "loss": 0.0, "jitter_ms": 1.5}
    counters.heard({"heard": [good, {"who": "callee", "packets": 50, "mos": 2.2, "loss": 0.3, "jitter_ms": 60.0}]})
    counters.heard({"heard": [{"who": "caller", "packets": 0, "loss": 0.0}, {"who": "callee", "packets": 9}]})
    counters.heard(None)
    found = samples(counters)
    assert found["media_mos_count",] == 2
    assert (found["media_mos_bucket", "2.5"], found["media_mos_bucket", "+Inf"]) == (1, 2)
    assert (found["media_loss_ratio_bucket", "0"], found["media_loss_ratio_sum",]) == (1, 0.3)
    assert found["media_jitter_seconds_bucket", "0.002"] == 1
