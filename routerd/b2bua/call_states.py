"""The states of one call, and what every event does in each of them: one table, and nowhere else.

Theory of operation. The *rules* decide where the call goes; this table decides what that means for the caller, whose
INVITE is unanswered, being answered, or answered. CANCEL is one row a state: before the final response it abandons
the call, whichever of the two was first on the wire; after it, it does nothing (RFC 3261 §9.2).

::

    DECIDING --ring--> RINGING --bridge--------------> ANSWERING --answered--> CONNECTED --gone, limit, ...--> ENDED
        |                |  +--whisper--> BRIEFING --bridge--^                     ^
        +----- treat ----+--> GREETING --greeted--> TREATED --bridge--> JOINING --joined
                                                       +--whisper--> BRIEFING_TREATED --bridge--> JOINING

TREATED is a menu, a queue, a mailbox or an announcement. While the engine is asked for the description with which the
caller will be answered, the rules go on: what they want meanwhile waits. BRIEFING is the callee's whisper: the rules
have decided, and the caller goes on hearing what they heard.

An event without a row in a state is a bug in simulation and a counted note in life.
"""

from __future__ import annotations

from typing import Final, NamedTuple

DECIDING: Final = "deciding"
RINGING: Final = "ringing"
ANSWERING: Final = "answering"
GREETING: Final = "greeting"
TREATED: Final = "treated"
BRIEFING: Final = "briefing"
BRIEFING_TREATED: Final = "briefing_treated"
JOINING: Final = "joining"
CONNECTED: Final = "connected"
ENDED: Final = "ended"

STATES: Final = (
    DECIDING,
    RINGING,
    ANSWERING,
    GREETING,
    TREATED,
    BRIEFING,
    BRIEFING_TREATED,
    JOINING,
    CONNECTED,
    ENDED,
)
ALONE: Final = frozenset({GREETING, TREATED})
"""The caller is with the house, and the rules go on."""
UNDECIDED: Final = frozenset({DECIDING, RINGING}) | ALONE
"""The rules have not decided: whoever logs out or takes a break matters."""


class Row(NamedTuple):
    """What happens: the state after, and the action of the call that does it."""

    after: str
    action: str


TABLE: Final[dict[tuple[str, str], Row]] = {
    # the rules ring a leg
    (DECIDING, "ring"): Row(RINGING, "nothing"),
    (RINGING, "ring"): Row(RINGING, "nothing"),
    (GREETING, "ring"): Row(GREETING, "nothing"),
    (TREATED, "ring"): Row(TREATED, "nothing"),
    # the rules want the engine to answer: menu, queue, mailbox, announcement
    (DECIDING, "treat"): Row(GREETING, "greet"),
    (RINGING, "treat"): Row(GREETING, "greet"),
    (GREETING, "treat"): Row(GREETING, "nothing"),
    (TREATED, "treat"): Row(TREATED, "nothing"),
    (GREETING, "greeted"): Row(TREATED, "greeted"),
    # the rules bridge an answered leg, which may hear something first
    (RINGING, "whisper"): Row(BRIEFING, "whisper"),
    (TREATED, "whisper"): Row(BRIEFING_TREATED, "whisper"),
    (RINGING, "bridge"): Row(ANSWERING, "answer_by_leg"),
    (BRIEFING, "bridge"): Row(ANSWERING, "answer_by_leg"),
    (GREETING, "bridge"): Row(GREETING, "bridge_later"),
    (TREATED, "bridge"): Row(JOINING, "join"),
    (BRIEFING_TREATED, "bridge"): Row(JOINING, "join"),
    (ANSWERING, "answered"): Row(CONNECTED, "connected"),
    (JOINING, "joined"): Row(CONNECTED, "connected"),
    # a transfer or a new media engine joins two legs anew
    (CONNECTED, "rejoin"): Row(JOINING, "nothing"),
    (CONNECTED, "transferred"): Row(ENDED, "finish"),
    (JOINING, "transferred"): Row(ENDED, "finish"),
    # the rules end it
    (DECIDING, "end"): Row(ENDED, "refuse"),
    (RINGING, "end"): Row(ENDED, "refuse"),
    (GREETING, "end"): Row(GREETING, "end_later"),
    (TREATED, "end"): Row(ENDED, "hang_up"),
    # CANCEL, in every state
    (DECIDING, "cancel"): Row(ENDED, "abandon"),
    (RINGING, "cancel"): Row(ENDED, "abandon"),
    (ANSWERING, "cancel"): Row(ENDED, "abandon_answered"),
    (GREETING, "cancel"): Row(ENDED, "abandon_greeting"),
    (TREATED, "cancel"): Row(TREATED, "nothing"),
    (BRIEFING, "cancel"): Row(ENDED, "abandon_answered"),
    (BRIEFING_TREATED, "cancel"): Row(BRIEFING_TREATED, "nothing"),
    (JOINING, "cancel"): Row(JOINING, "nothing"),
    (CONNECTED, "cancel"): Row(CONNECTED, "nothing"),
    (ENDED, "cancel"): Row(ENDED, "nothing"),
    # the caller is gone: BYE, a dead dialog, an ACK that never came
    (DECIDING, "caller_gone"): Row(ENDED, "abandon"),
    (RINGING, "caller_gone"): Row(ENDED, "abandon"),
    (ANSWERING, "caller_gone"): Row(ENDED, "abandon_answered"),
    (GREETING, "caller_gone"): Row(ENDED, "abandon_greeting"),
    (TREATED, "caller_gone"): Row(ENDED, "abandon"),
    (BRIEFING, "caller_gone"): Row(ENDED, "abandon_answered"),
    (BRIEFING_TREATED, "caller_gone"): Row(ENDED, "release_callee"),
    (JOINING, "caller_gone"): Row(ENDED, "release_callee"),
    (CONNECTED, "caller_gone"): Row(ENDED, "release_callee"),
    # the callee is gone
    (ANSWERING, "callee_gone"): Row(ENDED, "fail"),
    (GREETING, "callee_gone"): Row(ENDED, "fail"),
    (BRIEFING, "callee_gone"): Row(ENDED, "fail"),
    (BRIEFING_TREATED, "callee_gone"): Row(ENDED, "release_caller"),
    (JOINING, "callee_gone"): Row(ENDED, "release_caller"),
    (CONNECTED, "callee_gone"): Row(ENDED, "release_caller"),
    # something broke: no media, no agreement on a session
    (DECIDING, "broken"): Row(ENDED, "fail"),
    (RINGING, "broken"): Row(ENDED, "fail"),
    (ANSWERING, "broken"): Row(ENDED, "fail"),
    (GREETING, "broken"): Row(ENDED, "fail"),
    (TREATED, "broken"): Row(ENDED, "release_all"),
    (BRIEFING, "broken"): Row(ENDED, "fail"),
    (BRIEFING_TREATED, "broken"): Row(ENDED, "release_all"),
    (JOINING, "broken"): Row(ENDED, "release_all"),
    (CONNECTED, "broken"): Row(ENDED, "release_all"),
    # an admin, the longest duration, or media that stopped
    (DECIDING, "stop"): Row(ENDED, "fail"),
    (RINGING, "stop"): Row(ENDED, "fail"),
    (ANSWERING, "stop"): Row(ENDED, "fail"),
    (GREETING, "stop"): Row(ENDED, "fail"),
    (TREATED, "stop"): Row(ENDED, "release_all"),
    (BRIEFING, "stop"): Row(ENDED, "fail"),
    (BRIEFING_TREATED, "stop"): Row(ENDED, "release_all"),
    (JOINING, "stop"): Row(ENDED, "release_all"),
    (CONNECTED, "stop"): Row(ENDED, "release_all"),
    # what is still under way when it is over
    (ENDED, "ring"): Row(ENDED, "nothing"),
    (ENDED, "treat"): Row(ENDED, "nothing"),
    (ENDED, "greeted"): Row(ENDED, "nothing"),
    (ENDED, "whisper"): Row(ENDED, "nothing"),
    (ENDED, "bridge"): Row(ENDED, "nothing"),
    (ENDED, "end"): Row(ENDED, "nothing"),
    (ENDED, "answered"): Row(ENDED, "nothing"),
    (ENDED, "joined"): Row(ENDED, "nothing"),
    (ENDED, "rejoin"): Row(ENDED, "nothing"),
    (ENDED, "transferred"): Row(ENDED, "nothing"),
    (ENDED, "caller_gone"): Row(ENDED, "nothing"),
    (ENDED, "callee_gone"): Row(ENDED, "nothing"),
    (ENDED, "broken"): Row(ENDED, "nothing"),
    (ENDED, "stop"): Row(ENDED, "nothing"),
}
