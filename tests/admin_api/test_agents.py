from __future__ import annotations

from typing import Any

PATH = "/v1/accounts/acme/agents"


def test_sessions_and_breaks(api: Any, backend: Any) -> None:
    backend.replies["login"] = {"ok": True, "since": 5.0, "expires_at": 65.0}
    backend.replies["agent"] = {"ok": True, "agent": {"id": "asha", "state": "available"}}
    answer = api.put(f"{PATH}/asha/session", json={"expires_s": 60})
    assert answer.json() == {"agent": "asha", "since": 5.0, "expires_at": 65.0}
    assert api.put(f"{PATH}/asha/session").status_code == 200
    assert api.get(f"{PATH}/asha/session").json()["state"] == "available"
    assert api.put(f"{PATH}/asha/break", json={"reason": "lunch"}).json() == {"agent": "asha", "reason": "lunch"}
    assert api.delete(f"{PATH}/asha/break").status_code == 204
    assert api.delete(f"{PATH}/asha/session").status_code == 204
    ours = {"account": "acme", "agent": "asha"}
    assert backend.asked == [
        ("login", {**ours, "expires_s": 60.0}),
        ("login", {**ours, "expires_s": None}),
        ("agent", ours),
        ("break", {**ours, "reason": "lunch"}),
        ("unbreak", ours),
        ("logout", ours),
    ]


def test_what_is_no_session(api: Any, backend: Any) -> None:
    assert api.put(f"{PATH}/asha/session", json={"expires_s": 1}).json()["error"]["pointer"] == "/expires_s"
    assert api.put(f"{PATH}/asha/session", headers=api.as_("read calls")).status_code == 403
    assert backend.asked == []
    backend.replies["login"] = {"ok": False, "error": {"code": "unknown_agent", "message": "no", "status": 404}}
    assert api.put(f"{PATH}/nobody/session").status_code == 404
