"""Documents change while SIPp's calls go on: none fails, and each record names the version that decided it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from kit import scenarios
from kit.company import TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.ports import HOST, free_port
from kit.program import wait_until
from kit.sipp import Sipp
from routerd.store.sqlite import Store
from routerd.store.versions import in_force, states

if TYPE_CHECKING:
    from pathlib import Path

OUT_HOST = "127.0.0.4"
THROUGH = "+918069651199"
TARGETS = ("+919812345671", "+919812345672")
CHANGES, REFUSED, RATE, CALLS = 100, 20, 8, 240
KILLS = int(os.environ.get("ROUTERD_KILLS", "5"))
SDP = "v=0\no=- 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio 40000 RTP/AVP 8\na=rtpmap:8 PCMA/8000"


class Api:
    """The admin API with the first token."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        token = (self._daemon.folder / "admin.token").read_text().strip()
        request = urllib.request.Request(
            f"http://{HOST}:{self._daemon.admin_port}/v1/accounts/acme{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


def document(out_port: int) -> dict[str, Any]:
    numbers = [{"number": THROUGH, "destination": {"type": "external", "number": TARGETS[1]}}]
    made = company(
        trunk("in", free_port(), media="direct"), trunk("out", out_port, OUT_HOST, media="direct"), numbers=numbers
    )
    made["outbound_routes"] = [{"prefix": "", "trunks": ["out"]}]
    return made


def change(api: Api, number: int, decided: dict[int, str]) -> None:
    """One change: now an entry, now a rollback; a wrong one before every fifth."""
    target = TARGETS[number % 2]
    destination = {"destination": {"type": "external", "number": target}}
    if number % (CHANGES // REFUSED) == 0:
        status, told = api.ask("PATCH", f"/numbers/{THROUGH.replace('+', '%2B')}", {"destination": {"type": "agent"}})
        assert (status, bool(told["errors"])) == (422, True), told
    if number % 2 == 0:
        status, told = api.ask("PATCH", f"/numbers/{THROUGH.replace('+', '%2B')}", destination)
    else:
        status, told = api.ask("POST", f"/versions/{max(decided) - 1}/rollback")
    assert (status, told["changed"], told["serving"]) == (200, True, True), told
    decided[told["version"]] = target


def test_calls_go_on_through_changes_rollbacks_and_refusals(tmp_path: Path) -> None:
    port = free_port()
    called = scenarios.answer_call(SDP) + scenarios.hung_up_by_peer()
    calling = scenarios.invite(SDP) + scenarios.expect_answer() + scenarios.ack() + scenarios.pause(300)
    with (
        Daemon(tmp_path, document(port)) as daemon,
        Sipp(tmp_path, "called", called, host=OUT_HOST, port=port, calls=CALLS, messages=False) as far,
        Sipp(
            tmp_path, "caller", calling + scenarios.bye(), remote=daemon.port, host=TRUNK_HOST, service=THROUGH,
            calls=CALLS, rate=RATE, messages=False,
        ) as near,
    ):  # fmt: skip
        api = Api(daemon)
        decided = {1: TARGETS[1]}
        for number in range(CHANGES):
            change(api, number, decided)
        near.finish(90).assert_clean(CALLS)
        far.finish(30).assert_clean(CALLS)
        records = daemon.wait_records(CALLS)
        used = {record["document_version"] for record in records}
        assert len(used) > 10
        for record in records:
            assert record["outcome"] == "answered", record
            assert decided[record["document_version"]] in record["legs"][0]["target"], record
        assert len(decided) == CHANGES + 1


def whole(daemon: Daemon) -> tuple[int, str]:
    """Open the store beside the daemon: the version in force, and the label that its document carries."""
    connection = sqlite3.connect(f"file:{daemon.folder}/routerd.db?mode=ro", uri=True, timeout=10)
    try:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    finally:
        connection.close()
    store = Store(daemon.folder / "routerd.db")
    try:
        (version,) = in_force(store)
        assert states(store)["acme"].confirm_until is None
    finally:
        store.close()
    return version.version, json.loads(version.text)["account"]["name"]


def consistent(daemon: Daemon, calls: int) -> None:
    """Each call has one record, its events are numbered without a gap, one is the last, each waits for the receiver."""
    records = {record["id"] for record in daemon.wait_records(calls)}
    assert len(records) == calls
    connection = sqlite3.connect(f"file:{daemon.folder}/routerd.db?mode=ro", uri=True, timeout=10)
    try:
        told = connection.execute(
            "SELECT id, call, sequence, event FROM events WHERE call != '' ORDER BY id"
        ).fetchall()
        owed = [event for (event,) in connection.execute("SELECT event FROM deliveries")]
    finally:
        connection.close()
    assert sorted(owed) == sorted(set(owed))
    by_call: dict[str, list[tuple[int, str]]] = {}
    for event, call, sequence, name in told:
        assert event in owed
        by_call.setdefault(call, []).append((sequence, name))
    assert by_call.keys() == records
    for happened in by_call.values():
        assert [sequence for sequence, _ in happened] == list(range(1, len(happened) + 1)), happened
        assert [name for _, name in happened].count("record.final") == 1, happened
        assert happened[-1][1] == "record.final", happened


def test_a_control_process_that_is_killed_during_a_change_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    port, calls = free_port(), 16 * KILLS
    called = scenarios.answer_call(SDP) + scenarios.hung_up_by_peer()
    calling = scenarios.invite(SDP) + scenarios.expect_answer() + scenarios.ack() + scenarios.pause(200)
    networks = {"webhooks": {"networks": ["127.0.0.0/8"]}}
    with (
        Daemon(tmp_path, document(port), settings=networks) as daemon,
        Sipp(
            tmp_path, "called", called, host=OUT_HOST, port=port, calls=calls, messages=False, timeout_s=90 + calls
        ) as far,
    ):
        api = Api(daemon)
        status, told = api.ask("POST", "/webhooks", {"url": f"http://127.0.0.9:{free_port()}/"})
        assert status == 201, told
        with Sipp(
            tmp_path, "caller", calling + scenarios.bye(), remote=daemon.port, host=TRUNK_HOST, service=THROUGH,
            calls=calls, rate=4, messages=False, timeout_s=60 + calls,
        ) as near:  # fmt: skip
            kill_in_a_loop(daemon, api)
            near.finish(60 + calls).assert_clean(calls)
            far.finish(30).assert_clean(calls)
        consistent(daemon, calls)
        assert daemon.metric("document_version") == whole(daemon)[0]
        assert daemon.metric("sip_process_restarts_total") == 0


def kill_in_a_loop(daemon: Daemon, api: Api) -> None:
    """Kill the control process ``KILLS`` times while it applies; the version is whole each time."""
    chance = random.Random(5)
    for number in range(KILLS):
        before, _ = whole(daemon)
        victim = daemon.child("control")
        killing = threading.Timer(chance.uniform(0, 0.3), os.kill, (victim, signal.SIGKILL))
        killing.start()
        with contextlib.suppress(OSError, ValueError):
            api.ask("PATCH", "/document", {"account": {"name": f"Acme {number}"}})
        killing.join()
        wait_until(lambda: daemon.child("control"), lambda pid: pid not in {0, victim}, 30, "another one")  # noqa: B023
        wait_until(lambda: _served(api), bool, 30, "its API")
        after, name = whole(daemon)
        assert after in {before, before + 1}
        assert after == before or name == f"Acme {number}"
        status, told = api.ask("GET", f"/versions/{after}")
        assert (status, told["in_force"], told["document"]["account"]["name"]) == (200, True, name)


def _served(api: Api) -> bool:
    try:
        return api.ask("GET", "/versions?limit=1")[0] == 200
    except (OSError, ValueError):  # not yet
        return False
