"""A caller waits in a queue with music, hears their place, and is through to the agent as soon as one answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kit import scenarios
from kit.baresip import Baresip
from kit.company import TRUNK_HOST, trunk
from kit.daemon import Daemon
from kit.ports import free_port
from kit.program import wait_until
from kit.rtp import RATE, RtpPeer
from kit.sipp import Sipp
from kit.tone import wait_heard
from kit.voices import MUSIC_HZ, QUEUE_NUMBER, sounds, speaking_company

if TYPE_CHECKING:
    from pathlib import Path

LIVENESS_S = 2.0


def test_music_the_place_and_the_agent(tmp_path: Path) -> None:
    document = speaking_company(trunk("pstn", free_port()), announce_every_s=3)
    with (
        Daemon(tmp_path, document, settings=sounds(tmp_path / "sounds")) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600, auto_answer=False) as bob,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        bob.wait_registered()
        talk = scenarios.invite(voice.sdp) + scenarios.expect_answer() + scenarios.ack()
        talk += scenarios.joined(voice.sdp) + scenarios.hung_up_by_peer()
        with Sipp(tmp_path, "caller", talk, remote=daemon.port, host=TRUNK_HOST, service=QUEUE_NUMBER) as caller:
            bob.wait_event("CALL_INCOMING")
            voice.wait_heard(MUSIC_HZ, seconds=2.0)
            before = voice.heard_s(MUSIC_HZ)
            # the place is spoken: for a second and more there is sound that is not the music
            wait_until(
                lambda: len(voice.samples) / RATE - voice.heard_s(MUSIC_HZ),
                lambda other_s: other_s > 1.0,
                20,
                "something else than music",
            )
            voice.wait_heard(MUSIC_HZ, seconds=before + 0.5)
            bob.accept()
            answered = time.monotonic()
            voice.wait_heard(600, seconds=0.05, timeout_s=10)
            through_s = time.monotonic() - answered
            voice.turn()
            wait_heard(bob.recordings, 1000)
            bob.hang_up()
            caller.finish()
        print(f"from the agent's answer to the first 50 ms of their voice at the caller: {through_s * 1000:.0f} ms")
        assert through_s < LIVENESS_S
        (record,) = daemon.wait_records(1)
        assert record["answered_by"] == "extension:2002", record
        assert {"music", "position-1"} <= {mark["detail"] for mark in record["timeline"]}
