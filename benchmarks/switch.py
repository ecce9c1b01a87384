"""What one call costs the switch alone, without sockets: CPU-µs a call and KiB a held call.

INVITE, 100, 180, 200, ACK, BYE, 200 through the B2BUA from a trunk to a phone, direct media, decision with trace,
records. Run: ``python benchmarks/switch.py`` (``--profile`` says where the time goes, ``--held 1000`` sets how many
calls are held). Figures of one run compare only with another run of the same minute on the same quiet machine.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from routerd.app.host_files import zone_data
from routerd.b2bua import effects as fx
from routerd.b2bua.settings import Listener, SwitchSettings
from routerd.b2bua.switch import Switch
from routerd.config.compile import compile_account
from routerd.config.load import load, numbering
from routerd.config.snapshot import build_snapshot
from routerd.sip import build
from routerd.sip.dialog import Dialog
from routerd.sip.flow import Flow
from routerd.sip.message import Request, Response
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize
from routerd.sip.tokens import SeededTokens

DEMO = Path(__file__).resolve().parent.parent / "conf" / "demo.yaml"
CHANGES = {
    "max_channels: 50": "max_channels: null",
    "max_channels: 30": "media: direct",
    "password: asha-demo-2001": "password: asha-demo-2001, media: direct",
    "\nblocked_callers:": '  - {number: "+918069651198", destination: {type: external, number: "+919000000009"}}\n'
    "\nblocked_callers:",
}
ASHA, OUTSIDE = "+918069651170", "+918069651198"  # an agent has one call, a trunk as many as are wanted
LOCAL = ("127.0.0.1", 5060)
TRUNK, PHONE = Flow("udp", LOCAL, ("127.0.0.1", 5080)), Flow("udp", LOCAL, ("127.0.0.9", 7000))
WALL = 1_795_500_000.0
CONTACT = [("Contact", "<sip:2001@127.0.0.9:7000>")]
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n"
    b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
)


def make_switch() -> Switch:
    """A switch that routes the demo document with one phone registered."""
    text = DEMO.read_text()
    for old, new in CHANGES.items():
        text = text.replace(old, new)
    document = load(text.encode(), source="demo", secrets=lambda _: "")
    tables = compile_account(document, version=1, zone_data=zone_data, sound_durations={}, numbering=numbering())
    settings = SwitchSettings(listeners=(Listener("udp", *LOCAL),), strict=True)
    switch = Switch(settings, SeededTokens(1), wall_offset=WALL)
    switch.install(build_snapshot([tables], 1), 0.0)
    binding = {"account": "acme", "extension": "2001", "uri": "sip:2001@127.0.0.9:7000", "transport": "udp"}
    binding |= {"local": LOCAL, "remote": PHONE.remote, "path": [], "expires_at": WALL + 360_000, "q": 1.0}
    binding |= {"instance": None, "reg_id": None, "call_id": "r", "cseq": 1, "user_agent": "", "registered_at": WALL}
    switch.location.restore(binding, 0.0)
    return switch


class Bench:
    """Plays both peers; only the time within the switch counts."""

    def __init__(self) -> None:
        self.switch = make_switch()
        self.spent_s = 0.0
        self.profile: cProfile.Profile | None = None

    def feed(self, message: Request | Response, flow: Flow, now: float) -> list[Request | Response]:
        """Give the switch one message; what it sends, parsed."""
        data, switch, profile = serialize(message), self.switch, self.profile
        if profile is not None:
            profile.enable()
        start = time.perf_counter()
        switch.receive_datagram(data, flow, now)
        effects = switch.take_effects()
        self.spent_s += time.perf_counter() - start
        if profile is not None:
            profile.disable()
        return [parse(effect.data) for effect in effects if type(effect) is fx.Transmit]

    def answer(self, number: int, now: float, called: str = ASHA) -> Dialog:
        """One call up to the ACK; the caller's dialog."""
        invite = build.request(
            "INVITE",
            f"sip:{called}@127.0.0.1:5060",
            via=f"SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKa{number}",
            from_=f"bench <sip:+9198123{number % 90_000 + 10_000:05d}@127.0.0.1:5080>;tag=t{number}",
            to=f"<sip:{called}@127.0.0.1>",
            call_id=f"c{number}@127.0.0.1",
            cseq=1,
            contact="<sip:bench@127.0.0.1:5080>",
            extra=[("Subject", "Performance Test")],
            body=SDP,
            content_type="application/sdp",
        )
        asked = next(one for one in self.feed(invite, TRUNK, now) if isinstance(one, Request))
        self.feed(build.response(asked, 180, to_tag=f"p{number}", extra=CONTACT), PHONE, now)
        ok = build.response(asked, 200, to_tag=f"p{number}", extra=CONTACT, body=SDP, content_type="application/sdp")
        answered = next(one for one in self.feed(ok, PHONE, now) if isinstance(one, Response))
        dialog = Dialog.as_uac(invite, answered)
        self.feed(dialog.ack(1, via=f"SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKb{number}"), TRUNK, now)
        return dialog

    def hang_up(self, dialog: Dialog, number: int, now: float) -> None:
        """The caller's BYE, and the phone's answer to ours."""
        bye = dialog.next_request("BYE", via=f"SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKc{number}")
        ours = next(one for one in self.feed(bye, TRUNK, now) if isinstance(one, Request))
        self.feed(build.response(ours, 200), PHONE, now)

    def deadlines(self, now: float) -> None:
        """Let the switch do what is due."""
        due = self.switch.next_deadline()
        if due is not None and due <= now:
            start = time.perf_counter()
            self.switch.handle_deadline(now)
            self.switch.take_effects()
            self.spent_s += time.perf_counter() - start

    def run(self, calls: int, first: int, begin: float) -> float:
        """µs a call of ``calls`` calls, one a millisecond of the switch' own time."""
        self.spent_s = 0.0
        for number in range(first, first + calls):
            now = begin + (number - first) * 0.001
            self.deadlines(now)
            self.hang_up(self.answer(number, now), number, now)
        return self.spent_s / calls * 1e6

    def held(self, calls: int, first: int, begin: float) -> float:
        """KiB a call that is up, an hour's lingering transactions gone."""
        self.deadlines(begin)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        dialogs = [self.answer(number, begin, OUTSIDE) for number in range(first, first + calls)]
        keys = [dialog.call_id for dialog in dialogs]
        del dialogs
        for later in (1.0, 40.0):
            self.deadlines(begin + later)
        used = tracemalloc.get_traced_memory()[0] - before - sys.getsizeof(keys)
        tracemalloc.stop()
        return used / calls / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000, help="calls a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--held", type=int, default=1000, help="calls held for the memory")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    bench = Bench()
    bench.run(500, 0, 1.0)
    gc.collect()
    gc.freeze()
    gc.disable()
    found = [
        bench.run(arguments.calls, 1000 + turn * arguments.calls, 10.0 + turn * 100) for turn in range(arguments.rounds)
    ]
    print("µs a call:", ", ".join(f"{one:.0f}" for one in found), "- least", f"{min(found):.0f}")
    print("objects in cycles after", arguments.rounds * arguments.calls, "calls:", gc.collect())
    print(f"KiB a held call: {bench.held(arguments.held, 900_000, 5000.0):.1f}")
    if arguments.profile:
        bench.profile = cProfile.Profile()
        bench.run(1500, 200_000, 10_000.0)
        pstats.Stats(bench.profile).sort_stats("tottime").print_stats(60)


if __name__ == "__main__":
    main()
