"""What phones do with a menu and a queue, whichever media engine serves them: the same script for each engine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kit import scenarios
from kit.baresip import Baresip
from kit.company import BOB_NUMBER, CUSTOMER, TRUNK_HOST
from kit.linphone import Linphone
from kit.rtp import RATE, RtpPeer
from kit.stage import LABEL_NUMBER, OUT_HOST
from kit.tone import wait_heard, write_samples
from kit.voices import HOLD_HZ, LABEL_HZ, MENU_NUMBER, WELCOME_HZ

if TYPE_CHECKING:
    from pathlib import Path

    from kit.stage import Stage

ONE_HZ = (697, 1209)


def baresip_presses(stage: Stage, way: str) -> None:
    """baresip hears the prompt, presses 1 by ``way``, hears ringing, and talks to whom it chose."""
    more = "dtmfmode=info;" if way == "info" else ""
    with (
        Baresip(stage.folder, "2002", server=stage.port, frequency=600, auto_answer=False) as bob,
        Baresip(stage.folder, "2001", server=stage.port, frequency=440, more=more) as alice,
    ):
        bob.wait_registered()
        alice.wait_registered()
        assert alice.dial(f"sip:{MENU_NUMBER}@acme.test")["ok"]
        wait_heard(alice.recordings, WELCOME_HZ)
        alice.send_digits("1")
        bob.wait_event("CALL_INCOMING")
        wait_heard(alice.recordings, HOLD_HZ)  # the account's ringing tone
        bob.accept()
        wait_heard(alice.recordings, 600)
        wait_heard(bob.recordings, 440)
        alice.hang_up()
        record = stage.record()
        assert record["answered_by"] == "extension:2002", record


def linphone_presses(stage: Stage, way: str) -> None:
    """The same with linphone."""
    with (
        Baresip(stage.folder, "2002", server=stage.port, frequency=600) as bob,
        Linphone(stage.folder, "2001", server=stage.port, frequency=440, info=way == "info") as alice,
    ):
        bob.wait_registered()
        alice.wait_registered()
        alice.dial(f"sip:{MENU_NUMBER}@acme.test")
        wait_heard(alice.recordings, WELCOME_HZ)
        alice.send_digit("1")
        bob.wait_event("CALL_RTPESTAB")
        wait_heard(alice.recordings, 600)
        wait_heard(bob.recordings, 440)
        alice.hang_up()
        record = stage.record()
        assert record["answered_by"] == "extension:2002", record


def trunk_presses_by_tones(stage: Stage) -> None:
    """A trunk without telephone-event plays a WAV that holds the two tones of a 1."""
    with (
        Baresip(stage.folder, "2002", server=stage.port, frequency=600, auto_answer=False) as bob,
        RtpPeer(1000, TRUNK_HOST, mute=True) as voice,
    ):
        bob.wait_registered()
        voice.play_file(write_pressed(stage.folder / "one.wav", ONE_HZ))
        plain = "\n".join(line for line in voice.sdp.splitlines() if ":101" not in line).replace(" 101", "")
        with stage.calling(plain, MENU_NUMBER, scenarios.hung_up_by_peer()) as caller:
            voice.wait_heard(WELCOME_HZ)
            voice.mute = False
            bob.wait_event("CALL_INCOMING")
            stage.hang_up()
            caller.finish().assert_clean(1)
        record = stage.record()
        assert [leg["target"] for leg in record["legs"]] == ["extension:2002"], record


def write_pressed(path: Path, tones: tuple[int, int]) -> Path:
    """A second of a WAV with a key pressed for 120 ms in its middle."""
    steps = [2 * math.pi * tone / RATE for tone in tones]
    sound = (int(sum(6000 * math.sin(step * i) for step in steps)) if 4000 <= i < 4960 else 0 for i in range(RATE))
    return write_samples(path, sound)


def held_with_music(stage: Stage) -> None:
    """Bob holds a caller, who hears the account's music, and him again when he resumes."""
    with (
        Baresip(stage.folder, "2002", server=stage.port, frequency=600) as bob,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        bob.wait_registered()
        after = scenarios.hold_and_resume(voice.sdp) + scenarios.hung_up_by_peer()
        with stage.calling(voice.sdp, BOB_NUMBER, after) as caller:
            voice.wait_heard(600)
            bob.hold()
            voice.wait_heard(HOLD_HZ)
            bob.resume()
            voice.wait_heard(600, seconds=voice.heard_s(600) + 0.5)
            bob.hang_up()
            caller.finish()
        assert stage.record()["outcome"] == "answered"


def whispered(stage: Stage) -> None:
    """Bob hears the number's label before he hears the caller."""
    with (
        Baresip(stage.folder, "2002", server=stage.port, frequency=600) as bob,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        bob.wait_registered()
        with stage.calling(voice.sdp, LABEL_NUMBER, scenarios.hung_up_by_peer()) as caller:
            wait_heard(bob.recordings, LABEL_HZ)
            voice.wait_heard(600)
            wait_heard(bob.recordings, 1000)
            bob.hang_up()
            caller.finish()
        assert stage.record()["outcome"] == "answered"


def info_becomes_events(stage: Stage) -> None:
    """baresip presses by INFO, the trunk names no INFO but knows events: it gets an event, and but one."""
    with (
        Baresip(stage.folder, "2001", server=stage.port, frequency=440, more="dtmfmode=info;") as alice,
        RtpPeer(1000, OUT_HOST) as voice,
    ):
        alice.wait_registered()
        talk = scenarios.answer_call(voice.sdp) + scenarios.hung_up_by_peer()
        with stage.called(talk) as called:
            assert alice.dial(f"sip:{CUSTOMER}@acme.test")["ok"]
            alice.wait_event("CALL_RTPESTAB")
            voice.wait_heard(440)
            alice.send_digits("7")
            voice.wait_digit("7")
            alice.hang_up()
            called.finish().assert_clean(1)
        assert voice.digits == ["7"]
        assert stage.record()["outcome"] == "answered"
