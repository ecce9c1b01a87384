from __future__ import annotations

from typing import Any

import pytest

PATH = "/v1/accounts/acme/webhooks"


def made(api: Any, **body: Any) -> Any:
    return api.post(PATH, json={"url": "https://crm.example/x", **body})


def test_a_webhook_is_made_shown_without_its_secret_and_removed(api: Any, backend: Any) -> None:
    answer = made(api, events=["call.ended", "call.ended"])
    assert answer.status_code == 201
    webhook = answer.json()["webhook"]
    assert answer.json()["secret"].startswith("whsec_")
    assert answer.headers["cache-control"] == "no-store"
    assert (webhook["url"], webhook["events"]) == ("https://crm.example/x", ["call.ended"])
    shown = api.get(PATH)
    assert [one["id"] for one in shown.json()["webhooks"]] == [webhook["id"]]
    assert "whsec_" not in shown.text
    assert api.get(f"{PATH}/{webhook['id']}").json()["waiting"] == 0
    assert api.get(f"/v1/accounts/beta/webhooks/{webhook['id']}").status_code == 404
    assert api.delete(f"{PATH}/{webhook['id']}").status_code == 204
    assert api.get(PATH).json() == {"webhooks": []}
    assert backend.observation.changed == 2


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"url": "https://127.0.0.1/x"}, 422, "/url"),
        ({"events": ["call.began"]}, 422, "/events/0"),
        ({"url": "x"}, 400, "/url"),
        ({"secret": "mine"}, 400, ""),
    ],
)
def test_what_is_no_webhook(api: Any, body: Any, status: int, pointer: str) -> None:
    answer = made(api, **body)
    assert (answer.status_code, answer.json()["error"]["pointer"]) == (status, pointer)


def test_webhooks_are_for_admins_and_not_without_end(api: Any) -> None:
    assert api.get(PATH, headers=api.as_("read calls agents document")).status_code == 403
    statuses = [made(api).status_code for _ in range(21)]
    assert (statuses[:20], statuses[20]) == ([201] * 20, 409)


def test_dead_letters_are_seen_and_tried_again(api: Any, store: Any, backend: Any) -> None:
    name = made(api).json()["webhook"]["id"]
    store.apply("p", 1, [("call.start", {"id": "c", "account": "acme", "at": 1.0})])
    (delivery,) = store.run(lambda inner: inner.events.due(name, 1e12, 10))
    store.run(lambda inner: inner.execute("UPDATE deliveries SET state = 'dead', error = 'status 500', attempts = 15"))
    (letter,) = api.get(f"{PATH}/{name}/dead").json()["dead"]
    assert (letter["attempts"], letter["error"], letter["event"]["event"]) == (15, "status 500", "call.started")
    assert api.post(f"{PATH}/{name}/dead/999/retry").status_code == 404
    assert api.post(f"{PATH}/{name}/dead/{delivery.event.id}/retry").json() == {"revived": 1}
    assert api.get(f"{PATH}/{name}").json()["waiting"] == 1
    assert api.post(f"{PATH}/{name}/dead/retry").json() == {"revived": 0}
    assert backend.observation.changed == 3
