"""Five hundred relayed calls, some by phones that are killed, and too many at once: nothing of them is left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit import scenarios
from kit.company import TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.ports import free_port, free_range
from kit.program import wait_until
from kit.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Mapping

OUT_HOST = "127.0.0.4"
NUMBER = "+918069651199"
PAIRS = 80  # of ports: forty calls at a time
CALLS, KILLED = 500, 20
SDP = (
    "v=0\no=peer 1 1 IN IP4 127.0.0.2\ns=-\nc=IN IP4 127.0.0.2\nt=0 0\n"
    "m=audio 9 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=sendrecv"
)
UNHURRIED: Mapping[str, Any] = {"requests_per_second_by_source": 100_000, "request_burst_by_source": 100_000}


class Exchange:
    """A daemon between two trunks, and what its media process holds."""

    def __init__(self, folder: Path, **media: Any) -> None:
        self.folder, self.called_port = folder, free_port()
        document = company(
            trunk("in", free_port(), media="relay"),
            trunk("out", self.called_port, OUT_HOST, media="relay"),
            numbers=[{"number": NUMBER, "destination": {"type": "external", "number": "+919812345679"}}],
        )
        document["outbound_routes"] = [{"prefix": "", "trunks": ["out"]}]
        first = free_range(2 * PAIRS)
        ports = {"ports": [first, first + 2 * PAIRS - 1]}
        self.daemon = Daemon(folder, document, media={**ports, **media}, settings={"limits": UNHURRIED})

    def answering(self, name: str, calls: int) -> Sipp:
        scenario = scenarios.answer_call(SDP) + scenarios.hung_up_by_peer()
        return Sipp(self.folder, f"called-{name}", scenario, host=OUT_HOST, port=self.called_port, calls=calls,
                    messages=False)  # fmt: skip

    def calling(self, name: str, calls: int, *after: str, rate: float = 60) -> Sipp:
        scenario = scenarios.invite(SDP) + scenarios.expect_answer() + scenarios.ack() + "".join(after)
        return Sipp(self.folder, f"caller-{name}", scenario, host=TRUNK_HOST, remote=self.daemon.port, service=NUMBER,
                    calls=calls, rate=rate, messages=False)  # fmt: skip

    def place(self, name: str, calls: int) -> None:
        """So many short calls one after the other."""
        after = scenarios.pause(100) + scenarios.bye()
        with self.answering(name, calls) as called, self.calling(name, calls, after) as caller:
            caller.finish(60).assert_clean(calls)
            called.finish(10).assert_clean(calls)

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.daemon.child('media')}/fd").iterdir()))

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self.daemon.child('media')}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def wait_at_rest(self, descriptors: int) -> None:
        wait_until(lambda: self.daemon.metric("media_sessions_active"), lambda count: count == 0, 30, "no session")
        wait_until(self.descriptors, lambda count: count <= descriptors, 10, f"{descriptors} descriptors")


def test_five_hundred_calls_and_killed_phones_leave_nothing_behind(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, timeout_s=5)
    with exchange.daemon:
        before = exchange.descriptors()
        exchange.place("first", 100)
        exchange.wait_at_rest(before)
        resident_kib = exchange.resident_kib()
        exchange.place("more", CALLS - 100 - KILLED)
        long = scenarios.pause(60_000)
        with exchange.answering("left", KILLED) as called, exchange.calling("killed", KILLED, long) as caller:
            wait_until(
                lambda: exchange.daemon.metric("media_sessions_active"), lambda count: count == KILLED, 30, "calls"
            )
            caller.program.process.kill()  # nobody says goodbye, and no packet ever came
            called.finish(60).assert_clean(KILLED)
        exchange.wait_at_rest(before)
        records = exchange.daemon.wait_records(CALLS)
        assert sum(record["reason"] == "media_timeout" for record in records) == KILLED
        assert exchange.resident_kib() <= resident_kib * 1.05 + 2048
        exchange.place("after", PAIRS)  # every port was used again


def test_without_ports_calls_are_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    most = PAIRS // 2
    with exchange.daemon:
        before = exchange.descriptors()
        held = scenarios.pause(4000) + scenarios.bye()
        with exchange.answering("held", most) as called, exchange.calling("held", most, held, rate=100) as caller:
            wait_until(lambda: exchange.daemon.metric("media_sessions_active"), lambda count: count == most, 20, "full")
            refused = scenarios.invite(SDP) + scenarios.refused_with(503)
            with Sipp(tmp_path, "refused", refused, host=TRUNK_HOST, remote=exchange.daemon.port, service=NUMBER,
                      calls=10, rate=50) as too_many:  # fmt: skip
                too_many.finish(30).assert_clean(10)
            caller.finish(60).assert_clean(most)
            called.finish(10).assert_clean(most)
        exchange.wait_at_rest(before)
        exchange.place("after", most)
