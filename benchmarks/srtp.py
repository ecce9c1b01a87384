"""What a packet of 20 ms costs on the way of secured media in µs, without sockets: the guard alone and the whole path.

    python benchmarks/srtp.py

"guard" is one unprotect (in) or protect (out) of libsrtp; "path" is everything between two sockets: latching, counts
and one secured side. A call has two packets each 20 ms. The last line is what one browser costs once: a certificate and
our side of the DTLS handshake.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from routerd.media import rtp, sdes
from routerd.media.relay_session import RTP, PartyMedia, RelaySession
from routerd.media_worker.dtls import Dtls, Identity
from routerd.media_worker.path import Path
from routerd.media_worker.relay_sockets import LinePorts
from routerd.media_worker.security import SideGuard
from routerd.media_worker.srtp import Srtp

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.media.relay_lane import Address

PACKETS = 20_000
ROUNDS = 3
ALICE, BOB = ("192.0.2.1", 4000), ("192.0.2.2", 5000)


class Nowhere:
    """The sockets of a line that has none."""

    def treat(self, ports: LinePorts, path: Path | None) -> None:
        pass

    def send(self, ports: LinePorts, side: int, component: int, data: bytes, destination: Address) -> None:
        pass


def keys(suite: str) -> tuple[bytes, bytes]:
    size = sdes.SUITES[suite].secret_bytes
    return bytes(range(size)), bytes(range(size, 2 * size))


def packets() -> list[bytes]:
    return [rtp.build(8, i & 0xFFFF, i * 160, 7, bytes(160)) for i in range(PACKETS)]


def path_of(suite: str | None) -> Path:
    """A line between Alice, secured unless ``suite`` is None, and Bob, plain."""
    session = RelaySession()
    session.signal(0, PartyMedia(ALICE, None))
    session.signal(1, PartyMedia(BOB, None))
    session.answered(0.0)
    path = Path(session, LinePorts(20000, 20002), Nowhere(), set())
    if suite is not None:
        guard = SideGuard(session, 0)
        theirs, ours = keys(suite)
        guard.use(suite, theirs, ours)
        path.set_guard(0, guard)
    return path


def best_us(make: Callable[[], Callable[[bytes], object]], data: list[bytes]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        work = make()
        start = time.perf_counter()
        for one in data:
            work(one)
        best = min(best, time.perf_counter() - start)
    return best / len(data) * 1e6


def taker(path: Path, side: int, source: Address) -> Callable[[bytes], object]:
    return lambda data: path.take(side, RTP, data, source, 1.0)


def measure(suite: str) -> tuple[float, float, float, float]:
    plain = packets()
    theirs, ours = keys(suite)
    alice = Srtp(suite, ours, theirs)
    secured = [data for one in plain if (data := alice.protect(one, rtcp=False)) is not None]
    guard_in = best_us(lambda: partial(Srtp(suite, theirs, ours).unprotect, rtcp=False), secured)
    guard_out = best_us(lambda: partial(Srtp(suite, theirs, ours).protect, rtcp=False), plain)
    path_in = best_us(lambda: taker(path_of(suite), 0, ALICE), secured)
    path_out = best_us(lambda: taker(path_of(suite), 1, BOB), plain)
    return guard_in, guard_out, path_in, path_out


def handshake_ms() -> float:
    client = Dtls(Identity.make())
    start = time.perf_counter()
    server = Dtls(Identity.make())
    client.meet((server.identity.fingerprint,), server=False)
    server.meet((client.identity.fingerprint,), server=True)
    spent = time.perf_counter() - start
    out = client.begin(BOB)
    while out:
        start = time.perf_counter()
        answers = [answer for data in out for answer in server.take(data, ALICE, proven=True)]
        spent += time.perf_counter() - start
        out = [data for answer in answers for data in client.take(answer, BOB, proven=True)]
    assert server.keys is not None
    return spent * 1000


def main() -> None:
    bare = best_us(lambda: taker(path_of(None), 1, BOB), packets())
    print(f"{'suite':<26} {'guard in':>9} {'guard out':>10} {'path in':>9} {'path out':>9}   µs a packet")
    print(f"{'(plain, treated path)':<26} {'-':>9} {'-':>10} {bare:9.2f} {bare:9.2f}")
    for suite in sdes.SUITES:
        guard_in, guard_out, path_in, path_out = measure(suite)
        print(f"{suite:<26} {guard_in:9.2f} {guard_out:10.2f} {path_in:9.2f} {path_out:9.2f}")
    print(f"certificate and handshake of one DTLS side: {min(handshake_ms() for _ in range(20)):.2f} ms")


if __name__ == "__main__":
    main()
