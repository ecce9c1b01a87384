"""A call's story to hand to a provider: what happened and when, without whom it happened to.

Numbers are masked but for their first digits and the last two (two different ones stay different: each gets a mark of
its own), the company's names are replaced (agent-1, extension-2, …), addresses of phones, what callers are called, and
everything that decisions read are left out. Trunks keep their source addresses: they are the provider's own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua import ladder
from routerd.rules import explanation

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT: Final = (
    "at", "kind", "from", "to", "trunk", "outcome", "reason", "answered_by", "answered_at", "ended_at", "duration_s",
    "ended_by", "sip_status", "q850", "caller_id", "legs", "nodes", "final", "transfers", "media", "document_version",
)  # fmt: skip
DROPPED: Final = frozenset({"address", "remote", "local", "file", "name", "caller_name", "recording", "sdp", "host"})
_DIGITS: Final = re.compile(r"\+?[0-9]{5,}")
_WORD: Final = re.compile(r"[^\s,;()<>\"=/#]+")
_SHOWN: Final = 4


class Masks:
    """What stands for what, the same everywhere in one bundle."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._numbers: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        for leg in record.get("legs") or ():
            self._name("agent", leg.get("agent"))
            self._name("trunk", leg.get("trunk"))
            self._target(leg.get("target"))
        for node in record.get("nodes") or ():
            if node.get("type") != "external":
                self._name(str(node.get("type")), node.get("id"))
        self._name("trunk", record.get("trunk"))
        self._name("account", record.get("account"))
        for party in (record.get("from"), record.get("to")):
            if party and not _DIGITS.fullmatch(str(party)):
                self._name("party", party)
        self._target(record.get("answered_by"))

    def _target(self, target: Any) -> None:
        kind, colon, name = str(target or "").partition(":")
        if colon and kind in {"extension", "trunk"}:
            self._name(kind, name)

    def _name(self, kind: str, name: Any) -> None:
        if name and str(name) not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[str(name)] = f"{kind}-{self._counts[kind]}"

    def text(self, text: str) -> str:
        """Mask a text."""
        if text in self._names:
            return self._names[text]
        replaced = _WORD.sub(self._word, text)
        return _DIGITS.sub(self._number, replaced)

    def _word(self, found: re.Match[str]) -> str:
        word = found[0]
        kind, colon, name = word.partition(":")
        if colon and name in self._names:
            return f"{kind}:{self._names[name]}"
        if word.startswith(("sip:", "sips:")) or "@" in word:
            return "sip:masked"
        return self._names.get(word, word)

    def _number(self, found: re.Match[str]) -> str:
        number = found[0]
        if number not in self._numbers:
            mark = len(self._numbers) + 1
            self._numbers[number] = f"{number[:_SHOWN]}…{number[-2:]}#{mark}"
        return self._numbers[number]

    def value(self, value: Any) -> Any:
        """Mask a value, and what is in it."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items() if key not in DROPPED}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value if isinstance(value, int | float | bool) or value is None else None


def bundle_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the bundle of a record: ``call`` (its facts), ``ladder`` and ``timeline``."""
    masks = Masks(record)
    facts = {name: masks.value(record[name]) for name in KEPT if name in record}
    if record.get("trunk") and record.get("source"):
        facts["source"] = record["source"]
    messages = [{**row, "leg": masks.text(row["leg"])} for row in ladder.rows(record)]
    story = explanation.timeline({**facts, "id": record.get("id")}, messages)
    return {
        "id": record.get("id"),
        "call": facts,
        "ladder": messages,
        "left_out": (record.get("ladder") or {}).get("left_out", 0),
        "timeline": story,
    }
