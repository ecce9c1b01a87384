"""Two phones that have no codec in common talk: the engine converts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.baresip import Baresip
from kit.company import company
from kit.daemon import Daemon
from kit.ports import HOST
from kit.tone import wait_heard

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("first", "second"), [("pcmu", "pcma"), ("pcma", "pcmu")])
def test_both_laws(tmp_path: Path, first: str, second: str) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=1000, codecs=first) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=600, codecs=second) as bob,
    ):
        alice.wait_registered()
        bob.wait_registered()
        alice.dial(f"sip:1002@{HOST}:{daemon.port}")
        alice.wait_event("CALL_ESTABLISHED")
        wait_heard(bob.recordings, 1000)
        wait_heard(alice.recordings, 600)
        alice.hang_up()
        bob.wait_event("CALL_CLOSED")
