from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from routerd.admin_api.changes import Wish
from routerd.admin_api.problems import Problem
from routerd.app.document_life import DocumentLife
from routerd.app.documents import DocumentReader
from routerd.app.setup import ControlSetup
from routerd.config import editing
from routerd.config.snapshot import SnapshotBuilder
from routerd.errors import ConfigError
from routerd.media.wave_format import canonical_header
from routerd.store import versions
from routerd.store.spool import StoreWriter

if TYPE_CHECKING:
    from pathlib import Path

ME = Wish("me")


class Published:
    """Counts how often the sip process was given documents."""

    def __init__(self) -> None:
        self.times = 0
        self._noted = asyncio.Event()

    def note(self) -> None:
        self.times += 1
        self._noted.set()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._noted.clear()
                await self._noted.wait()


class Place:
    def __init__(self, folder: Path, writer: StoreWriter, text: str) -> None:
        self.published: Any = Published()
        self.file = folder / "acme.yaml"
        self.file.write_text(text)
        setup = ControlSetup(str(folder / "store.db"), (str(self.file),), "", "", ("127.0.0.1", 1), "")
        self.writer = writer
        self.text = text.encode()
        self.make = lambda: DocumentLife(setup, writer, self.published.note)


@pytest.fixture
async def place(tmp_path: Path, document_text: str) -> Any:
    writer = StoreWriter(tmp_path / "store.db", lambda *_: None)
    await writer.open()
    yield Place(tmp_path, writer, document_text)
    await writer.close()


def names(documents: DocumentLife) -> list[str]:
    builder = SnapshotBuilder()
    for part in documents.parts:
        builder.feed(part)
    return [agent.name for agent in builder.finish(1).accounts["acme"].agents.values()]


async def test_the_file_is_taken_once_and_then_the_store_counts(place: Any) -> None:
    first = place.make()
    await first.load()
    assert (first.version, first.versions, names(first)) == (1, {"acme": 1}, ["Asha Rao", "Ravi Iyer"])
    place.file.write_text(place.file.read_text().replace("Asha Rao", "Asha R"))
    second = place.make()
    await second.load()
    assert (second.version, names(second)) == (1, ["Asha Rao", "Ravi Iyer"])
    assert await second.reload()
    assert (second.version, names(second)) == (2, ["Asha R", "Ravi Iyer"])
    assert not await second.reload()
    third = place.make()
    await third.load()
    assert (third.version, names(third)) == (2, ["Asha R", "Ravi Iyer"])


async def test_a_wrong_document_changes_nothing(place: Any) -> None:
    documents = place.make()
    await documents.load()
    parts = documents.parts
    place.file.write_text("schema: 1\naccount: {}\n")
    with pytest.raises(ConfigError):
        await documents.reload()
    assert documents.parts is parts
    assert documents.versions == {"acme": 1}


async def test_documents_are_compiled_beside_the_loop_and_only_when_they_changed(place: Any, monkeypatch: Any) -> None:
    threads: list[Any] = []
    compile_text = DocumentReader.tables

    def tables(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return compile_text(*arguments)

    monkeypatch.setattr(DocumentReader, "tables", tables)
    documents = place.make()
    await documents.load()
    assert threads
    assert threading.main_thread() not in threads
    threads.clear()
    assert not await documents.reload()
    assert threads == []
    place.file.write_text(place.file.read_text() + "\n")
    assert await documents.reload()
    assert threads


# -- changes -------------------------------------------------------------------------------------


@pytest.fixture
async def life(place: Any) -> Any:
    made = place.make()
    await made.load()
    place.published.times = 0
    yield made
    made.stop()


def changed(place: Any, name: str) -> bytes:
    return place.text.replace(b"Asha Rao", name.encode())


async def test_a_text_is_put_in_force_once(life: Any, place: Any) -> None:
    applied = await life.put("acme", changed(place, "Asha R"), "api.yaml", ME)
    assert (applied.version, applied.before, applied.changed) == (2, 1, True)
    assert (life.versions, names(life), place.published.times) == ({"acme": 2}, ["Asha R", "Ravi Iyer"], 1)
    again = await life.put("acme", changed(place, "Asha R"), "api.yaml", ME)
    assert (again.version, again.changed, place.published.times) == (2, False, 1)
    current = await life.current("acme")
    assert (current.author, current.source) == ("me", "api.yaml")
    later = place.make()
    await later.load()
    assert names(later) == ["Asha R", "Ravi Iyer"]
    assert not await later.reload()  # the file has not changed since it was taken


async def test_a_refused_text_tells_every_error_by_its_own_lines(life: Any, place: Any) -> None:
    shown = place.text.replace(b"password: secret-2001", b"password: {set: true}") + b"nonsense: 1\n"
    shown = shown.replace(b"name: Ravi Iyer", b"nam: Ravi Iyer")
    with pytest.raises(ConfigError) as refused:
        await life.put("acme", shown, "api.yaml", ME)
    places = {(error.pointer, error.line) for error in refused.value.errors}  # type: ignore[attr-defined]
    assert places >= {("/nonsense", 10), ("/agents/1/nam", 6)}
    assert (life.versions, place.published.times) == ({"acme": 1}, 0)


async def test_secrets_that_are_shown_as_set_are_kept(life: Any) -> None:
    current = await life.current("acme")
    shown = editing.redacted(editing.read_plain(current.text, current.source))
    shown["agents"][0]["name"] = "Asha R"
    await life.put("acme", json.dumps(shown).encode(), "api.json", ME)
    builder = SnapshotBuilder()
    for part in life.parts:
        builder.feed(part)
    tables = builder.finish(1).accounts["acme"]
    assert tables.extensions["2001"].password == "secret-2001"
    assert tables.agents["asha"].name == "Asha R"


async def test_conditions_are_looked_at(life: Any, place: Any) -> None:
    text = changed(place, "A")
    for wish in (Wish("me", only=frozenset({7})), Wish("me", absent=True)):
        with pytest.raises(Problem) as refused:
            await life.put("acme", text, "api.yaml", wish)
        assert refused.value.status == 412
    with pytest.raises(Problem):
        await life.put("beta", text, "api.yaml", Wish("me", exists=True))
    assert (await life.put("acme", text, "api.yaml", Wish("me", only=frozenset({1})))).version == 2


async def test_an_account_is_never_renamed_nor_robbed(life: Any, place: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        await life.put("beta", place.text, "api.yaml", ME)
    assert refused.value.pointer == "/account/id"
    beta = place.text.replace(b"id: acme", b"id: beta")
    with pytest.raises(ConfigError, match="belongs to the account acme already"):
        await life.put("beta", beta, "api.yaml", ME)
    beta = beta.replace(b"acme.test", b"beta.test")
    applied = await life.put("beta", beta, "api.yaml", ME)
    assert (applied.version, applied.before, life.versions) == (1, 0, {"acme": 1, "beta": 1})
    with pytest.raises(ConfigError, match="belongs to the account beta already"):
        await life.put("acme", place.text.replace(b"acme.test", b"beta.test"), "api.yaml", ME)
    place.file.write_bytes(place.text.replace(b"id: acme", b"id: gamma").replace(b"acme.test", b"gamma.test"))
    with pytest.raises(ConfigError, match="was the document of"):
        await life.reload()


async def test_entries_are_changed_and_nothing_is_lost(life: Any) -> None:
    def rename(tree: Any) -> None:
        editing.put_entry(tree, "agents", "asha", {"name": "Asha R", "extension": "2001"})

    assert (await life.edit("acme", rename, ME)).version == 2
    assert (await life.edit("acme", rename, ME)).changed is False
    assert names(life) == ["Asha R", "Ravi Iyer"]
    with pytest.raises(ConfigError) as refused:
        await life.edit("acme", lambda tree: editing.remove_entry(tree, "extensions", "2001"), ME)
    assert [(error.pointer, error.line) for error in refused.value.errors] == [("/agents/0/extension", 0)]  # type: ignore[attr-defined]
    with pytest.raises(Problem, match="no document"):
        await life.edit("beta", rename, ME)


async def test_changes_at_the_same_time_come_one_after_the_other(life: Any) -> None:
    def add(number: int) -> Any:
        return lambda tree: editing.put_entry(tree, "agents", f"a{number}", {"name": f"A {number}"})

    done = await asyncio.gather(*(life.edit("acme", add(number), ME) for number in range(5)))
    assert sorted(applied.version for applied in done) == [2, 3, 4, 5, 6]
    assert len(names(life)) == 7


async def test_a_rollback_is_a_new_version(life: Any, place: Any) -> None:
    await life.put("acme", changed(place, "B"), "api.yaml", ME)
    applied = await life.rollback("acme", 1, ME)
    assert (applied.version, applied.before, names(life)) == (3, 2, ["Asha Rao", "Ravi Iyer"])
    assert (await life.rollback("acme", 1, ME)).changed is False
    with pytest.raises(Problem) as refused:
        await life.rollback("acme", 9, ME)
    assert refused.value.status == 404
    assert not await life.reload()


async def test_a_withdrawn_document_stays_away_until_the_next(life: Any, place: Any) -> None:
    assert (await life.withdraw("acme", ME)).version == 0
    assert (life.parts, life.versions, await life.current("acme")) == ([], {}, None)
    with pytest.raises(Problem):
        await life.withdraw("acme", ME)
    later = place.make()
    await later.load()
    assert later.versions == {}
    serial = life.version
    assert (await life.put("acme", place.text, "api.yaml", Wish("me", absent=True))).version == 2
    assert life.version == serial + 1 == 3


# -- confirm or revert -------------------------------------------------------------------------------------


async def test_what_nobody_confirms_comes_back(life: Any, place: Any) -> None:
    applied = await life.put("acme", changed(place, "B"), "api.yaml", Wish("me", confirm_within_s=0.2))
    assert applied.confirm_until == life.pending("acme") is not None
    with pytest.raises(Problem) as refused:
        await life.put("acme", changed(place, "C"), "api.yaml", ME)
    assert (refused.value.status, refused.value.code) == (409, "confirmation_pending")
    await place.published.until(lambda: life.versions == {"acme": 3})
    assert (names(life), life.pending("acme")) == (["Asha Rao", "Ravi Iyer"], None)
    assert (await life.current("acme")).author == "not confirmed"
    assert (await life.put("acme", changed(place, "C"), "api.yaml", ME)).version == 4


async def test_what_is_confirmed_stays(life: Any, place: Any) -> None:
    await life.put("acme", changed(place, "B"), "api.yaml", Wish("me", confirm_within_s=0.1))
    assert (await life.confirm("acme")).version == 2
    with pytest.raises(Problem):
        await life.confirm("acme")
    with pytest.raises(Problem):
        await life.revert("acme", "me")
    await asyncio.sleep(0.2)
    assert (life.versions, life.pending("acme")) == ({"acme": 2}, None)


async def test_it_can_be_reverted_at_once(life: Any, place: Any) -> None:
    await life.put("acme", changed(place, "B"), "api.yaml", Wish("me", confirm_within_s=60))
    applied = await life.revert("acme", "me")
    assert (applied.version, applied.before, names(life)) == (3, 2, ["Asha Rao", "Ravi Iyer"])


async def test_a_new_account_that_nobody_confirms_goes(life: Any, place: Any) -> None:
    beta = place.text.replace(b"id: acme", b"id: beta").replace(b"acme.test", b"beta.test")
    await life.put("beta", beta, "api.yaml", Wish("me", confirm_within_s=60))
    await life.revert("beta", "me")
    assert life.versions == {"acme": 1}


async def test_a_process_that_starts_brings_back_what_was_before(life: Any, place: Any) -> None:
    await life.put("acme", changed(place, "B"), "api.yaml", Wish("me", confirm_within_s=600))
    life.stop()
    later = place.make()
    await later.load()
    assert (names(later), later.versions, later.pending("acme")) == (["Asha Rao", "Ravi Iyer"], {"acme": 3}, None)
    assert later.version > life.version


async def test_a_file_waits_for_the_confirmation_too(life: Any, place: Any) -> None:
    await life.put("acme", changed(place, "B"), "api.yaml", Wish("me", confirm_within_s=60))
    place.file.write_bytes(changed(place, "C"))
    with pytest.raises(ConfigError, match="waits to be confirmed"):
        await life.reload()
    await life.confirm("acme")
    assert await life.reload()
    assert names(life)[0] == "C"


async def test_a_recording_that_changed_is_taken_with_the_next_reading(tmp_path: Path, document_text: str) -> None:
    def record(frames: int) -> None:
        (tmp_path / "a.wav").write_bytes(canonical_header(frames) + b"\1\0" * frames)

    def lengths(life: DocumentLife) -> list[float]:
        builder = SnapshotBuilder()
        for part in life.parts:
            builder.feed(part)
        return [sound.duration_s for sound in builder.finish(1).accounts["acme"].sounds.values()]

    record(16_000)
    file = tmp_path / "acme.yaml"
    file.write_text(document_text + "sounds: [{id: a, file: a.wav}]\n")
    writer = StoreWriter(tmp_path / "store.db", lambda *_: None)
    await writer.open()
    published = Published()
    setup = ControlSetup(str(tmp_path / "store.db"), (str(file),), "", str(tmp_path), ("127.0.0.1", 1), "")
    life = DocumentLife(setup, writer, published.note)
    await life.load()
    assert not await life.reload()
    record(24_000)
    assert await life.reload()
    assert (lengths(life), life.versions, published.times) == ([1.5], {"acme": 1}, 1)
    assert not await life.reload()
    (tmp_path / "a.wav").unlink()
    assert not await life.reload()
    again = DocumentLife(setup, writer, published.note)
    await again.load()  # what is in force is played on
    assert lengths(again) == [1.5]
    await writer.close()


# -- judging and refreshing -------------------------------------------------------------------------------------


async def test_judging_changes_nothing_and_finds(life: Any, place: Any) -> None:
    findings = await life.judge("acme", place.text + b'numbers: [{number: "+918069651170"}]\n', "api.yaml")
    assert any(finding.pointer.startswith("/numbers/0") and finding.line == 10 for finding in findings)
    with pytest.raises(ConfigError):
        await life.judge("acme", b"{", "api.json")
    assert (life.versions, place.published.times) == ({"acme": 1}, 0)


async def test_a_refresh_gives_the_sip_process_the_tables_again(life: Any, place: Any) -> None:
    before = life.version
    await life.refresh("acme")
    assert (life.versions, life.version, place.published.times) == ({"acme": 1}, before + 1, 1)
    states = await place.writer.run(versions.states)
    assert states["acme"].serial == life.version
    await life.refresh("nobody")


async def test_a_change_is_carried_through_when_its_asker_has_gone(life: Any, place: Any) -> None:
    asking = asyncio.create_task(life.put("acme", changed(place, "B"), "api.yaml", ME))
    while life._tasks == set() and not asking.done():  # noqa: ASYNC110 - nothing tells that it has begun
        await asyncio.sleep(0)
    asking.cancel()
    await place.published.until(lambda: life.versions == {"acme": 2})
    assert names(life)[0] == "B"
