"""Files of deleted messages go, orphans are adopted or removed, and the documents say what is mailed."""

from __future__ import annotations

import os
import wave
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from routerd.app.setup import ControlSetup
from routerd.app.voicemail import OLD_S, MailPlans, Voicemail, length_of, plans_of, recordings
from routerd.config.load import load
from routerd.config.secret import SecretSource
from routerd.store import messages, versions
from routerd.store.spool import StoreWriter
from routerd.store.versions import Fresh

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_795_500_000.0
DOCUMENT = """
schema: 1
account:
  {id: acme, name: Acme, country: IN, timezone: Asia/Kolkata, mail: {host: mail.test, sender: box@acme.test,
   username: acme, password: {env: ROUTERD_SECRET_MAIL}}}
voicemails: [{id: box, email: asha@acme.test}, {id: hall}]
"""


class House:
    """A control process' parts around the mailboxes; the sip process is a list of commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "voicemail"
        self.setup = ControlSetup(
            str(folder / "s.db"), (), "", "", ("127.0.0.1", 1), str(folder / "t"), voicemail_dir=str(self.folder)
        )
        self.writer = StoreWriter(folder / "s.db", lambda _process, _number: None)
        self.versions: dict[str, int] = {}
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.answer: dict[str, Any] | None = {"ok": True}
        self.count = 0
        self.voicemail = Voicemail(self.setup, self.writer, self.command, lambda: self.versions)

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        self.commands.append((verb, arguments))
        return self.answer

    async def journal(self, kind: str, **entry: Any) -> None:
        self.count += 1
        self.writer.put("p", self.count, [(kind, {"account": "acme", "voicemail": "box", **entry})])
        await self.writer.settled()

    async def leave(self, name: str, file: Path) -> None:
        await self.journal("voicemail.message", id=name, call=name, at=NOW, file=str(file))

    def record(self, name: str, seconds: float = 3.0, age_s: float = 3600.0, box: str = "box") -> Path:
        path = self.folder / "acme" / box / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(8000)
            out.writeframes(b"\1\2" * int(8000 * seconds))
        os.utime(path, (NOW - age_s, NOW - age_s))
        return path


@pytest.fixture
async def house(tmp_path: Path) -> Any:
    made = House(tmp_path)
    await made.writer.open()
    yield made
    await made.voicemail.stop()
    await made.writer.close()


async def test_the_file_of_a_deleted_message_goes(house: House) -> None:
    path, kept = house.record("a.wav"), house.record("b.wav")
    await house.leave("a", path)
    await house.leave("b", kept)
    await house.journal("voicemail.deleted", id="a")
    await house.voicemail.look()
    assert not path.exists()
    assert kept.exists()
    assert await house.writer.run(messages.removable) == []
    await house.voicemail.look()


async def test_no_file_outside_of_the_folder_is_removed(house: House, tmp_path: Path) -> None:
    elsewhere = tmp_path / "precious.txt"
    elsewhere.write_text("x")
    await house.leave("a", elsewhere)
    await house.journal("voicemail.deleted", id="a")
    await house.voicemail.look()
    assert elsewhere.exists()
    assert await house.writer.run(messages.removable) == []


async def test_a_store_that_always_writes_holds_nothing_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    path = house.record("a.wav")
    await house.leave("a", path)
    await house.journal("voicemail.deleted", id="a")
    monkeypatch.setattr("routerd.app.voicemail.SETTLE_S", 0.01)
    house.writer._empty.clear()
    assert await house.voicemail.look() == 0.01
    assert not path.exists()
    house.writer._empty.set()


async def test_the_task_is_woken_by_the_journal(house: House) -> None:
    house.voicemail.start()
    path = house.record("a.wav")
    await house.leave("a", path)
    await house.journal("voicemail.deleted", id="a")
    house.voicemail.hear("voicemail.deleted", {})
    for _ in range(5000):
        if await house.writer.run(messages.removable) == []:
            break
    assert not path.exists()
    assert ("voicemail_files_removed_total", {}, 1.0) in house.voicemail.samples()


async def test_a_recording_that_nobody_told_of_is_adopted(house: House) -> None:
    path = house.record("0-abc.wav", 3.0)
    start = {"id": "0-abc", "account": "acme", "at": NOW - 4000, "from": "+919812345678", "to": "+911"}
    house.writer.put("q", 1, [("call.start", start)])
    await house.writer.settled()
    await house.voicemail.sweep(NOW)
    assert house.commands == []  # its call still goes on
    house.writer.put("q", 2, [("call.end", {**start, "outcome": "crashed"})])
    await house.writer.settled()
    with structlog.testing.capture_logs() as lines:
        await house.voicemail.sweep(NOW)
    assert [line["event"] for line in lines] == ["orphan adopted"]
    ((verb, wanted),) = house.commands
    assert (verb, wanted["account"], wanted["voicemail"]) == ("voicemail_add", "acme", "box")
    assert wanted["message"] == {
        "id": "0-abc", "call": "0-abc", "at": NOW - 3603.0, "caller": "+919812345678", "caller_name": "",
        "duration_s": 3.0, "file": str(path), "size_bytes": 48044,
    }  # fmt: skip
    assert house.voicemail.adopted == 1


async def test_what_the_engine_left_unfinished_gets_its_name(house: House) -> None:
    path = house.record("0-abc.wav.part", 2.0)
    with path.open("ab") as file:
        file.write(bytes(16000))  # written after the header was brought up to date for the last time
    os.utime(path, (NOW - 3600, NOW - 3600))
    await house.voicemail.sweep(NOW)
    assert house.commands[0][1]["message"]["duration_s"] == 3.0
    assert house.commands[0][1]["message"]["file"] == str(path.with_name("0-abc.wav"))
    assert path.with_name("0-abc.wav").exists()
    assert not path.exists()


async def test_an_orphan_waits_for_the_sip_process(house: House) -> None:
    house.record("0-abc.wav")
    house.answer = None
    await house.voicemail.sweep(NOW)
    assert house.voicemail.adopted == 0
    house.answer = {"ok": True}
    await house.voicemail.sweep(NOW)
    assert (len(house.commands), house.voicemail.adopted) == (2, 1)


async def test_what_holds_no_message_is_removed(house: House) -> None:
    brief, rubbish = house.record("brief.wav", 0.5), house.record("rubbish.wav")
    rubbish.write_bytes(b"RIFF what is this")
    os.utime(rubbish, (NOW - 3600, NOW - 3600))
    with structlog.testing.capture_logs() as lines:
        await house.voicemail.sweep(NOW)
    assert [line["event"] for line in lines] == ["orphan removed"] * 2
    assert not brief.exists()
    assert not rubbish.exists()
    assert house.commands == []


async def test_what_is_known_deleted_or_fresh_is_no_orphan(house: House) -> None:
    await house.leave("known", house.record("known.wav"))
    await house.leave("deleted", house.record("deleted.wav"))
    await house.journal("voicemail.deleted", id="deleted")
    house.record("fresh.wav", age_s=OLD_S - 1)
    await house.voicemail.sweep(NOW)
    assert house.commands == []


async def test_without_a_folder_there_is_nothing_to_sweep(tmp_path: Path) -> None:
    setup = ControlSetup(str(tmp_path / "s.db"), (), "", "", ("127.0.0.1", 1), str(tmp_path / "t"))
    writer = StoreWriter(tmp_path / "s.db", lambda _process, _number: None)
    await writer.open()
    await Voicemail(setup, writer, House(tmp_path).command, dict).sweep(NOW)
    await writer.close()


def test_other_files_are_none_of_ours(tmp_path: Path) -> None:
    for name in ("acme/box/notes.txt", "acme/loose.wav", "acme/box/deep/x.wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert recordings(tmp_path, 1e12) == []
    assert recordings(tmp_path / "none", 1e12) == []
    assert length_of(tmp_path / "acme/box/notes.txt") == 0.0


# -- what the documents say --


def test_the_plan_of_a_mailbox() -> None:
    secrets = SecretSource({"ROUTERD_SECRET_MAIL": "sesame"})
    plans = plans_of(load(DOCUMENT.encode(), source="a.yaml", secrets=secrets))
    assert list(plans) == ["box"]
    plan = plans["box"]
    assert (plan.host, plan.port, plan.tls, plan.sender, plan.recipient) == (
        "mail.test", 587, "starttls", "box@acme.test", "asha@acme.test"
    )  # fmt: skip
    assert (plan.username, plan.password, plan.timezone) == ("acme", "sesame", "Asia/Kolkata")
    without = load(b"schema: 1\naccount: {id: a, name: A, country: IN}\n", source="a.yaml", secrets=secrets)
    assert plans_of(without) == {}


async def test_plans_follow_the_document(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERD_SECRET_MAIL", "sesame")
    plans = MailPlans(house.setup, house.writer, lambda: house.versions)
    assert await plans.plan("acme", "box") is None

    async def apply(text: str) -> None:
        fresh = Fresh("acme", text.encode(), "a.yaml", str(len(text)), NOW)
        house.versions = {"acme": await house.writer.run(versions.keep, fresh)}

    await apply(DOCUMENT)
    plan = await plans.plan("acme", "box")
    assert plan is not None
    assert plan.password == "sesame"
    assert await plans.plan("acme", "hall") is None
    await apply(DOCUMENT.replace("asha@", "ravi@"))
    plan = await plans.plan("acme", "box")
    assert plan is not None
    assert plan.recipient == "ravi@acme.test"
    await apply("schema: 1\naccount: {id: acme, name: Acme, country: IN}\n")
    assert await plans.plan("acme", "box") is None
