from __future__ import annotations

from typing import Any

from routerd.app import media
from routerd.app.setup import MediaSetup


def test_the_setup_reaches_the_engine(monkeypatch: Any) -> None:
    taken: list[Any] = []
    monkeypatch.setattr("routerd.media_worker.main.run", lambda *arguments: taken.extend(arguments) or 0)
    setup = MediaSetup(("127.0.0.1", 2223), "192.0.2.1", ("203.0.113.5",), (20000, 20099), 46, 60.0)
    assert media.serve(setup) == 0
    assert taken == [("127.0.0.1", 2223), "192.0.2.1", ("203.0.113.5",), (20000, 20099), 46, 60.0]
