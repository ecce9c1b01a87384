from __future__ import annotations

import json
from typing import Any


def test_agents_are_listed(api: Any) -> None:
    rows = [{"id": "asha", "name": "Asha", "state": "available", "extension": "2001"}]
    api.answers["GET", "/v1/accounts/acme/agents"] = (200, {"agents": rows})
    shown = api.run("agents")
    assert shown.exit_code == 0, shown.output
    assert "asha" in shown.output
    assert "available" in shown.output


def test_log_in_and_out(api: Any) -> None:
    path = "/v1/accounts/acme/agents/asha/session"
    api.answers["PUT", path] = (200, {"agent": "asha", "state": "available"})
    api.answers["DELETE", path] = (204, "")
    assert api.run("login", "asha").output == "asha is logged in\n"
    assert json.loads(api.run("login", "asha", "--json").output) == {"agent": "asha", "state": "available"}
    assert api.run("logout", "asha").output == "asha is logged out\n"
    assert [asked.method for asked in api.asked] == ["PUT", "PUT", "DELETE"]


def test_a_call_is_asked_for(api: Any) -> None:
    api.answers["POST", "/v1/accounts/acme/calls"] = (202, {"id": "0-1"})
    done = api.run("call", "asha", "+919812345678", "--via", "mobile")
    assert (done.exit_code, done.output) == (0, "asha is rung, then +919812345678: call 0-1\n")
    assert json.loads(api.asked[0].body) == {"agent": "asha", "to": "+919812345678", "via": "mobile"}


def test_what_the_daemon_refuses_is_said(api: Any) -> None:
    fault = {"code": "outbound_blocked", "message": "the call is not allowed"}
    api.answers["POST", "/v1/accounts/acme/calls"] = (403, {"error": fault})
    done = api.run("call", "asha", "112")
    assert (done.exit_code, "the call is not allowed" in done.output) == (1, True)
    assert api.run("login", "nobody").exit_code == 1
