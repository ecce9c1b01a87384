"""A scripted zone: what the DNS of a simulated world answers, and how late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from routerd.sip.server_location import DnsQuestion

Records = list[tuple[Any, ...]]


class Zone:
    """Names and their records; unknown names fail, or get an address of their own with ``invent``.

    ``delay_s`` is how long an answer takes. Invented addresses are of 198.19.0.0/16 (RFC 2544), one a name.
    """

    __slots__ = ("_invented", "asked", "delay_s", "invent", "records")

    def __init__(self, *, invent: bool = False, delay_s: float = 0.0) -> None:
        self.records: dict[tuple[str, str], Records | None] = {}
        self.invent = invent
        self.delay_s = delay_s
        self.asked: list[tuple[str, str]] = []
        self._invented: dict[str, str] = {}

    def add(self, name: str, kind: str, *records: tuple[Any, ...]) -> None:
        """Script the records of ``name``; none at all: the question fails."""
        self.records[name.lower(), kind] = list(records) or None

    def answer(self, question: DnsQuestion) -> Records | None:
        """Return the records, None for a failure or no data."""
        key = (question.name.lower(), question.kind)
        self.asked.append(key)
        if key in self.records:
            return self.records[key]
        if self.invent and question.kind == "A":
            return [(self.address_of(question.name),)]
        return None

    def address_of(self, name: str) -> str:
        """Return the invented address of a name."""
        known = self._invented
        number = len(known)
        return known.setdefault(name.lower(), f"198.19.{number // 250}.{number % 250 + 1}")
