"""The documents' life in the control process: judged, kept, in force, confirmed or reverted.

Theory of operation. One change at a time (``_changing``): the version in force is read, the wish's conditions are
looked at, the new text is judged and compiled in a thread, and only when everything is good it is kept, which brings it
in force for whoever starts after this moment (one transaction: :mod:`routerd.store.versions`); then the sip process
gets it. So what dies in between leaves the old or the new version. What is refused has changed nothing.

Of each account the frames of its tables are held, and which numbers and domains are its own; a change compiles one
account only.

An account's document comes from the files of the settings when the store has none for it; from then on from the store.
A file whose text is another than the one that was taken from it last becomes a new version (SIGHUP, or the watch).
All files are judged before any is taken, so a wrong one changes nothing.

A version that waits for its confirmation shuts out other changes. When nobody confirms in time, the one before comes
back as a new version; a control process that starts and finds one waiting brings it back at once: whoever applied it
may have lost the way to confirm, and what ended this process may have been that very change.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec

from routerd.admin_api.changes import Applied, Wish
from routerd.admin_api.problems import Problem, no_such
from routerd.app.documents import DocumentReader, digest_of, read_files, unchanged
from routerd.app.judging import Coming, Judge, claims_of, findings_of, named_claim
from routerd.app.sound_files import keep_file, read_file
from routerd.app.sounds import cache_of
from routerd.config.problems import DocumentErrors
from routerd.config.snapshot import frames
from routerd.edge.logs import logger
from routerd.errors import ConfigError, RouterdError
from routerd.store import versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.app.setup import ControlSetup
    from routerd.config.findings import Finding
    from routerd.rules.tables import AccountTables
    from routerd.store.spool import StoreWriter
    from routerd.store.versions import DocumentState, DocumentVersion

log = logger("app.documents")

FILES = "file"  # the author of what comes from the settings' files
UNCONFIRMED = "not confirmed"  # the author of what comes back by itself


class Held(msgspec.Struct, frozen=True):
    """What is held of an account in force: its frames, and what no other account may have."""

    version: int
    parts: list[bytes]
    claims: frozenset[str]


class DocumentLife:
    """The documents in force. ``await load()`` first, then ``parts`` and ``version`` are the snapshot's frames.

    ``publish()`` is called when they are others.
    """

    def __init__(self, setup: ControlSetup, writer: StoreWriter, publish: Callable[[], None]) -> None:
        self._files = setup.documents
        self._reader = DocumentReader(setup.secrets_dir, setup.sounds_dir, cache_of(setup.store))
        self._judge = Judge(self._reader)
        self._sounds_dir = setup.sounds_dir
        self._writer = writer
        self._publish = publish
        self._changing = asyncio.Lock()
        self._held: dict[str, Held] = {}
        self._states: dict[str, DocumentState] = {}
        self._reverting: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.parts: list[bytes] = []
        self.version = 0
        self.versions: dict[str, int] = {}
        self.apply_s = 0.0

    def stop(self) -> None:
        """Let nothing come back by itself any more."""
        for timer in self._reverting.values():
            timer.cancel()

    # -- files ----------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Bring in force what the store has, and the files' documents of accounts that it has not.

        Raises ConfigError (a stored document that this version refuses, too) and StoreError.
        """
        began = time.monotonic()
        async with self._changing:
            self._states = await self._writer.run(versions.states)
            stored = await self._writer.run(versions.in_force)
            for document in stored:
                coming = await asyncio.to_thread(self._judge.stored, document)
                self._refuse_clashes(coming.tables)
                await self._hold(document.version, coming.tables)
            for account, state in self._states.items():
                if state.confirm_until is not None:
                    await self._come_back(account)
            await self._take_files(only_new_accounts=True)
            self._count()
        self.apply_s = time.monotonic() - began

    async def reload(self) -> bool:
        """Read the files again, the sounds' too; whether anything changed. Raises as :meth:`load`."""
        changed = await self._reload_documents()
        for account in list(self.versions):
            known = await self.current(account)
            if known is not None and await asyncio.to_thread(self._reader.sounds_changed, known.text, known.source):
                await self.refresh(account)
                changed = True
        return changed

    async def _reload_documents(self) -> bool:
        async with self._changing:
            began = time.monotonic()
            changed = await self._take_files(only_new_accounts=False)
            if changed:
                self._count()
                self.apply_s = time.monotonic() - began
                self._publish()
            return changed

    async def _take_files(self, *, only_new_accounts: bool) -> bool:
        taken = {path: await self._writer.run(versions.taken_from, path) for path in self._files}
        fresh = tuple(path for path in self._files if self._worth_reading(path, taken[path], only_new_accounts))
        good, errors = await asyncio.to_thread(read_files, self._reader, fresh)
        wanted = []
        for path, text, tables in good:
            if only_new_accounts and tables.account.id in self._states:
                continue
            if not only_new_accounts:
                errors += self._unswappable(path, taken[path], tables.account.id)
            wanted.append(Coming(text, path, tables))
        errors += [error for coming in wanted for error in self._clashes(coming.tables)]
        if errors:
            raise DocumentErrors(errors)
        for coming in wanted:
            await self._keep(coming, Wish(FILES))
        return bool(wanted)

    def _worth_reading(self, path: str, before: tuple[str, str] | None, only_new_accounts: bool) -> bool:
        """Say whether a file may have something new: at a start only if nothing was ever taken from it."""
        if before is None:
            return True
        return not only_new_accounts and not unchanged((path,), {before[1]})

    def _unswappable(self, path: str, before: tuple[str, str] | None, account: str) -> list[ConfigError]:
        if before is not None and before[0] != account:
            said = f'the file was the document of "{before[0]}" and is one of "{account}" now'
            hint = "an account cannot be renamed: give another account a file of its own"
            return [ConfigError(said, pointer="/account/id", hint=hint, source=path)]
        if self.pending(account) is not None:
            said = "the version in force waits to be confirmed"
            return [ConfigError(said, hint="confirm or revert it, then read the files again", source=path)]
        return []

    # -- what the API asks (admin_api.changes.Documents) ------------------------------------------------------------

    async def current(self, account: str) -> DocumentVersion | None:
        """Give the version in force."""
        return next(iter(await self._writer.run(versions.newest, account)), None)

    def pending(self, account: str) -> float | None:
        """Give until when (UTC seconds) the version in force must be confirmed; None: it need not."""
        state = self._states.get(account)
        return None if state is None else state.confirm_until

    async def judge(self, account: str, text: bytes, source: str) -> list[Finding]:
        """Judge a text as if it were to come, changing nothing; gives what the static analysis finds."""
        known = await self.current(account)
        async with self._changing:
            coming = await asyncio.to_thread(self._judge.prepare, account, text, source, known)
            self._refuse_clashes(coming.tables)
            return await asyncio.to_thread(findings_of, coming, text, source)

    async def put(self, account: str, text: bytes, source: str, wish: Wish) -> Applied:
        """Bring a text in force."""
        async with self._changing:
            known = await self._before_change(account, wish)
            if known is not None and known.digest == digest_of(text) and wish.confirm_within_s is None:
                return Applied(account, known.version, known.version, changed=False)
            coming = await asyncio.to_thread(self._judge.prepare, account, text, source, known)
            return await self._apply(coming, wish, known)

    async def edit(self, account: str, change: Callable[[dict[str, Any]], None], wish: Wish) -> Applied:
        """Bring in force what ``change`` makes of the document's plain tree."""
        async with self._changing:
            known = await self._before_change(account, wish)
            if known is None:
                raise no_such("document of the account", account)
            coming = await asyncio.to_thread(self._judge.edited, known, change)
            if coming is None:
                return Applied(account, known.version, known.version, changed=False)
            return await self._apply(coming, wish, known)

    async def rollback(self, account: str, version: int, wish: Wish) -> Applied:
        """Bring the text of an older version in force, as a new one."""
        async with self._changing:
            known = await self._before_change(account, wish)
            old = await self._writer.run(versions.one, account, version)
            if old is None:
                raise no_such("version", str(version))
            if known is not None and known.digest == old.digest:
                return Applied(account, known.version, known.version, changed=False)
            return await self._apply(
                await asyncio.to_thread(self._judge.again, old, f"rollback-{version}"), wish, known
            )

    async def withdraw(self, account: str, wish: Wish) -> Applied:
        """Take the document out of force."""
        async with self._changing:
            known = await self._before_change(account, wish)
            if known is None:
                raise no_such("document of the account", account)
            await self._finish(self._out_of_force(account))
            return Applied(account, 0, known.version)

    async def confirm(self, account: str) -> Applied:
        """Let the version that waits for it stay."""
        async with self._changing:
            if not await self._writer.run(versions.confirm, account):
                raise Problem(409, "nothing waits to be confirmed", code="nothing_pending")
            await self._note_state(account)
            return Applied(account, self.versions.get(account, 0), self.versions.get(account, 0))

    async def revert(self, account: str, author: str) -> Applied:
        """Bring back what was before the version that waits to be confirmed."""
        async with self._changing:
            before = self.versions.get(account, 0)
            if self.pending(account) is None:
                raise Problem(409, "nothing waits to be confirmed", code="nothing_pending")
            await self._finish(self._bring_back(account, author))
            return Applied(account, self.versions.get(account, 0), before)

    async def refresh(self, account: str) -> None:
        """Compile the text in force again: a sound of it changed."""
        async with self._changing:
            known = await self.current(account)
            if known is None:
                return
            coming = await asyncio.to_thread(self._judge.stored, msgspec.structs.replace(known, version=0))
            await self._writer.run(versions.touch, account)
            await self._put_in_force(account, known.version, coming.tables)
            self._publish()

    async def keep_sound(self, account: str, sound: str, content: bytes) -> str:
        """Keep a WAV file; gives what the sound's entry must name it by. Raises Problem (409, 422)."""
        return await asyncio.to_thread(keep_file, self._sounds_dir, account, sound, content)

    async def sound_file(self, account: str, file: str) -> bytes:
        """Give the content of a sound's file; raises the 404."""
        return await asyncio.to_thread(read_file, self._reader.sounds, account, file)

    # -- one change -------------------------------------------------------------------------------------------------

    async def _before_change(self, account: str, wish: Wish) -> DocumentVersion | None:
        known = await self.current(account)
        wish.check(0 if known is None else known.version)
        if self.pending(account) is not None:
            said = f"version {self.versions.get(account, 0)} waits to be confirmed"
            hint = "POST …/document/confirm, or …/document/revert"
            raise Problem(409, said, code="confirmation_pending", hint=hint)
        return known

    async def _apply(self, coming: Coming, wish: Wish, known: DocumentVersion | None) -> Applied:
        self._refuse_clashes(coming.tables)
        version = await self._finish(self._keep_and_publish(coming, wish))
        account = coming.tables.account.id
        return Applied(account, version, 0 if known is None else known.version, confirm_until=self.pending(account))

    async def _finish(self, change: Any) -> Any:
        """Carry a change through, whether or not whoever asked for it is still there."""
        task = asyncio.get_running_loop().create_task(change)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _keep_and_publish(self, coming: Coming, wish: Wish) -> int:
        began = time.monotonic()
        version = await self._keep(coming, wish)
        self._publish()
        self.apply_s = time.monotonic() - began
        return version

    async def _keep(self, coming: Coming, wish: Wish) -> int:
        """Keep a text as the account's next version and bring it in force here."""
        account, now = coming.tables.account.id, time.time()
        until = None if wish.confirm_within_s is None else now + wish.confirm_within_s
        fresh = versions.Fresh(account, coming.text, coming.source, digest_of(coming.text), now, wish.author, until)
        version = await self._writer.run(versions.keep, fresh)
        await self._put_in_force(account, version, coming.tables)
        log.info("document applied", account=account, version=version, author=wish.author, source=coming.source)
        return version

    async def _put_in_force(self, account: str, version: int, tables: AccountTables) -> None:
        await self._hold(version, tables)
        await self._note_state(account)

    async def _hold(self, version: int, tables: AccountTables) -> None:
        tables.version = version
        parts = await asyncio.to_thread(lambda: list(frames(tables)))
        self._held[tables.account.id] = Held(version, parts, claims_of(tables))
        await asyncio.to_thread(self._reader.sounds.keep, [tables])

    async def _note_state(self, account: str) -> None:
        """Know what the store says of the account, and what is to come back by itself."""
        self._states = await self._writer.run(versions.states)
        self._count()
        timer = self._reverting.pop(account, None)
        if timer is not None:
            timer.cancel()
        until = self.pending(account)
        if until is not None:
            loop = asyncio.get_running_loop()
            self._reverting[account] = loop.call_later(max(0.0, until - time.time()), self._time_is_up, account, until)

    def _count(self) -> None:
        self.parts = [part for name in sorted(self._held) for part in self._held[name].parts]
        self.version = sum(state.serial for state in self._states.values())
        self.versions = {name: held.version for name, held in sorted(self._held.items())}

    # -- confirm or revert ------------------------------------------------------------------------------------------

    def _time_is_up(self, account: str, until: float) -> None:
        async def come_back() -> None:
            async with self._changing:
                if self.pending(account) == until:
                    await self._come_back(account)

        task = asyncio.get_running_loop().create_task(come_back())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _come_back(self, account: str) -> None:
        """Bring back the version before; when that fails the present one stays, and the log says so."""
        try:
            await self._bring_back(account, UNCONFIRMED)
        except RouterdError as error:
            log.warning("an unconfirmed document cannot be reverted", account=account, error=str(error))
        else:
            log.warning("document not confirmed: reverted", account=account, version=self.versions.get(account, 0))

    async def _bring_back(self, account: str, author: str) -> None:
        fallback = self._states[account].fallback
        old = await self._writer.run(versions.one, account, fallback) if fallback else None
        if old is None:
            await self._out_of_force(account)
            return
        await self._keep_and_publish(
            await asyncio.to_thread(self._judge.again, old, f"revert-{fallback}"), Wish(author)
        )

    async def _out_of_force(self, account: str) -> None:
        await self._writer.run(versions.withdraw, account)
        self._held.pop(account, None)
        await self._note_state(account)
        self._publish()

    # -- what no two accounts may have ------------------------------------------------------------------------------

    def _refuse_clashes(self, tables: AccountTables) -> None:
        errors = self._clashes(tables)
        if errors:
            raise DocumentErrors(errors)

    def _clashes(self, tables: AccountTables) -> list[ConfigError]:
        name, mine = tables.account.id, claims_of(tables)
        return [
            ConfigError(
                f"{named_claim(claim)} belongs to the account {other} already", hint=f"remove it from {name} or {other}"
            )
            for other, held in self._held.items()
            if other != name
            for claim in sorted(mine & held.claims)
        ]
