"""What the switch wants done, what it asks, and what it is told: the whole border between the pure floors and the edge.

The driver takes effects with :meth:`Switch.take_effects` and performs them in order. A question (``AskDns``,
``AskMedia``) carries a number; its answer comes back through :meth:`Switch.receive_answer` with the same number.
"""

from __future__ import annotations

from typing import Any

import msgspec

from routerd.sip.flow import Flow  # noqa: TC001 - msgspec resolves annotations
from routerd.sip.server_location import DnsQuestion  # noqa: TC001 - the same


class Effect(msgspec.Struct, gc=False):
    """Base of all effects."""


class Transmit(Effect, gc=False):
    """Send ``data`` on ``flow``: one datagram, one WebSocket message, or bytes of a stream.

    A stream that is not open yet keeps the data until it is (see OpenFlow); one that has been lost drops it.
    """

    flow: Flow
    data: bytes


class Captured(Effect, gc=False):
    """One whole message came in by ``flow``: for whoever captures SIP, after it has been handled."""

    flow: Flow
    data: bytes


class OpenFlow(Effect, gc=False):
    """Open the connection ``flow`` (tcp, tls) to ``flow.remote``; on failure the edge calls ``lose_flow``.

    Connections that the switch opens bear negative numbers (``flow.connection``), those that the edge accepts positive
    ones, so neither has to ask the other.
    """

    flow: Flow


class CloseFlow(Effect, gc=False):
    """Close the connection after what is still to be sent."""

    flow: Flow


class AskDns(Effect, gc=False):
    """Ask the DNS; answered by DnsAnswer."""

    number: int
    question: DnsQuestion


class AskMedia(Effect, gc=False):
    """Send one ng command to media engine ``engine`` (an index into the settings' list); answered by MediaAnswer."""

    number: int
    engine: int
    command: dict[str, Any]


class AskFact(Effect, gc=False):
    """Ask for a shared fact that another process owns; answered by FactAnswer."""

    number: int
    name: str
    key: str


class Journal(Effect, gc=False):
    """Append one entry to the journal.

    ``kind`` is ``binding``, ``call.start``, ``call.stable``, ``call.end``, ``affinity``, ``session``, or
    ``voicemail.message``, ``voicemail.read``, ``voicemail.deleted``.
    ``urgent`` entries (a call's start) are handed over before any later Transmit of the same batch.
    """

    kind: str
    entry: dict[str, Any]
    urgent: bool = False


class Publish(Effect, gc=False):
    """Tell watchers: ``event`` is a name of surface.md (call.started, leg.ringing, trunk.down, …)."""

    event: str
    facts: dict[str, Any]


class Reply(Effect, gc=False):
    """The answer to command number ``number``."""

    number: int
    result: dict[str, Any]


class Ban(Effect, gc=False):
    """Drop what comes from ``address`` before parsing, for ``for_s`` seconds."""

    address: str
    for_s: float
    reason: str


class Note(Effect, gc=False):
    """Why something was dropped, refused or odd: takes the place of logging. ``reason`` is a stable word."""

    reason: str
    detail: str = ""


class Answer(msgspec.Struct, gc=False):
    """Base of answers to questions."""

    number: int


class DnsAnswer(Answer, gc=False):
    """``records`` are tuples as :class:`~routerd.sip.server_location.Location` wants them; None: failed or no data."""

    records: list[tuple[Any, ...]] | None


class MediaAnswer(Answer, gc=False):
    """The ng reply; None when the engine did not answer in time."""

    reply: dict[str, Any] | None


class FactAnswer(Answer, gc=False):
    """The shared fact's value."""

    value: Any


class MediaEvent(Answer, gc=False):
    """Something an engine noticed by itself (``number`` is the engine): ``event`` with the call's id in ``facts``.

    Events: ``media-timeout``, ``one-way``, ``media-ended``, ``dtmf``, ``recording-ended``, and of the engine itself
    ``restarted`` (it came back without its sessions), ``lost``, ``up``.
    """

    event: str
    facts: dict[str, Any]


class Command(msgspec.Struct, gc=False):
    """Something an admin, the control process or a schedule wants: ``verb`` and arguments; answered by Reply.

    Verbs: ``login logout break unbreak originate hang_up transfer hold unhold record pause_recording stop_recording
    resume_recording drain ban unban calls registrations
    agents trunks counters restore_binding restore_session restore_affinity restore_message voicemail_add voicemail_read
    voicemail_delete``.
    """

    number: int
    verb: str
    arguments: dict[str, Any]
