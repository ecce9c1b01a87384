from __future__ import annotations

import asyncio
from typing import Any

from routerd.app import retiring
from routerd.app.documents import DocumentReader
from routerd.app.retiring import Retiring, pinned
from routerd.config.snapshot import SnapshotBuilder, frames


def snapshot(text: str, version: int) -> Any:
    builder = SnapshotBuilder()
    for part in frames(DocumentReader("", "").tables(text.encode(), "a.yaml", version)):
        builder.feed(part)
    return builder.finish(version)


async def test_a_snapshot_that_a_call_pins_stays_whole_until_the_call_is_over(
    document_text: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(retiring, "LOOK_EVERY_S", 0.01)
    old, new = snapshot(document_text, 1), snapshot(document_text, 2)
    agents = old.accounts["acme"].agents
    keeper = Retiring(asyncio.get_running_loop())
    keeper.replace(old)
    keeper.replace(new)
    call = old.accounts["acme"]
    assert pinned(old, new)
    keeper.look()
    assert len(keeper) == 1
    assert len(agents) == 2
    del call
    async with asyncio.timeout(5):
        while agents:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.005)
    assert len(keeper) == 0
    assert len(new.accounts["acme"].agents) == 2
