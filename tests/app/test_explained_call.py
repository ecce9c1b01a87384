"""A call of a real daemon: what it stored is explained, told and decided again by the command line and over HTTP."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from threading import Event
from typing import Any

DOCUMENT = """
schema: 1
account: {id: acme, name: Acme, domains: [acme.test], timezone: Asia/Kolkata, country: IN}
trunks:
  - {id: pstn, target: "sip:127.0.0.1:%d", addresses: ["127.0.0.1/32"]}
numbers:
  - {number: "+918069651170", label: Asha, destination: {type: agent, id: asha}}
  - {number: "+918069651180", label: Ravi, destination: {type: agent, id: ravi}}
agents:
  - {id: asha, name: Asha Rao, extension: "2001", login_based_calling: true}
  - {id: ravi, name: Ravi Iyer, extension: "2002"}
extensions:
  - {id: "2001", username: "2001", password: secret-2001}
  - {id: "2002", username: "2002", password: secret-2002}
"""

INVITE = (
    "INVITE sip:+918069651170@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKone;rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:+919812345678@127.0.0.1>;tag=1\r\nTo: <sip:+918069651170@127.0.0.1>\r\n"
    "Call-ID: the-call\r\nCSeq: 1 INVITE\r\nContact: <sip:127.0.0.1:{port}>\r\nContent-Length: 0\r\n\r\n"
)


def refused(port: int, trunk: socket.socket) -> bytes:
    """Call the number from the trunk; the final response, acknowledged."""
    own = trunk.getsockname()[1]
    trunk.settimeout(5)
    trunk.sendto(INVITE.format(port=own).encode(), ("127.0.0.1", port))
    while (answer := trunk.recv(4000)).startswith(b"SIP/2.0 1"):
        pass
    to = next(line for line in answer.decode().split("\r\n") if line.lower().startswith("to:"))
    ack = INVITE.format(port=own).replace("INVITE", "ACK").replace("To: <sip:+918069651170@127.0.0.1>", to)
    trunk.sendto(ack.encode(), ("127.0.0.1", port))
    return answer


def said(site: Any, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "routerd.cli.main", *words, "--settings", "routerd.toml"]
    return subprocess.run(
        command, cwd=site.folder, env=site.environment(), capture_output=True, text=True, check=False, timeout=60
    )


def record(site: Any) -> dict[str, Any]:
    """The one record, once it is written."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = json.loads(site.get("/v1/accounts/acme/records?agent=asha&reason=logged_out")[1])["records"]
        if found:
            first: dict[str, Any] = found[0]
            return first
        Event().wait(0.05)
    raise AssertionError(site.log())


def test_a_stored_call_is_explained_told_and_decided_again(site: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk:
        trunk.bind(("127.0.0.1", 0))
        text = DOCUMENT % trunk.getsockname()[1]
        site.document.write_text(text)
        site.start()
        assert refused(site.sip, trunk).startswith(b"SIP/2.0 480")
    call = record(site)["id"]
    status, body = site.get(f"/v1/accounts/acme/calls/{call}/explanation")
    told = json.loads(body)
    assert (status, told["reason"], told["nodes"][0]["reason"]) == (200, "logged_out", "logged_out")
    assert told["steps"][0]["reads"] == {"has_session:asha": False}
    rows = json.loads(site.get(f"/v1/accounts/acme/calls/{call}/timeline")[1])["timeline"]
    assert rows[0]["text"].startswith("Inbound call")
    assert site.get("/v1/accounts/acme/calls")[0] == 200

    explained = said(site, "explain", call[:-1])
    assert explained.returncode == 0, explained.stderr
    assert "gate 4 session: no → logged_out" in explained.stdout
    assert "rejected (logged_out), SIP 480" in said(site, "trace", call).stdout
    assert call in said(site, "records", "--agent", "asha", "--json").stdout

    same = said(site, "plan", "acme.yaml")
    assert (same.returncode, "1 as they were" in same.stdout) == (0, True), same.stdout + same.stderr
    (site.folder / "new.yaml").write_text(text.replace("type: agent, id: asha", "type: agent, id: ravi"))
    other = said(site, "plan", "new.yaml")
    assert other.returncode == 1, other.stdout + other.stderr
    assert "destination of +918069651170: agent asha → agent ravi" in other.stdout
    assert site.stop() == 0
    assert "logged_out" in said(site, "explain", call).stdout
