"""Events of a real daemon: told to a receiver that fails half of the time, watched with cuts; control dies as well."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import socket
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CALLS = 24
NUMBER, FAR_NUMBER = "+918069651170", "+919000000009"
DOCUMENT = """
schema: 1
account: {id: acme, name: Acme, domains: [acme.test], timezone: Asia/Kolkata, country: IN}
trunks:
  - {id: near, target: "sip:127.0.0.1:%d", addresses: ["127.0.0.1/32"], media: direct}
  - {id: far, target: "sip:127.0.0.1:%d", addresses: ["127.0.0.2/32"], media: direct}
outbound_routes: [{prefix: "", trunks: [far]}]
numbers: [{number: "+918069651170", destination: {type: external, number: "+919000000009"}}]
"""
REQUEST = (
    "{method} sip:+918069651170@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKc{number};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:+9198123{number:05d}@127.0.0.1>;tag=1\r\n{to}\r\nCall-ID: call-{number}\r\n"
    "CSeq: 1 {method}\r\nContact: <sip:127.0.0.1:{port}>\r\nContent-Length: 0\r\n\r\n"
)
OF_A_CALL = ["call.started", "leg.ringing", "leg.ended", "call.ended", "record.final"]


def header(message: str, name: str) -> str:
    return next(line for line in message.split("\r\n") if line.lower().startswith(name))


class Far(threading.Thread):
    """A provider whose callee rings and is busy."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                data, source = self.socket.recvfrom(4000)
            except OSError:
                return
            message = data.decode()
            if message.startswith("INVITE"):
                vias = [line for line in message.split("\r\n") if line.lower().startswith("via:")]
                kept = [header(message, name) for name in ("from:", "call-id:", "cseq:")]
                to = f"{header(message, 'to:')};tag=far"
                for status in ("180 Ringing", "486 Busy Here"):
                    lines = [f"SIP/2.0 {status}", *vias, *kept, to, "Content-Length: 0", "", ""]
                    self.socket.sendto("\r\n".join(lines).encode(), source)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


class Capture(threading.Thread):
    """A capture server: the messages it was sent, with their correlation ids (HEP v3 chunks 15 and 17)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.got: list[tuple[str, str]] = []

    def run(self) -> None:
        while True:
            try:
                packet = self.socket.recv(65535)
            except OSError:
                return
            assert packet[:4] == b"HEP3"
            chunks, place = {}, 6
            while place < len(packet):
                kind, size = (
                    int.from_bytes(packet[place + 2 : place + 4]),
                    int.from_bytes(packet[place + 4 : place + 6]),
                )
                chunks[kind] = packet[place + 6 : place + size]
                place += size
            self.got.append((chunks[17].decode(), chunks[15].decode()))


def call(server: int, near: socket.socket, number: int) -> None:
    """One call from the near side; it is busy."""
    port = near.getsockname()[1]
    to = f"To: <sip:{NUMBER}@127.0.0.1>"
    near.sendto(REQUEST.format(method="INVITE", port=port, number=number, to=to).encode(), ("127.0.0.1", server))
    while True:
        answer = near.recv(4000).decode()
        if header(answer, "call-id:").endswith(f"call-{number}") and not answer.startswith("SIP/2.0 1"):
            break
    assert answer.startswith("SIP/2.0 486"), answer
    ack = REQUEST.format(method="ACK", port=port, number=number, to=header(answer, "to:"))
    near.sendto(ack.encode(), ("127.0.0.1", server))


class Receiver(ThreadingHTTPServer):
    """Fails every other time; keeps what it took, and what was wrong with it."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.secret = ""
        self.asked = 0
        self.taken: list[dict[str, Any]] = []
        self.wrong: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/events?of=acme"

    def take(self, headers: Any, body: bytes) -> int:
        with self.lock:
            self.asked += 1
            told, signed = headers["webhook-id"], headers["webhook-timestamp"]
            key = base64.b64decode(self.secret.removeprefix("whsec_"))
            mac = hmac.new(key, f"{told}.{signed}.".encode() + body, hashlib.sha256).digest()
            if headers["webhook-signature"] != "v1," + base64.b64encode(mac).decode():
                self.wrong.append(f"signature of {told}")
            if abs(int(signed) - time.time()) > 60:
                self.wrong.append(f"time of {told}")
            if self.asked % 2:
                return (500, 0, 302)[self.asked // 2 % 3]
            self.taken.append(json.loads(body))
            return 204


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        status = self.server.take(self.headers, self.rfile.read(int(self.headers["content-length"])))
        if status:  # else the connection ends without an answer
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Watcher(threading.Thread):
    """Watches events; is cut off after every ``cut_after``, and by whatever happens to the daemon."""

    def __init__(self, site: Any, token: str, cut_after: int) -> None:
        super().__init__(daemon=True)
        self.site, self.token, self.cut_after = site, token, cut_after
        self.seen: list[int] = []
        self.names: list[str] = []
        self.cuts = 0
        self.over = threading.Event()
        self.watching = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self.read()
            except (OSError, http.client.HTTPException):
                self.cuts += 1
                self.over.wait(0.1)

    def read(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.site.admin, timeout=10)
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.seen:
            headers["Last-Event-ID"] = str(self.seen[-1])
        connection.request("GET", "/v1/accounts/acme/events", headers=headers)
        stream, had = connection.getresponse(), 0
        self.watching.set()
        fields: dict[str, str] = {}
        while had < self.cut_after:
            line = stream.readline().decode()
            if not line:
                raise ConnectionError("the stream ended")
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
                continue
            if "id" in fields:
                self.seen.append(int(fields["id"]))
                self.names.append(fields["event"])
                assert json.loads(fields["data"])["id"] == fields["id"]
                had += 1
            fields = {}
        connection.close()
        self.cuts += 1


def waited(site: Any, condition: Any, within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, site.log()[-4000:]
        threading.Event().wait(0.1)


def post(site: Any, token: str, path: str, body: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", site.admin, timeout=10)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    assert answer.status == 201, found
    return found


def assert_captured(call_id: str, got: list[tuple[str, str]]) -> None:
    """Both legs bear the call's own id, from the INVITE to the ACK."""
    lines = [text.partition("\r\n")[0].split(" ") for correlation, text in got if correlation == call_id]
    said = {words[1] if words[0] == "SIP/2.0" else words[0] for words in lines}
    assert {"INVITE", "100", "180", "486", "ACK"} <= said, (call_id, lines)
    assert len([words for words in lines if words[0] == "INVITE"]) >= 2


def test_every_event_is_told_in_order_signed_and_watched_once(site: Any) -> None:
    receiver, capture = Receiver(), Capture()
    capture.start()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with Far() as far, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
        near.bind(("127.0.0.1", 0))
        near.settimeout(20)
        site.document.write_text(DOCUMENT % (near.getsockname()[1], far.port))
        with (site.folder / "routerd.toml").open("a") as settings:
            settings.write('[webhooks]\nnetworks = ["127.0.0.0/8"]\nfirst_retry_s = 0.05\nlongest_retry_s = 0.2\n')
            settings.write(f'[hep]\nserver = "127.0.0.1:{capture.port}"\n')
        site.start()
        assert site.ready()
        token = (site.folder / "admin.token").read_text().strip()
        receiver.secret = post(site, token, "/v1/accounts/acme/webhooks", {"url": receiver.url})["secret"]
        watcher = Watcher(site, token, cut_after=17)
        watcher.start()
        assert watcher.watching.wait(20)
        for number in range(CALLS // 2):
            call(site.sip, near, number)
        site.child("control").kill()
        for number in range(CALLS // 2, CALLS):
            call(site.sip, near, number)
        waited(site, lambda: [one["event"] for one in receiver.taken].count("record.final") >= CALLS)
        waited(site, lambda: watcher.names.count("record.final") == CALLS)
        watcher.over.set()
        page = json.loads(site.get("/v1/accounts/acme/webhooks")[1])["webhooks"]
        waited(site, lambda: json.loads(site.get("/v1/accounts/acme/webhooks")[1])["webhooks"][0]["waiting"] == 0)
        assert page[0]["dead"] == 0
        metrics = site.get("/metrics")[1]
        site.stop()
    capture.socket.close()
    receiver.shutdown()
    receiver.server_close()
    assert receiver.wrong == []
    assert "routerd_outbox_age_seconds 0.0" in metrics
    of_calls: dict[str, list[tuple[int, str]]] = {}
    for one in receiver.taken:
        known = of_calls.setdefault(one["call"], [])
        if (one["sequence"], one["event"]) not in known:  # told again: its answer was lost
            known.append((one["sequence"], one["event"]))
    assert len(of_calls) == CALLS
    assert {str(told) for told in of_calls.values()} == {str(list(enumerate(OF_A_CALL, 1)))}
    assert watcher.cuts > 2
    for name in of_calls:
        assert_captured(name, capture.got)
    assert watcher.seen == sorted(set(watcher.seen))
    assert {int(one["id"]) for one in receiver.taken} == set(watcher.seen)
    store = sqlite3.connect(site.folder / "routerd.db")
    kept = dict(store.execute("SELECT call, count(*) FROM events WHERE event = 'record.final' GROUP BY call"))
    assert kept == {name: 1 for (name,) in store.execute("SELECT id FROM records")}
    assert store.execute("SELECT count(*) FROM starts").fetchone() == (0,)
    store.close()
