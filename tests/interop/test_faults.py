"""What breaks while calls are on: a process dies, the store cannot be written, rubbish comes, a start is hopeless."""

from __future__ import annotations

import contextlib
import resource
import socket
from typing import TYPE_CHECKING

import pytest

from kit import scenarios
from kit.company import BOB_NUMBER, TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.options import ask
from kit.pjsua2_phone import Pjsua2Phone
from kit.ports import HOST, free_port
from kit.program import wait_until
from kit.rtp import RtpPeer
from kit.sipp import Sipp
from kit.tone import seconds_of, wait_heard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Talk:
    """Alice (440 Hz) and Bob (600 Hz) in a call; ``assert_alive`` wants more of both tones than there was."""

    def __init__(self, alice: Pjsua2Phone, bob: Pjsua2Phone) -> None:
        self.alice, self.bob = alice, bob
        for phone in (alice, bob):
            phone.wait_registered()
        since = bob.mark()
        self.at_alice = alice.dial("sip:1002@acme.test")
        alice.wait_state(self.at_alice, "CONFIRMED")
        self.at_bob = bob.wait_incoming(after=since)
        self.assert_alive()

    def assert_alive(self, seconds: float = 1.0, timeout_s: float = 30) -> None:
        for phone, call, frequency in ((self.alice, self.at_alice, 600), (self.bob, self.at_bob, 440)):
            heard = sum(seconds_of(path, frequency) for path in phone.recording(call))
            wait_heard(lambda p=phone, c=call: p.recording(c), frequency, seconds=heard + seconds, timeout_s=timeout_s)  # type: ignore[misc]

    def hang_up(self) -> None:
        self.alice.command("hang_up", call=self.at_alice)
        self.bob.wait_state(self.at_bob, "DISCONNECTED")


@contextlib.contextmanager
def talking(folder: Path, daemon: Daemon) -> Iterator[Talk]:
    with (
        Pjsua2Phone(folder, "2001", server=daemon.port, frequency=440) as alice,
        Pjsua2Phone(folder, "2002", server=daemon.port, frequency=600) as bob,
    ):
        yield Talk(alice, bob)


def test_the_media_process_dies_and_the_voices_come_back(tmp_path: Path) -> None:
    with Daemon(tmp_path, company()) as daemon, talking(tmp_path, daemon) as talk:
        daemon.kill_child("media")
        talk.assert_alive(2)
        talk.hang_up()
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "answered", record
        wait_until(lambda: daemon.metric("media_sessions_active"), lambda count: count == 0, 10, "no session")


def test_the_sip_process_dies_and_its_phones_are_still_known(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company(trunk("pstn", free_port()))) as daemon,
        talking(tmp_path, daemon) as talk,
        RtpPeer(1000, TRUNK_HOST) as voice,
    ):
        restarted = daemon.program.lines
        daemon.kill_child("sip")
        daemon.wait_sip()
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "crashed", record
        assert any("process died: starting it again" in line and "SIGKILL" in line for line in restarted.events)
        # nobody has registered again: pjsua2 does so every 60 s
        since = talk.bob.mark()
        said = scenarios.invite(voice.sdp) + scenarios.expect_answer() + scenarios.ack() + scenarios.hung_up_by_peer()
        with Sipp(tmp_path, "caller", said, remote=daemon.port, host=TRUNK_HOST, service=BOB_NUMBER) as caller:
            second = talk.bob.wait_incoming(after=since)
            voice.wait_heard(600)
            talk.bob.command("hang_up", call=second)
            caller.finish().assert_clean(1)
        assert [record["outcome"] for record in daemon.wait_records(2)] == ["crashed", "answered"]


def test_the_control_process_dies_and_the_records_come_later(tmp_path: Path) -> None:
    with Daemon(tmp_path, company()) as daemon, talking(tmp_path, daemon) as talk:
        daemon.kill_child("control")
        talk.assert_alive()
        talk.hang_up()
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "answered", record
        assert daemon.metric("records_queued") == 0


def test_an_unwritable_store_keeps_nobody_from_calling(tmp_path: Path) -> None:
    """The limit on file sizes is a full disk that a test can have without being root."""
    with Daemon(tmp_path, company()) as daemon, talking(tmp_path, daemon) as talk:
        control = daemon.child("control")
        resource.prlimit(control, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        talk.hang_up()
        daemon.program.wait_line("store unwritable: records wait in memory", 30)
        second = Talk(talk.alice, talk.bob)
        assert daemon.metric("records_queued") > 0
        assert daemon.metric("store_failing") == 1
        assert daemon.records() == []
        resource.prlimit(control, resource.RLIMIT_FSIZE, UNLIMITED)
        daemon.program.wait_line("store writable again", 30)
        second.hang_up()
        assert [record["outcome"] for record in daemon.wait_records(2)] == ["answered", "answered"]
        wait_until(lambda: daemon.metric("records_queued"), lambda queued: queued == 0, 10, "empty spool")


RUBBISH = (
    b"\xff" * 200,
    b"INVITE",
    b"INVITE sip:1002@acme.test SIP/2.0\r\n",
    b"SIP/2.0 200 OK\r\n\r\n",
    b"SIP/2.0 999999999999 OK\r\nVia: x\r\nCSeq: 1 INVITE\r\n\r\n",
    b"\x80\x08\x00\x01" + b"\x00" * 170,
    b"A" * 60_000,
    b"INVITE sip:x SIP/2.0\r\n" + b"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n" * 1000 + b"\r\n",
    b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"REGISTER sip:acme.test SIP/2.0\r\nTo: <sip:2002@acme.test\r\nContact: *\r\nExpires: 0\r\n\r\n",
)
ADDRESSABLE = (
    "INVITE sip:1002@acme.test SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKbad;rport\r\n"
    "From: <sip:a@acme.test>;tag=1\r\nTo: <sip:b@acme.test>\r\nCall-ID: bad@here\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContact: <sip:a@{host}:{port}>\r\nContent-Length: 0\r\n\r\n"
)


def test_rubbish_does_not_disturb_a_call(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        talking(tmp_path, daemon) as talk,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.bind((HOST, 0))
        sock.settimeout(10)
        for _ in range(10):
            for rubbish in RUBBISH:
                sock.sendto(rubbish, (HOST, daemon.port))
        sock.sendto(ADDRESSABLE.format(host=HOST, port=sock.getsockname()[1]).encode(), (HOST, daemon.port))
        while not (answer := sock.recv(65536)).startswith(b"SIP/2.0 400 ") or b"bad@here" not in answer:
            pass
        talk.assert_alive()
        assert daemon.metric("sip_malformed_total") >= 10
        assert daemon.metric("sip_faults_total") == 0
        talk.hang_up()
        assert daemon.wait_records(1)[0]["outcome"] == "answered"
        assert ask(daemon.port, 5) == 200


def test_a_port_in_use_is_named_with_who_has_it(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, company(), start=False)
    with Sipp(tmp_path, "squatter", scenarios.answer_call(""), port=daemon.port) as squatter:
        wait_until(lambda: squatter.program.process.poll() is None and _bound(daemon.port), bool, 10, "squatter")
        status, said = daemon.refuse_to_start()
        assert status == 2, said
        assert f"udp:{HOST}:{daemon.port} is in use by pid {squatter.program.pid} (sipp" in said


@pytest.mark.parametrize("what", ["settings", "document"])
def test_everything_wrong_is_said_at_once(tmp_path: Path, what: str) -> None:
    if what == "settings":
        wrong = {"media": {"timeout_s": "soon", "dscp": 99}, "limits": {"max_cals": 3}}
        daemon = Daemon(tmp_path, company(), settings=wrong, start=False)
        expected = ["media/timeout_s", "media/dscp", "max_cals", "routerd.toml"]
    else:
        people = company(trunk("pstn", free_port()))
        people["numbers"][0]["destination"]["id"] = "nobody"
        people["agents"][0]["extension"] = "9999"
        people["outbound_routes"][0]["trunks"] = ["none"]
        daemon = Daemon(tmp_path, people, start=False)
        expected = ["/numbers/0", "/agents/0", "/outbound_routes/0", "document.yaml"]
    status, said = daemon.refuse_to_start()
    assert status == 2, said
    for words in expected:
        assert words in said
    assert "nothing was started" in said
    assert not (daemon.folder / "run").exists()


def _bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((HOST, port))
        except OSError:
            return True
    return False
