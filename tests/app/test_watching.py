from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from routerd.app.watching import FileWatch

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_change_is_told_once_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    heard = asyncio.Event()
    watch = FileWatch([str(file), str(tmp_path / "none")], 0.02, heard.set)
    watch.start()
    file.write_text("22")
    async with asyncio.timeout(10):
        await heard.wait()
    heard.clear()
    await asyncio.sleep(0.1)
    assert not heard.is_set()
    file.unlink()
    async with asyncio.timeout(10):
        await heard.wait()
    watch.stop()


def test_what_still_changes_is_waited_for(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    told: list[int] = []
    watch = FileWatch([str(file)], 1.0, lambda: told.append(1))
    monkeypatch.setattr(watch, "start", lambda: None)
    for size, expected in ((2, 0), (3, 0), (3, 1), (3, 1)):
        file.write_text("x" * size)
        monkeypatch.setattr(watch, "_state", lambda size=size: ((size, size, size),))
        watch._look()
        assert len(told) == expected


async def test_no_interval_is_no_watch(tmp_path: Path) -> None:
    watch = FileWatch([str(tmp_path)], 0.0, lambda: None)
    watch.start()
    assert watch._timer is None
    watch.stop()
