"""Changes of documents, as the API asks for them: the wish with its conditions, what came of it, and who does it.

:class:`Documents` is implemented by ``routerd.app.document_life.DocumentLife``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from routerd.admin_api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.config.findings import Finding
    from routerd.store.versions import DocumentVersion

_TAG: Final = re.compile(r'"([0-9]{1,18})"')
SHORTEST_CONFIRM_S: Final = 1.0
LONGEST_CONFIRM_S: Final = 86_400.0


class Wish(msgspec.Struct, frozen=True):
    """Who wants a change, and under which conditions.

    ``only`` are the versions that may be in force (None: any), ``absent``: only when there is none. With
    ``confirm_within_s`` the version before comes back by itself unless the new one is confirmed in time.
    """

    author: str
    only: frozenset[int] | None = None
    absent: bool = False
    exists: bool = False
    confirm_within_s: float | None = None

    def check(self, version: int) -> None:
        """Raise the 412 when ``version`` (0: none) is not one that was expected."""
        if self.absent and version:
            raise Problem(412, f"there is a document already: version {version}", pointer="If-None-Match")
        if (self.exists and not version) or (self.only is not None and version not in self.only):
            said = f"version {version} is in force" if version else "no document is in force"
            raise Problem(412, said, pointer="If-Match", hint="read it again, and send the new ETag")


class Applied(msgspec.Struct, frozen=True):
    """What came of a wish: which version is in force, which was before (0: none), and until when to confirm it."""

    account: str
    version: int
    before: int
    changed: bool = True
    confirm_until: float | None = None
    serving: bool = False


def read_conditions(if_match: str, if_none_match: str) -> dict[str, Any]:
    """Give the parts of a :class:`Wish` that stand in headers (RFC 9110 §13.1); raises the 400."""
    found: dict[str, Any] = {}
    if if_match.strip() == "*":
        found["exists"] = True
    elif if_match:
        tags = [tag.strip() for tag in if_match.split(",")]
        if not all(_TAG.fullmatch(tag) or tag.startswith('W/"') for tag in tags):
            raise Problem(400, "If-Match is an ETag of a document", pointer="If-Match", hint='such as "7", or *')
        found["only"] = frozenset(int(match[1]) for match in map(_TAG.fullmatch, tags) if match)
    if if_none_match.strip() == "*":
        found["absent"] = True
    elif if_none_match:
        raise Problem(400, "If-None-Match is * here", pointer="If-None-Match")
    return found


def etag_of(version: int) -> str:
    """Give the ETag of a version."""
    return f'"{version}"'


class Documents(Protocol):
    """The documents' life. What changes one raises Problem (404, 409, 412), ConfigError (422) or StoreError."""

    async def current(self, account: str) -> DocumentVersion | None:
        """Give the version in force."""

    def pending(self, account: str) -> float | None:
        """Give until when (UTC seconds) the version in force must be confirmed; None: it need not."""

    async def judge(self, account: str, text: bytes, source: str) -> list[Finding]:
        """Judge a text as if it were to come, changing nothing; gives what the static analysis finds."""

    async def put(self, account: str, text: bytes, source: str, wish: Wish) -> Applied:
        """Bring a text in force."""

    async def edit(self, account: str, change: Callable[[dict[str, Any]], None], wish: Wish) -> Applied:
        """Bring in force what ``change`` makes of the document's plain tree."""

    async def rollback(self, account: str, version: int, wish: Wish) -> Applied:
        """Bring the text of an older version in force, as a new one."""

    async def withdraw(self, account: str, wish: Wish) -> Applied:
        """Take the document out of force."""

    async def confirm(self, account: str) -> Applied:
        """Let the version that waits for it stay."""

    async def revert(self, account: str, author: str) -> Applied:
        """Bring back what was before the version that waits to be confirmed."""

    async def refresh(self, account: str) -> None:
        """Compile the text in force again: a sound of it changed."""

    async def keep_sound(self, account: str, sound: str, content: bytes) -> str:
        """Keep a WAV file; gives what the sound's entry must name it by. Raises Problem (409, 422)."""

    async def sound_file(self, account: str, file: str) -> bytes:
        """Give the content of a sound's file; raises the 404."""
