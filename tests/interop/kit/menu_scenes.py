"""What phones do with a menu and a queue, whichever media engine serves them: the same script for each engine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kit import scenarios
from kit.baresip import Baresip
from kit.company import BOB_NUMBER, CUSTOMER, TRUNK_HOST, trunk
from kit.daemon import Daemon
from kit.linphone import Linphone
from kit.ports import free_port
from kit.rtp import RATE, RtpPeer
from kit.sipp import Sipp
from kit.tone import wait_heard, write_samples
from kit.voices import HOLD_HZ, LABEL_HZ, MENU_NUMBER, WELCOME_HZ, sounds, speaking_company

if TYPE_CHECKING:
    from pathlib import Path

ONE_HZ = (697, 1209)


def daemon_of(tmp_path: Path, media: dict[str, Any] | None, *trunks: dict[str, Any], **more: Any) -> Daemon:
    """A daemon with the speaking company and its sounds."""
    return Daemon(tmp_path, speaking_company(*trunks, **more), media=media, settings=sounds(tmp_path / "sounds"))


def baresip_presses(tmp_path: Path, media: dict[str, Any] | None, way: str) -> None:
    """baresip hears the prompt, presses 1 by ``way``, hears ringing, and talks to whom it chose."""
    more = "dtmfmode=info;" if way == "info" else ""
    with (
        daemon_of(tmp_path, media) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600, auto_answer=False) as bob,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440, more=more) as alice,
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
        (record,) = daemon.wait_records(1)
        assert record["answered_by"] == "extension:2002", record


def linphone_presses(tmp_path: Path, media: dict[str, Any] | None, way: str) -> None:
    """The same with linphone."""
    with (
        daemon_of(tmp_path, media) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        Linphone(tmp_path, "2001", server=daemon.port, frequency=440, info=way == "info") as alice,
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
        (record,) = daemon.wait_records(1)
        assert record["answered_by"] == "extension:2002", record


def trunk_presses_by_tones(tmp_path: Path, media: dict[str, Any] | None) -> None:
    """A trunk without telephone-event plays a WAV that holds the two tones of a 1."""
    with (
        daemon_of(tmp_path, media, trunk("pstn", free_port())) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600, auto_answer=False) as bob,
        RtpPeer(1000, TRUNK_HOST, mute=True) as voice,
    ):
        bob.wait_registered()
        voice.play_file(write_pressed(tmp_path / "one.wav", ONE_HZ))
        plain = "\n".join(line for line in voice.sdp.splitlines() if ":101" not in line).replace(" 101", "")
        talk = scenarios.invite(plain) + scenarios.expect_answer() + scenarios.ack() + scenarios.pause(4000)
        talk += scenarios.bye()
        with Sipp(tmp_path, "caller", talk, remote=daemon.port, host=TRUNK_HOST, service=MENU_NUMBER) as caller:
            voice.wait_heard(WELCOME_HZ)
            voice.mute = False
            bob.wait_event("CALL_INCOMING")
            caller.finish()
        (record,) = daemon.wait_records(1)
        assert [leg["target"] for leg in record["legs"]] == ["extension:2002"], record


def write_pressed(path: Path, tones: tuple[int, int]) -> Path:
    """A second of a WAV with a key pressed for 120 ms in its middle."""
    steps = [2 * math.pi * tone / RATE for tone in tones]
    sound = (int(sum(6000 * math.sin(step * i) for step in steps)) if 4000 <= i < 4960 else 0 for i in range(RATE))
    return write_samples(path, sound)


def held_with_music(tmp_path: Path, media: dict[str, Any] | None) -> None:
    """Bob holds a caller, who hears the account's music, and him again when he resumes."""
    with (
        daemon_of(tmp_path, media, trunk("pstn", free_port())) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        bob.wait_registered()
        talk = scenarios.invite(voice.sdp) + scenarios.expect_answer() + scenarios.ack()
        talk += scenarios.hold_and_resume(voice.sdp) + scenarios.hung_up_by_peer()
        with Sipp(tmp_path, "caller", talk, remote=daemon.port, host=TRUNK_HOST, service=BOB_NUMBER) as caller:
            voice.wait_heard(600)
            bob.hold()
            voice.wait_heard(HOLD_HZ)
            bob.resume()
            voice.wait_heard(600, seconds=voice.heard_s(600) + 0.5)
            bob.hang_up()
            caller.finish()


def whispered(tmp_path: Path, media: dict[str, Any] | None) -> None:
    """Bob hears the number's label before he hears the caller."""
    number = {"number": "+918069651199", "destination": {"type": "agent", "id": "bob"}, "whisper": "label"}
    document = speaking_company(trunk("pstn", free_port()))
    document["numbers"].append(number)
    with (
        Daemon(tmp_path, document, media=media, settings=sounds(tmp_path / "sounds")) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600) as bob,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        bob.wait_registered()
        talk = scenarios.invite(voice.sdp) + scenarios.expect_answer() + scenarios.ack() + scenarios.hung_up_by_peer()
        with Sipp(tmp_path, "caller", talk, remote=daemon.port, host=TRUNK_HOST, service=number["number"]) as caller:
            wait_heard(bob.recordings, LABEL_HZ)
            voice.wait_heard(600)
            wait_heard(bob.recordings, 1000)
            bob.hang_up()
            caller.finish()


def info_becomes_events(tmp_path: Path, media: dict[str, Any] | None) -> None:
    """baresip presses by INFO, the trunk names no INFO but knows events: it gets an event, and but one."""
    port = free_port()
    with (
        daemon_of(tmp_path, media, trunk("pstn", port)) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440, more="dtmfmode=info;") as alice,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        alice.wait_registered()
        talk = scenarios.answer_call(voice.sdp) + scenarios.hung_up_by_peer()
        with Sipp(tmp_path, "called", talk, host=TRUNK_HOST, port=port) as called:
            assert alice.dial(f"sip:{CUSTOMER}@acme.test")["ok"]
            alice.wait_event("CALL_RTPESTAB")
            voice.wait_heard(440)
            alice.send_digits("7")
            voice.wait_digit("7")
            alice.hang_up()
            called.finish().assert_clean(1)
        assert voice.digits == ["7"]
