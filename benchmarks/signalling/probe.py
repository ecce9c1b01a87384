"""A caller with a fine clock beside the load: SIPp's response times step by 4 ms, too coarse here."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time

HOST = "127.0.0.1"
SDP = (
    "v=0\r\no=probe 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
)


def header(message: str, name: str) -> list[str]:
    """All values of a header, as they stand."""
    lines = message.partition("\r\n\r\n")[0].split("\r\n")
    return [line.partition(":")[2].strip() for line in lines if line.lower().startswith(name.lower() + ":")]


class Probe(threading.Thread):
    """Places call after call, one at a time, until ``finish``; ``waits_ms`` holds INVITE→180 of each."""

    def __init__(self, port: int, number: str, core: int) -> None:
        super().__init__(name="probe", daemon=True)
        self.server, self.number, self.core = port, number, core
        self.waits_ms: list[float] = []
        self.calls = 0
        self._over = threading.Event()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((HOST, 0))
        self.sock.settimeout(1)
        self.sock.connect((HOST, port))
        self.port = self.sock.getsockname()[1]

    def run(self) -> None:
        os.sched_setaffinity(0, {self.core})
        while not self._over.wait(0.005):
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                self.call()

    def finish(self) -> None:
        self._over.set()
        self.join(10)
        self.sock.close()

    def request(
        self, method: str, target: str, cseq: int, *, to_tag: str = "", routes: list[str], body: str = ""
    ) -> bytes:
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bKprobe{self.port}n{self.calls}{method}",
            *[f"Route: {route}" for route in routes],
            f"From: <sip:+919800000009@{HOST}:{self.port}>;tag=p{self.calls}",
            f"To: <sip:{self.number}@{HOST}:{self.server}>{to_tag}",
            f"Call-ID: probe-{self.port}-{self.calls}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:probe@{HOST}:{self.port}>",
            "Max-Forwards: 70",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", body]).encode()

    def receive(self, status: int) -> str:
        """The next response of this call with that status."""
        while True:
            message = self.sock.recv(65536).decode()
            mine = header(message, "Call-ID") == [f"probe-{self.port}-{self.calls}"]
            if mine and message.startswith(f"SIP/2.0 {status}"):
                return message

    def call(self) -> None:
        self.calls += 1
        start = time.perf_counter()
        self.sock.send(self.request("INVITE", f"sip:{self.number}@{HOST}:{self.server}", 1, routes=[], body=SDP))
        self.receive(180)
        self.waits_ms.append(1000 * (time.perf_counter() - start))
        answer = self.receive(200)
        routes = [route for line in header(answer, "Record-Route") for route in line.split(",")][::-1]
        target = header(answer, "Contact")[0].partition("<")[2].partition(">")[0]
        tag = ";tag=" + header(answer, "To")[0].partition(";tag=")[2]
        self.sock.send(self.request("ACK", target, 1, to_tag=tag, routes=routes))
        self._over.wait(0.003)
        self.sock.send(self.request("BYE", target, 2, to_tag=tag, routes=routes))
        self.receive(200)
