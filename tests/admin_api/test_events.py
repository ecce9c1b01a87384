from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from routerd.admin_api import events
from routerd.admin_api.events import EventLines, Prompt, text_of
from routerd.store.outbox import Event, Wanted

PATH = "/v1/accounts/acme/events"


def calls(store: Any, *names: str) -> None:
    for name in names:
        store.apply("p", store.position("p") + 1, [("call.start", {"id": name, "account": "acme", "at": 5.0})])


async def pieces(lines: EventLines, count: int) -> list[str]:
    stream = lines.each()
    async with asyncio.timeout(10):
        return [(await anext(stream)).decode() for _ in range(count)]


def test_an_event_as_the_stream_has_it() -> None:
    event = Event(7, "leg.ringing", "acme", 5.0, "c1", 2, {"target": "line\nbreak"})
    lines = text_of(event).decode().split("\n")
    assert lines[:2] == ["id: 7", "event: leg.ringing"]
    assert json.loads(lines[2].removeprefix("data: ")) == event.told()
    assert lines[3:] == ["", ""]


async def test_a_watcher_resumes_and_is_told_of_gaps(backend: Any, store: Any) -> None:
    store.run(lambda inner: inner.events.watch(live=True))
    calls(store, "a", "b", "c")
    await backend.observation.feed.start()
    first = await pieces(EventLines(backend.observation, Wanted("acme"), 1), 3)
    assert first[0] == "retry: 2000\n\n"
    assert [piece.split("\n")[0] for piece in first[1:]] == ["id: 2", "id: 3"]
    store.run(lambda inner: inner.execute("DELETE FROM events WHERE id < 3"))
    second = await pieces(EventLines(backend.observation, Wanted("acme"), 0), 2)
    assert second[1] == 'event: stream.gap\ndata: {"after":"0","oldest":"3"}\n\n'
    backend.observation.feed.stop()


async def test_silence_is_a_comment_and_too_many_are_told(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.01)
    await backend.observation.feed.start()
    assert await pieces(EventLines(backend.observation, Wanted("acme"), None), 3) == [
        "retry: 2000\n\n", ": nothing new\n\n", ": nothing new\n\n",
    ]  # fmt: skip
    monkeypatch.setattr("routerd.app.events.MOST_WATCHERS", 0)
    assert (await pieces(EventLines(backend.observation, Wanted("acme"), None), 1))[0].startswith(": more than 0")
    backend.observation.feed.stop()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/accounts/nobody/events", {}, 404),
        (PATH + "?types=call.began", {}, 400),
        (PATH, {"Last-Event-ID": "x"}, 400),
        (PATH + "?after=" + "9" * 30, {}, 400),
    ],
)
def test_what_cannot_be_watched(api: Any, path: str, headers: dict[str, str], status: int) -> None:
    assert api.get(path, headers=headers).status_code == status


def test_everything_is_for_tokens_of_all_accounts(api: Any) -> None:
    assert api.get("/v1/events", headers=api.as_("read", "acme")).status_code == 403
    assert api.get("/v1/accounts/beta/events", headers=api.as_("read", "acme")).status_code == 403


async def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SLOW_S", 0.01)

    async def response(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.body"})

    async def blocked(_message: Any) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await Prompt(response)({}, None, blocked)
