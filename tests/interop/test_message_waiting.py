"""Message-waiting lamps of real phones: baresip subscribes, linphone is told without having asked."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from kit.baresip import Baresip
from kit.company import company
from kit.daemon import Daemon
from kit.linphone import Linphone
from kit.program import wait_until

if TYPE_CHECKING:
    from pathlib import Path

BOXES = [{"id": "alices", "agent": "alice"}, {"id": "bobs", "agent": "bob"}]


def left(daemon: Daemon, box: str) -> None:
    """Put a message into the store of a daemon that is not running, as if it had been left before."""
    connection = sqlite3.connect(daemon.folder / "routerd.db", timeout=5)
    with connection:
        connection.execute(
            "INSERT INTO messages (account, voicemail, id, call, at, caller, caller_name, duration_s, file, size_bytes,"
            " read) VALUES ('acme', ?, 'one', 'one', 1795500000, '+919812345678', 'Ravi', 4, '/nowhere.wav', 1, 0)",
            (box,),
        )
    connection.close()


def lamp(phone: Baresip, text: str, after: int = 0) -> dict[str, Any]:
    """Wait for the lamp to show something."""
    event: dict[str, Any] = phone.events.wait(
        lambda event: event.get("type") == "MWI_NOTIFY" and text in event.get("param", ""), 30, what=text, after=after
    )
    return event


def test_lamps_of_real_phones_after_a_restart(tmp_path: Path) -> None:
    """baresip subscribes; linphone is told without having asked, and takes it."""
    daemon = Daemon(tmp_path, company(voicemails=BOXES))
    with daemon:
        daemon.wait_sip()
    left(daemon, "alices")
    left(daemon, "bobs")
    daemon.start()
    with (
        daemon,
        Linphone(tmp_path, "2002", server=daemon.port) as bob,
        Baresip(tmp_path, "2001", server=daemon.port, modules=("mwi",), more="mwi=yes;") as alice,
    ):
        shown = lamp(alice, "Messages-Waiting: yes")
        assert "Voice-Message: 1/0" in shown["param"]
        assert "Message-Account: sip:*97@acme.test" in shown["param"]
        bob.wait_registered()
        sent, taken = 'direction="out",method="NOTIFY"', 'class="2xx",direction="in"'
        wait_until(lambda: daemon.metric("sip_requests_total", sent), lambda count: count >= 2, 20, "two NOTIFYs")
        wait_until(lambda: daemon.metric("sip_responses_total", taken), lambda count: count >= 2, 20, "both answers")
        assert "message_waiting_refused" not in daemon.metrics()
