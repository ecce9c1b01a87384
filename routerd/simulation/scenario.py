"""The scenario of ``routerd simulate`` (routing.md section 6), read strictly: an unknown key is an error.

:func:`read` gives a :class:`Scenario`; play it with :func:`routerd.simulation.play.play`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from routerd.errors import ConfigError
from routerd.simulation.phone import Behaviour


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the scenario's parts."""


class CallPart(Part, frozen=True):
    """The call: ``inbound`` by a trunk, ``softphone`` from an extension, or ``click_to_call`` for an agent."""

    kind: Literal["inbound", "softphone", "click_to_call"]
    to: str
    trunk: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    source: str | None = None
    agent: str | None = None
    via: Literal["extension", "mobile"] | None = None
    caller_id: str | None = None


class AffinityPart(Part, frozen=True):
    """With whom a caller spoke last."""

    caller: str
    agent: str
    last_at: str
    number: str | None = None
    department: str | None = None
    shown: str | None = None


class WrapUpPart(Part, frozen=True):
    """An agent's wrap-up that still runs."""

    agent: str
    department: str
    until: str


class StatePart(Part, frozen=True):
    """What is going on when the call comes."""

    registered: dict[str, str | list[str]] = {}
    sessions: list[str] = []
    on_break: list[str] = []
    in_call: list[str] = []
    channels: dict[str, int] = {}
    affinity: list[AffinityPart] = []
    last_offered: dict[str, str] = {}
    idle_since: dict[str, str] = {}
    waiting: dict[str, int] = {}
    used_today: dict[str, int] = {}
    trunks_down: list[str] = []
    wrap_up: list[WrapUpPart] = []


class PhonePart(Behaviour, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a phone does; ``trunks`` says what a number does when it is reached through each trunk."""

    trunks: dict[str, Behaviour] = msgspec.field(default_factory=dict)


class EventPart(Part, frozen=True):
    """Something that happens ``at_s`` seconds after the call's beginning."""

    at_s: float
    do: Literal["login", "logout", "break", "unbreak", "caller_hangup", "digits", "call_ended"]
    agent: str | None = None
    digits: str | None = None


class Scenario(Part, frozen=True):
    """One call, the state it meets, what phones do, and what else happens."""

    at: str
    call: CallPart
    seed: int = 0
    state: StatePart = StatePart()
    phones: dict[str, PhonePart] = {}
    events: list[EventPart] = []

    @property
    def begin(self) -> float:
        """The wall time of the call (UTC seconds)."""
        return seconds(self.at)


_decode = msgspec.json.Decoder(Scenario).decode
KEYS = "0123456789*#ABCD"


def seconds(text: str) -> float:
    """Return an ISO 8601 instant with its offset as UTC seconds. Raises ConfigError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ConfigError(f"{text!r} is no instant with its offset", hint="such as 2026-11-23T06:30:00Z")
    return at.timestamp()


def read(text: bytes, source: str = "scenario") -> Scenario:
    """Read a scenario from JSON. Raises ConfigError, with the place in the message."""
    try:
        scenario = _decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ConfigError(str(error), source=source) from error
    _check(scenario, source)
    return scenario


def _check(scenario: Scenario, source: str) -> None:
    """Look at what the types do not say. Raises ConfigError."""
    call = scenario.call
    instants = [scenario.at, *scenario.state.idle_since.values()]
    instants += [entry.last_at for entry in scenario.state.affinity]
    instants += [entry.until for entry in scenario.state.wrap_up]
    for instant in instants:
        seconds(instant)
    needed = {"inbound": ("trunk",), "softphone": ("from_",), "click_to_call": ("agent",)}[call.kind]
    for name in needed:
        if getattr(call, name) is None:
            raise ConfigError(f"call of the kind {call.kind} needs {name.rstrip('_')}", pointer="/call", source=source)
    for number, event in enumerate(scenario.events):
        pointer = f"/events/{number}"
        if event.at_s < 0:
            raise ConfigError("at_s is negative", pointer=pointer, source=source)
        if event.do == "digits" and (not event.digits or any(d not in KEYS for d in event.digits)):
            raise ConfigError("digits are 0-9, *, #, A-D", pointer=pointer, source=source)
        if event.do not in {"digits", "caller_hangup"} and event.agent is None:
            raise ConfigError(f"{event.do} needs an agent", pointer=pointer, source=source)
