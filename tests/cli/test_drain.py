from __future__ import annotations

import json
from typing import Any

from routerd.cli import drain as module


def test_it_waits_until_no_call_is_left(api: Any, monkeypatch: Any) -> None:
    left = iter((2, 1, 0))
    api.answers["POST", "/v1/drain"] = (200, {"ok": True})
    monkeypatch.setattr(module, "calls_left", lambda _: next(left))
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.001)
    done = api.run("drain")
    assert done.exit_code == 0, done.output
    assert "no call is left" in done.output
    assert json.loads(api.asked[0].body) == {"on": True}


def test_calls_that_last_are_told(api: Any) -> None:
    api.answers["POST", "/v1/drain"] = (200, {"ok": True})
    api.answers["GET", "/metrics"] = (200, "# TYPE routerd_calls_active gauge\nrouterd_calls_active 3.0\n")
    done = api.run("drain", "--timeout", "0", "--json")
    assert done.exit_code == 1
    assert '"calls": 3' in done.output


def test_undo(api: Any) -> None:
    api.answers["POST", "/v1/drain"] = (200, {})
    assert api.run("drain", "--undo").output == "calls are taken again\n"
    assert json.loads(api.asked[0].body) == {"on": False}
