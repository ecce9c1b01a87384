"""What Prometheus itself says of metrics and rules, and whether rules and dashboard ask for metrics that there are."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.request
from pathlib import Path

from kit.company import PILOT, company, trunk
from kit.daemon import Daemon
from kit.ports import HOST
from kit.program import wait_until

CONF = Path(__file__).resolve().parents[2] / "conf"
NOT_HERE = {"certificate_expiry_timestamp_seconds", "queue_waiting", "media_one_way"}  # nobody waits, all are heard
SURFACE = """
sip_requests_total sip_responses_total sip_retransmissions_total sip_malformed_total sip_dropped_total
transactions_active calls_active calls_total call_setup_seconds post_dial_delay_seconds call_duration_seconds
decisions_total decision_seconds registrations_active auth_failures_total bans_active trunk_up trunk_calls_active
agents queue_waiting queue_wait_seconds document_version document_apply_seconds loop_lag_seconds records_queued
outbox_age_seconds media_sessions_active media_packets_total media_one_way_total certificate_expiry_timestamp_seconds
"""
INVITE = (
    f"INVITE sip:{PILOT}@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:{{port}};branch=z9hG4bKone;rport\r\n"
    f"Max-Forwards: 70\r\nFrom: <sip:+919812345678@{HOST}>;tag=1\r\nTo: <sip:{PILOT}@{HOST}>\r\nCall-ID: one\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:127.0.0.2:{port}>\r\nContent-Length: 0\r\n\r\n"
)


def asked_for(text: str) -> set[str]:
    """The metrics that expressions name, without what a histogram adds."""
    names = re.findall(r"\brouterd_([a-z_]+)", text)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def given(page: str) -> set[str]:
    """The metrics of a page."""
    return {line.split()[2].removeprefix("routerd_") for line in page.splitlines() if line.startswith("# TYPE")}


def plain(names: set[str]) -> set[str]:
    """Names without the ending of counters."""
    return {name.removesuffix("_total") for name in names}


def checked(*words: str, text: str = "") -> str:
    done = subprocess.run(["promtool", "check", *words], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def expressions() -> str:
    dashboard = json.loads((CONF / "grafana-dashboard.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(panels) > 30
    return "\n".join(panels) + (CONF / "alerts.yml").read_text()


def test_rules_are_accepted() -> None:
    assert "SUCCESS" in checked("rules", str(CONF / "alerts.yml"))


def test_metrics_are_accepted_and_whole(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as provider:
        provider.bind(("127.0.0.2", 0))
        provider.settimeout(20)
        port = provider.getsockname()[1]
        with Daemon(tmp_path, company(trunk("pstn", port))) as daemon:
            provider.sendto(INVITE.format(port=port).encode(), (HOST, daemon.port))
            while (answer := provider.recv(4000)).startswith(b"SIP/2.0 1"):
                pass
            assert answer.startswith(b"SIP/2.0 4")

            def page() -> str:
                with urllib.request.urlopen(f"http://{HOST}:{daemon.admin_port}/metrics", timeout=10) as found:
                    return str(found.read().decode())

            provider.sendto(b"this is no SIP at all\r\n\r\n", (HOST, daemon.port))
            wanted = plain(set(SURFACE.split()) | asked_for(expressions())) - NOT_HERE
            wait_until(lambda: wanted - plain(given(page())), lambda missing: not missing, 20, "all metrics")
            assert "lint" not in checked("metrics", text=page())
