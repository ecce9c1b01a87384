"""The language between the deciding machine and whoever carries it out (the switch, live or simulated).

The machine is pure: ``start`` and ``advance`` (see :mod:`routerd.rules.machine`) return a :class:`Step`; its
``commands`` are carried out in order by the caller, who feeds back what happens as events. Rules know nothing of SIP:
a leg is an integer, its results are words of routing.md 2.5.

Commands: ``Ring Cancel Release Wait Unwait AnswerCaller Bridge Confirm Play StopPlay SayPosition SendDigits OpenMailbox
CheckMailbox JoinQueue LeaveQueue Offered End``. Events: ``LegRinging LegAnswered LegConfirmed LegUnconfirmed LegFailed
LegRedirected LegReleased TimerFired Digit PlayEnded MailboxEnded CallerGone AgentLoggedOut AgentOnBreak AgentFreed``.
"""

from __future__ import annotations

import msgspec


class Attempt(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A call as somebody tries it: plain values, no SIP.

    ``kind`` is inbound, softphone, click_to_call or transfer. ``caller`` is the caller's E.164 number, ``anonymous`` or
    None (inbound; in a transfer the other party's); ``dialled`` what was dialled, as it came; ``trunk`` the trunk
    (inbound), ``extension`` the extension and ``source`` the packet's source address (softphone, and a transfer from a
    phone); ``agent`` who transfers, or whose click-to-call it is, with its ``via`` and ``caller_id`` (the latter also a
    softphone's wish); ``at`` is wall time in UTC seconds.
    """

    kind: str
    account: str
    at: float
    dialled: str
    caller: str | None = None
    caller_name: str | None = None
    trunk: str | None = None
    extension: str | None = None
    source: str | None = None
    agent: str | None = None
    via: str | None = None
    caller_id: str | None = None


class Command(msgspec.Struct, frozen=True, gc=False):
    """Base of what the machine wants done."""


class Ring(Command, frozen=True, gc=False, kw_only=True):
    """Start leg number ``leg`` towards ``target``; ``kind`` is extension, number or sip.

    ``target`` is ``extension:ID``, an E.164 number or a SIP URI, as the result shows it. For a number ``trunks`` are
    tried in order (one leg for all; empty: unreachable at once). ``shown`` is the number that the callee sees (None:
    anonymous), ``shown_name`` its display name; ``diversion`` the number that forwarded the call (None: none). With
    ``confirm`` the callee must press 1 (the carrier reports LegConfirmed or LegUnconfirmed after LegAnswered).
    ``customer`` marks the far end of an outbound call. With ``sources`` only the contacts that were registered from
    these addresses ring (empty: all). A Ring of a leg that has just been redirected goes on inside that leg.
    ``identities`` says for each of ``trunks`` what is shown through it (empty: ``shown`` through all); :meth:`through`
    gives the Ring of one trunk.
    """

    leg: int
    target: str
    kind: str
    agent: str | None = None
    trunks: tuple[str, ...] = ()
    shown: str | None = None
    shown_name: str | None = None
    diversion: str | None = None
    confirm: bool = False
    customer: bool = False
    emergency: bool = False
    sources: tuple[str, ...] = ()
    identities: tuple[str | None, ...] = ()

    def through(self, trunk: str) -> Ring:
        """Return this Ring as it goes out by ``trunk``, which says for itself who is shown (``forwarded_identity``)."""
        if not self.identities or trunk not in self.trunks:
            return self
        shown = self.identities[self.trunks.index(trunk)]
        return msgspec.structs.replace(self, shown=shown, shown_name=self.shown_name if shown == self.shown else None)


class Cancel(Command, frozen=True, gc=False):
    """Give up leg ``leg``; ``result`` is the word for the record (no_answer, cancelled, answered_elsewhere, …)."""

    leg: int
    result: str


class Release(Command, frozen=True, gc=False):
    """Hang up the answered leg ``leg`` (BYE); ``result`` as in Cancel, ``q850`` the cause told to it."""

    leg: int
    result: str
    q850: int = 16


class Wait(Command, frozen=True, gc=False):
    """Start (or restart) the timer ``name``; TimerFired(name) after ``delay_s``."""

    name: str
    delay_s: float


class Unwait(Command, frozen=True, gc=False):
    """Stop the timer ``name``; nothing when it does not run."""

    name: str


class AnswerCaller(Command, frozen=True, gc=False):
    """Answer the caller's leg on behalf of the engine (IVR, queue, mailbox, announcement)."""


class Bridge(Command, frozen=True, gc=False):
    """Connect the caller (or the click-to-call's agent leg) with leg ``leg``; the decision is then over."""

    leg: int


class Confirm(Command, frozen=True, gc=False):
    """Ask the answered leg to press 1 within ``within_s`` seconds."""

    leg: int
    within_s: float


class Play(Command, frozen=True, gc=False):
    """Play sound ``sound`` to the caller; PlayEnded when it has ended (never with ``repeat``)."""

    sound: str
    repeat: bool = False


class StopPlay(Command, frozen=True, gc=False):
    """Stop what is playing to the caller."""


class SayPosition(Command, frozen=True, gc=False):
    """Tell the caller their place in the queue of ``department`` (the carrier knows the line); music goes on."""

    department: str


class SendDigits(Command, frozen=True, gc=False):
    """Dial ``digits`` towards leg ``leg``, ``after_s`` seconds after its answer."""

    leg: int
    digits: str
    after_s: float


class OpenMailbox(Command, frozen=True, gc=False):
    """Greet the caller and record a message in mailbox ``voicemail``; MailboxEnded when done."""

    voicemail: str


class CheckMailbox(Command, frozen=True, gc=False):
    """Let the caller listen to mailbox ``voicemail`` (the voicemail feature code); MailboxEnded when done.

    "": the caller has none of their own, and is asked for a mailbox' number and PIN.
    """

    voicemail: str


class JoinQueue(Command, frozen=True, gc=False):
    """The caller now waits in ``department``; AgentFreed events of its members are wanted."""

    department: str


class LeaveQueue(Command, frozen=True, gc=False):
    """The caller waits no longer in ``department``."""

    department: str


class Offered(Command, frozen=True, gc=False):
    """``department`` last offered a call to ``agent``: the round robin's cursor."""

    department: str
    agent: str


class End(Command, frozen=True, gc=False, kw_only=True):
    """The call is over: reject with ``status`` when the caller is unanswered, else BYE with Q.850 ``q850``.

    ``outcome`` and ``reason`` are words of routing.md section 6 and 5; ``retry_after_s`` goes with a 503.
    ``api_status`` answers a denied click-to-call on the API (routing.md 4.1).
    """

    outcome: str
    reason: str | None
    status: int | None = None
    q850: int | None = None
    retry_after_s: int | None = None
    api_status: int | None = None


class Event(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Base of what happened (written as an array: each call's record holds its events)."""


class LegRinging(Event, frozen=True, gc=False):
    """Leg ``leg`` rings."""

    leg: int


class LegAnswered(Event, frozen=True, gc=False):
    """Leg ``leg`` answered (2xx)."""

    leg: int


class LegConfirmed(Event, frozen=True, gc=False):
    """The callee of ``leg`` pressed 1."""

    leg: int


class LegUnconfirmed(Event, frozen=True, gc=False):
    """The callee of ``leg`` did not press 1 in time, or hung up instead."""

    leg: int


class LegFailed(Event, frozen=True, gc=False):
    """Leg ``leg`` ended without answer; ``result`` is busy, declined or unreachable (all its trunks tried)."""

    leg: int
    result: str
    status: int | None = None


class LegRedirected(Event, frozen=True, gc=False):
    """Leg ``leg`` answered 3xx with ``target`` (a number as dialled, or a SIP URI)."""

    leg: int
    target: str


class LegReleased(Event, frozen=True, gc=False):
    """The answered leg ``leg`` hung up before the bridge (a click-to-call's agent, a callee being confirmed)."""

    leg: int


class TimerFired(Event, frozen=True, gc=False):
    """The timer ``name`` has run out."""

    name: str


class Digit(Event, frozen=True, gc=False):
    """The caller pressed ``digit`` (0 to 9, *, #, A to D)."""

    digit: str


class PlayEnded(Event, frozen=True, gc=False):
    """The sound that was played to the caller has ended."""


class MailboxEnded(Event, frozen=True, gc=False):
    """The mailbox has taken its message (or nothing)."""


class CallerGone(Event, frozen=True, gc=False):
    """The caller gave up (CANCEL) or hung up (BYE) before the bridge."""


class AgentLoggedOut(Event, frozen=True, gc=False):
    """``agent`` logged out."""

    agent: str


class AgentOnBreak(Event, frozen=True, gc=False):
    """``agent`` took a break."""

    agent: str


class AgentFreed(Event, frozen=True, gc=False):
    """``agent`` became free (call ended, wrap-up ended, log-in, back from a break): a queue may offer."""

    agent: str
