"""Mailboxes in the control process: files of deleted messages go, orphans are found, mail is sent.

Theory of operation. One task, woken by the journal's ``voicemail.*`` entries and by its own clock. It lets the store
have what was journalled, then removes the files of deleted messages and lets the mail room look. At the start and then
every ``SWEEP_S`` it looks for *orphans*: recordings below ``voicemail_dir`` that no message names, because the sip
process was killed after the caller had spoken and before it could say so (or the engine while it recorded: such a file
still ends in ``.part``). What has not grown for ``OLD_S``, belongs to no open call and holds ``LEAST_S`` of speech is
*adopted*: it becomes a new message, with caller and time from the call's record. What holds less, or is no WAV, is
removed. Both are logged. A file whose message was deleted is never adopted: its row stays until the file is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.app.documents import DocumentReader
from routerd.app.mail import MailRoom, Plan
from routerd.edge.logs import logger
from routerd.errors import RouterdError, StoreError
from routerd.store import messages, versions

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping

    from routerd.app.setup import ControlSetup
    from routerd.config.document import Document, Mail
    from routerd.edge.metrics import Sample
    from routerd.store.messages import StoredMessage
    from routerd.store.spool import StoreWriter
    from routerd.store.sqlite import Store

    Command = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any] | None]]

log = logger("app.voicemail")

FIRST_SWEEP_S: Final = 60.0
SWEEP_S: Final = 300.0
OLD_S: Final = 60.0
LEAST_S: Final = 1.0
SETTLE_S: Final = 2.0
AGAIN_S: Final = 30.0  # after the store, a disk or the documents were not to be had
PART: Final = ".part"
HEADER_BYTES: Final = 44  # as the engine writes it


class Found(msgspec.Struct, frozen=True):
    """A recording on the disk: where it stands, whose it must be by its path, when it was last written to."""

    path: Path
    account: str
    voicemail: str
    id: str
    changed_at: float
    size_bytes: int


class Voicemail:
    """The control process' part of all mailboxes. ``start()`` once the store is open, ``hear`` each journal entry."""

    def __init__(
        self,
        setup: ControlSetup,
        writer: StoreWriter,
        command: Command,
        in_force: Callable[[], Mapping[str, int]],
        *,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._folder = Path(setup.voicemail_dir) if setup.voicemail_dir else None
        self._writer = writer
        self._command = command
        self.mail = MailRoom(writer, MailPlans(setup, writer, in_force), trust=trust)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._next_sweep = time.monotonic() + FIRST_SWEEP_S
        self.adopted = 0
        self.removed = 0

    def start(self) -> None:
        """Begin to work."""
        self._wake.set()  # what was left by the process before
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """End; what is under way is given up and done again at the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def hear(self, kind: str, entry: dict[str, Any]) -> None:  # noqa: ARG002 - one signature for all who hear
        """Hear an entry of the journal."""
        if kind in {messages.KEPT, messages.DELETED}:
            self._wake.set()

    def samples(self) -> list[Sample]:
        """Give what was counted since the start."""
        return [
            ("voicemail_orphans_adopted_total", {}, float(self.adopted)),
            ("voicemail_files_removed_total", {}, float(self.removed)),
            ("mail_sent_total", {}, float(self.mail.sent)),
            ("mail_failures_total", {}, float(self.mail.failed)),
            ("mail_dead_total", {}, float(self.mail.died)),
        ]

    async def _work(self) -> None:
        wait_s: float | None = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            self._wake.clear()
            try:
                wait_s = await self.look()
            except (RouterdError, OSError) as error:
                log.warning("mailboxes are looked after later", error=str(error))
                wait_s = AGAIN_S

    async def look(self) -> float:
        """Do all that is to be done now; gives in how many seconds to come again at the latest."""
        settled = await self._settled()
        for message in await self._writer.run(messages.removable):
            await self._remove(message)
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_S
            await self.sweep(time.time())
        due_at = await self.mail.look(time.time())
        wait_s = max(0.0, self._next_sweep - time.monotonic()) if settled else SETTLE_S
        return wait_s if due_at is None else min(wait_s, max(0.0, due_at - time.time()))

    async def _settled(self) -> bool:
        """Let the store have what was journalled; False: under load it always has something to write."""
        try:
            async with asyncio.timeout(SETTLE_S):
                await self._writer.settled()
        except TimeoutError:
            return False
        return True

    async def _remove(self, message: StoredMessage) -> None:
        path = Path(message.file)
        if self._folder is not None and path.is_relative_to(self._folder):
            await asyncio.to_thread(path.unlink, missing_ok=True)
            self.removed += 1
        await self._writer.run(messages.forget, message.key)

    # -- orphans --

    async def sweep(self, now: float) -> None:
        """Adopt or remove recordings that no message names; ``now`` in UTC seconds."""
        if self._folder is None:
            return
        boxes: dict[tuple[str, str], list[Found]] = {}
        for found in await asyncio.to_thread(recordings, self._folder, now - OLD_S):
            boxes.setdefault((found.account, found.voicemail), []).append(found)
        for box, recorded in boxes.items():
            for found in await self._writer.run(_unwanted, box, recorded):
                await self._adopt_or_remove(found)

    async def _adopt_or_remove(self, found: Found) -> None:
        if found.path.suffix == PART:
            await asyncio.to_thread(complete, found.path)
        duration_s = await asyncio.to_thread(length_of, found.path)
        if duration_s < LEAST_S:
            await asyncio.to_thread(found.path.unlink, missing_ok=True)
            self.removed += 1
            log.warning("orphan removed", file=str(found.path), duration_s=round(duration_s, 1))
            return
        path = found.path
        if path.suffix == PART:
            path = await asyncio.to_thread(path.replace, path.with_suffix(""))
        call = await self._writer.run(_record, found.id) or {}
        message = {
            "id": found.id, "call": found.id, "at": found.changed_at - duration_s,
            "caller": str(call.get("from") or ""), "caller_name": str(call.get("caller_name") or ""),
            "duration_s": round(duration_s, 3), "file": str(path), "size_bytes": found.size_bytes,
        }  # fmt: skip
        wanted = {"account": found.account, "voicemail": found.voicemail, "message": message}
        answer = await self._command("voicemail_add", wanted)
        if answer is None or not answer.get("ok"):
            log.warning("orphan waits", file=str(path), answer=answer)
            return
        self.adopted += 1
        log.warning("orphan adopted", file=str(path), duration_s=round(duration_s, 1), mailbox=found.voicemail)


def recordings(folder: Path, before: float) -> list[Found]:
    """Give the recordings ``folder/account/mailbox/id.wav`` that were not written to since ``before``; oldest first."""
    found = []
    for path in [*folder.glob("*/*/*.wav"), *folder.glob(f"*/*/*.wav{PART}")]:
        try:
            status = path.stat()
        except OSError:
            continue  # gone meanwhile
        if status.st_mtime < before:
            account, box, name = path.parts[-3:]
            found.append(Found(path, account, box, name.partition(".wav")[0], status.st_mtime, status.st_size))
    return sorted(found, key=lambda one: one.changed_at)


def complete(path: Path) -> None:
    """Bring the lengths in the header of a recording that was broken off up to what the file holds."""
    size_bytes = path.stat().st_size
    with path.open("r+b") as file:
        head = file.read(HEADER_BYTES)
        if len(head) == HEADER_BYTES and head[:4] == b"RIFF" and head[36:40] == b"data":
            file.seek(4)
            file.write(struct.pack("<I", size_bytes - 8))
            file.seek(40)
            file.write(struct.pack("<I", size_bytes - HEADER_BYTES))


def length_of(path: Path) -> float:
    """Give the length of a WAV in seconds; 0 when it is none."""
    try:
        with wave.open(str(path), "rb") as sound:
            return sound.getnframes() / sound.getframerate()
    except (wave.Error, EOFError, OSError, ZeroDivisionError):
        return 0.0


def _unwanted(store: Store, box: tuple[str, str], recorded: list[Found]) -> list[Found]:
    """Give those of a mailbox' recordings that no message names and whose call is over."""
    known = messages.names(store, *box)
    loose = [found for found in recorded if found.id not in known]
    return [found for found in loose if not store.rows("SELECT 1 FROM starts WHERE id = ?", found.id)]


def _record(store: Store, call: str) -> dict[str, Any] | None:
    try:
        return store.record(call)
    except StoreError:
        return None


# -- what the documents say of mail --


class MailPlans:
    """How each mailbox' messages are mailed, by the documents in force; a document is read again when it is another."""

    def __init__(self, setup: ControlSetup, writer: StoreWriter, in_force: Callable[[], Mapping[str, int]]) -> None:
        self._reader = DocumentReader(setup.secrets_dir, setup.sounds_dir)
        self._writer = writer
        self._in_force = in_force
        self._known: dict[str, tuple[int, dict[str, Plan]]] = {}

    async def plan(self, account: str, voicemail: str) -> Plan | None:
        """Give how a mailbox' messages are mailed; None: they are not. Raises RouterdError."""
        version = self._in_force().get(account, 0)
        known = self._known.get(account)
        if known is None or known[0] != version:
            known = self._known[account] = (version, await self._read(account) if version else {})
        return known[1].get(voicemail)

    async def _read(self, account: str) -> dict[str, Plan]:
        found = await self._writer.run(versions.newest, account)
        if not found or b"mail" not in found[0].text:
            return {}
        document = await asyncio.to_thread(self._reader.document, found[0].text, found[0].source)
        return plans_of(document)


def plans_of(document: Document) -> dict[str, Plan]:
    """Give the plan of each mailbox that has an address, where the account has a mail server."""
    mail: Mail | None = document.account.mail
    if mail is None:
        return {}
    company, zone = document.account.name, document.account.timezone
    password = mail.password if isinstance(mail.password, str) else None
    return {
        box.id: Plan(mail.host, mail.port, mail.sender, box.email, mail.tls, mail.username, password, company, zone)
        for box in document.voicemails
        if box.email is not None
    }
