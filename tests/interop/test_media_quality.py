"""How each party was heard stands in the record and on the metrics page: loss, a score, one-way audio and its cause."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from kit import scenarios
from kit.baresip import Baresip
from kit.company import CUSTOMER, TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.ports import free_port
from kit.program import wait_until
from kit.rtp import RtpPeer
from kit.sipp import Sipp

if TYPE_CHECKING:
    from pathlib import Path

RELEASED = scenarios.hung_up_by_peer()


class Poor(RtpPeer):
    """Every fifth packet of its voice is lost."""

    def _head(self, kind: int, stamp: int) -> bytes:
        if not hasattr(self, "_sent"):
            self._sent = itertools.count(1)
        if next(self._sent) % 4 == 0:
            next(self._numbers)  # this one went missing
        return super()._head(kind, stamp)


def test_a_poor_line_and_a_good_one(tmp_path: Path) -> None:
    port = free_port()
    with (
        Daemon(tmp_path, company(trunk("pstn", port))) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        Poor(1000, TRUNK_HOST) as far,
        Sipp(tmp_path, "called", scenarios.answer_call(far.sdp) + RELEASED, host=TRUNK_HOST, port=port) as called,
    ):
        alice.wait_registered()
        assert alice.dial(f"sip:{CUSTOMER}@acme.test")["ok"]
        far.wait_heard(440, seconds=3)
        alice.hang_up()
        called.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        caller, callee = record["media"]["heard"]
        assert (caller["who"], callee["who"]) == ("caller", "callee")
        assert caller["loss"] < 0.02
        assert 0.15 < callee["loss"] < 0.25
        assert caller["mos"] > 4
        assert callee["mos"] < 3
        assert "one_way" not in record["media"]
        assert daemon.metric("media_mos_count") == 2
        assert daemon.metric("media_mos_bucket", 'le="3"') == 1
        assert daemon.metric("media_loss_ratio_bucket", 'le="0.1"') == 1
        assert daemon.metric("media_jitter_seconds_count") == 2


def test_one_way_audio_names_the_silent_party_and_why(tmp_path: Path) -> None:
    port = free_port()
    with (
        Daemon(tmp_path, company(trunk("pstn", port))) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        RtpPeer(1000, TRUNK_HOST, mute=True) as silent,
        Sipp(tmp_path, "called", scenarios.answer_call(silent.sdp) + RELEASED, host=TRUNK_HOST, port=port) as called,
    ):
        alice.wait_registered()
        assert alice.dial(f"sip:{CUSTOMER}@acme.test")["ok"]
        silent.wait_heard(440)
        labels = 'cause="silent",direction="caller only"'
        wait_until(lambda: daemon.metric("media_one_way_total", labels), lambda count: count == 1, 30, "one-way call")
        alice.hang_up()
        called.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        media = record["media"]
        assert media["one_way"] == "caller only"
        assert media["one_way_cause"] == f"it sends nothing from {TRUNK_HOST}:{silent.port}"
        assert media["heard"][1]["cause"] == "silent"
