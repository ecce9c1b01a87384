"""Print what digest authentication costs in µs: a challenge, a good and a wrong verdict, a client's answer."""

from __future__ import annotations

import os
import sys
import timeit
from typing import TYPE_CHECKING

from routerd.sip.digest import HASHES, Challenger, authorization, parse_parameters
from routerd.sip.tokens import PoolTokens

if TYPE_CHECKING:
    from collections.abc import Callable

REALM = "pbx.example.com"
URI = "sip:100@pbx.example.com"
ROUNDS = 5


def cost_us(run: Callable[[], object], times: int) -> float:
    return min(timeit.repeat(run, number=times, repeat=ROUNDS)) / times * 1e6


def answers(challenge: str, count: int, password: str = "pw") -> list[str]:
    return [
        authorization(challenge, method="INVITE", uri=URI, username="alice", password=password, cnonce="c0ffee", nc=nc)
        for nc in range(1, count + 1)
    ]


def verify_us(server: Challenger, headers: list[str], wanted: bool) -> float:
    """Judge every header once: a good one is good only once."""

    def run() -> None:
        for header in headers:
            assert server.verify(header, "INVITE", URI, {"alice": "pw"}.get, REALM, 1.0).good is wanted

    return timeit.timeit(run, number=1) / len(headers) * 1e6


def print_algorithm(algorithm: str, times: int) -> None:
    server = Challenger(os.urandom(32), (algorithm,))
    challenge = server.challenges(REALM, 1.0)[0]
    good = [answers(server.challenges(REALM, 1.0)[0], times) for _ in range(ROUNDS)]
    wrong = answers(challenge, 1, "guess") * times
    figures = {
        "challenge": cost_us(lambda: server.challenges(REALM, 1.0), times),
        "good": min(verify_us(server, headers, wanted=True) for headers in good),
        "wrong": min(verify_us(server, wrong, wanted=False) for _ in range(ROUNDS)),
        "answer": cost_us(lambda: answers(challenge, 1), times),
    }
    print(f"{algorithm:12}", "".join(f"   {name} {figure:6.2f} µs" for name, figure in figures.items()))


def main(times: int) -> None:
    for algorithm in HASHES:
        print_algorithm(algorithm, times)
    both = Challenger(os.urandom(32))
    header = answers(both.challenges(REALM, 1.0)[0], 1)[0]
    tokens = PoolTokens(os.urandom)
    print(f"challenges of SHA-256 and MD5   {cost_us(lambda: both.challenges(REALM, 1.0), times):6.2f} µs")
    print(f"parsing of credentials          {cost_us(lambda: parse_parameters(header), times):6.2f} µs")
    print(f"branch                          {cost_us(tokens.branch, times):6.2f} µs")
    print(f"Call-ID                         {cost_us(tokens.call_id, times):6.2f} µs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
