"""Dialled numbers: what was meant, in E.164 with ``+``.

The order of meanings: an emergency number wins; then an extension, an intercom, a feature code; then a number of the
outside, which may turn out to be one of the account's own. A number is possible when its length is possible for its
country; without ``+`` a country code is recognised when the whole is too long for a national number (routing.md 4.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from routerd.rules.tables import AccountTables, NumberPlan

ANONYMOUS = "anonymous"
_SEPARATORS = str.maketrans("", "", " -().\u00a0")
_LONGEST_CODE = 3


class Dialled(msgspec.Struct, frozen=True, gc=False):
    """What was dialled: ``kind`` is emergency, extension, intercom, feature, own, number or bad."""

    kind: str
    value: str


def classify(tables: AccountTables, text: str) -> Dialled:
    """Return what ``text`` means to somebody inside the account."""
    bare = text.translate(_SEPARATORS)
    if bare in tables.account.emergency_numbers:
        return Dialled("emergency", bare)
    if bare in tables.extensions:
        return Dialled("extension", bare)
    if bare in tables.agent_by_intercom:
        return Dialled("intercom", bare)
    for name, code in tables.account.feature_codes.items():
        if code == bare:
            return Dialled("feature", name)
    return outside(tables, bare)


def outside(tables: AccountTables, text: str) -> Dialled:
    """Return the outside number that ``text`` means: own, number or bad (intercoms and extensions not looked at)."""
    number = to_e164(tables.account.plan, text)
    if number is None:
        return Dialled("bad", text)
    return Dialled("own" if number in tables.numbers else "number", number)


def to_e164(plan: NumberPlan, text: str) -> str | None:
    """Return ``text`` in E.164, or None when no possible number can be read from it."""
    bare = text.translate(_SEPARATORS)
    if bare.startswith("+"):
        return bare if _is_possible(plan, bare[1:]) else None
    if not (bare.isascii() and bare.isdigit()):
        return None
    for prefix in plan.international_prefixes:
        rest = bare[len(prefix) :]
        if bare.startswith(prefix) and _is_possible(plan, rest):
            return "+" + rest
    return _from_national(plan, bare)


def _from_national(plan: NumberPlan, digits: str) -> str | None:
    """National when short enough for a subscriber's number; else a country code, else a long special number."""
    prefix = plan.national_prefix
    rest = digits[len(prefix) :]
    if prefix and digits.startswith(prefix) and len(rest) <= _longest(plan) and _is_possible(plan, plan.code + rest):
        return "+" + plan.code + rest
    national = _is_possible(plan, plan.code + digits)
    if len(digits) > _longest(plan) and _is_possible(plan, digits):
        return "+" + digits
    return "+" + plan.code + digits if national else None


def _longest(plan: NumberPlan) -> int:
    return max(plan.lengths, default=0)


def _is_possible(plan: NumberPlan, digits: str) -> bool:
    """Return whether ``digits`` (calling code first) have a length that their country uses."""
    if not (digits.isascii() and digits.isdigit()):
        return False
    code = calling_code(plan, digits)
    if code is None:
        return False
    size = len(digits) - len(code)
    known = plan.codes.get(code)
    return (known is not None and size in known.lengths) or (code == plan.code and size in plan.lengths)


def calling_code(plan: NumberPlan, digits: str) -> str | None:
    """Return the calling code that begins ``digits``; codes are prefix-free (ITU-T E.164 §6.1)."""
    if digits.startswith(plan.code):
        return plan.code
    for length in range(1, _LONGEST_CODE + 1):
        if digits[:length] in plan.codes:
            return digits[:length]
    return None


def is_international(plan: NumberPlan, number: str) -> bool:
    """Return whether the E.164 ``number`` lies outside the account's own calling code."""
    return not number.startswith("+" + plan.code)


def national_number(plan: NumberPlan, number: str) -> str | None:
    """Return the national significant number of an E.164 ``number`` of the account's country, else None."""
    return None if is_international(plan, number) else number[1 + len(plan.code) :]


def begins_with_any(number: str, prefixes: tuple[str, ...]) -> str | None:
    """Return the longest of ``prefixes`` that begins ``number``, None when none does."""
    return max((p for p in prefixes if number.startswith(p)), key=len, default=None)
