"""The four transaction tables (RFC 3261 §17.1, §17.2 as corrected by RFC 6026 and RFC 4320), and only here, as data.

Theory of operation
-------------------
A table maps state and event to a ``Row``: the next state and the actions, performed in the order in which they stand.
What a table does not list is ignored in that state: an absorbed retransmission, a response that came too late.
``client_transaction`` and ``server_transaction`` interpret the tables and hold what an action *does*; they decide
nothing. Three rules hold for every row:

* the state changes before the actions run, and actions that call the user (``inform …``, ``pass up …``) stand last, so
  that the user finds the machine in its new state and may act on it again at once;
* ``start X`` starts the timer X with its duration for the flow's transport. Where that is zero (D, I, J, K over a
  reliable transport) the timer fires within the step: the machine passes the state and is ``terminated``. Timers A, E
  and G are not started at all where the transport is reliable;
* entering a state stops the timers that the state does not know, for a machine has at most two: one that retransmits
  and one that ends something.

Events are ``1xx``, ``2xx``, ``failure`` (3xx to 6xx), ``final`` (non-INVITE: 2xx to 6xx), ``request`` (the request
once more), ``ack``, ``acknowledged`` (the core has got the ACK of its 2xx), ``transport error``, ``refuse 408``, and
the timers' own names. Beside A to M there are four names that the RFCs leave without a letter: ``2xx`` retransmission
is ``resend`` (RFC 3261 §13.3.1.4), ``trying`` is the earliest moment of a 100 to a non-INVITE (RFC 4320 §4.1), and
``silence`` ends a non-INVITE that the core never answered (RFC 4320 §4.2).

The diagrams in docs/transactions.md are made from these tables. In short::

    INVITE client                          INVITE server
      calling ──1xx──> proceeding            proceeding ──2xx──> accepted ──L──> terminated
         │ └────2xx──┐   │  │ 2xx                │ failure
         │ failure   │   │  └──> accepted     completed ──ack──> confirmed ──I──> terminated
         └──> completed <┘         │ M           └──H──> terminated
                │ D                v
                └────────────> terminated

    non-INVITE client                      non-INVITE server
      trying ──1xx──> proceeding             trying ──1xx──> proceeding
         │ final         │ final                │ final         │ final
         └──> completed <┘                      └──> completed <┘
                │ K                                    │ J
                └──> terminated                        └──> terminated
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Row(NamedTuple):
    """One row: the state that follows, and the actions in their order."""

    to: str
    actions: tuple[str, ...]


Table = dict[str, dict[str, Row]]

CALLING: Final = "calling"
TRYING: Final = "trying"
PROCEEDING: Final = "proceeding"
ACCEPTED: Final = "accepted"
COMPLETED: Final = "completed"
CONFIRMED: Final = "confirmed"
TERMINATED: Final = "terminated"

INVITE_CLIENT: Table = {
    # RFC 3261 §17.1.1 figure 5, RFC 6026 §7.2 figure 1; B runs again in proceeding once we have sent CANCEL (§9.1)
    CALLING: {
        "A": Row(CALLING, ("send request", "double A")),
        "B": Row(TERMINATED, ("inform timeout",)),
        "1xx": Row(PROCEEDING, ("stop timers", "send waiting CANCEL", "pass up")),
        "2xx": Row(ACCEPTED, ("stop timers", "start M", "pass up 2xx")),
        "failure": Row(COMPLETED, ("stop timers", "make ACK", "send ACK", "start D", "pass up")),
        "transport error": Row(TERMINATED, ("inform transport error",)),
    },
    PROCEEDING: {
        "B": Row(TERMINATED, ("inform timeout",)),
        "1xx": Row(PROCEEDING, ("pass up",)),
        "2xx": Row(ACCEPTED, ("stop timers", "start M", "pass up 2xx")),
        "failure": Row(COMPLETED, ("stop timers", "make ACK", "send ACK", "start D", "pass up")),
        "transport error": Row(TERMINATED, ("inform transport error",)),
    },
    ACCEPTED: {
        "2xx": Row(ACCEPTED, ("pass up 2xx",)),
        "M": Row(TERMINATED, ()),
    },
    COMPLETED: {
        "failure": Row(COMPLETED, ("send ACK",)),
        "D": Row(TERMINATED, ()),
        "transport error": Row(TERMINATED, ()),
    },
}

NON_INVITE_CLIENT: Table = {
    # RFC 3261 §17.1.2 figure 6
    TRYING: {
        "E": Row(TRYING, ("send request", "double E")),
        "F": Row(TERMINATED, ("inform timeout",)),
        "1xx": Row(PROCEEDING, ("pass up",)),
        "final": Row(COMPLETED, ("stop timers", "start K", "pass up")),
        "transport error": Row(TERMINATED, ("inform transport error",)),
    },
    PROCEEDING: {
        "E": Row(PROCEEDING, ("send request", "slow E")),
        "F": Row(TERMINATED, ("inform timeout",)),
        "1xx": Row(PROCEEDING, ("pass up",)),
        "final": Row(COMPLETED, ("stop timers", "start K", "pass up")),
        "transport error": Row(TERMINATED, ("inform transport error",)),
    },
    COMPLETED: {
        "K": Row(TERMINATED, ()),
        "transport error": Row(TERMINATED, ()),
    },
}

INVITE_SERVER: Table = {
    # RFC 3261 §17.2.1 figure 7, RFC 6026 §7.1 figure 2; the core sends its own 100; a lost flow ends nothing (§7.1)
    PROCEEDING: {
        "request": Row(PROCEEDING, ("send response",)),
        "1xx": Row(PROCEEDING, ("send response",)),
        "2xx": Row(ACCEPTED, ("send response", "start resend", "start L")),
        "failure": Row(COMPLETED, ("send response", "start G", "start H")),
    },
    ACCEPTED: {
        "request": Row(ACCEPTED, ()),
        "ack": Row(ACCEPTED, ("pass up ACK",)),
        "resend": Row(ACCEPTED, ("send response", "double resend")),
        "2xx": Row(ACCEPTED, ("send response",)),
        "acknowledged": Row(ACCEPTED, ("stop resend", "forget response")),
        "L": Row(TERMINATED, ("inform unacknowledged",)),
    },
    COMPLETED: {
        "request": Row(COMPLETED, ("send response",)),
        "G": Row(COMPLETED, ("send response", "double G")),
        "ack": Row(CONFIRMED, ("stop timers", "forget response", "start I")),
        "H": Row(TERMINATED, ("inform ACK timeout",)),
    },
    CONFIRMED: {
        "request": Row(CONFIRMED, ()),
        "ack": Row(CONFIRMED, ()),
        "I": Row(TERMINATED, ()),
    },
}

NON_INVITE_SERVER: Table = {
    # RFC 3261 §17.2.2 figure 8; RFC 4320 §4: a 100 only late, never a 408
    TRYING: {
        "request": Row(TRYING, ()),
        "1xx": Row(PROCEEDING, ("send response",)),
        "final": Row(COMPLETED, ("stop timers", "send response", "start J")),
        "refuse 408": Row(TERMINATED, ()),
        "trying": Row(PROCEEDING, ("make 100", "send response")),
    },
    PROCEEDING: {
        "request": Row(PROCEEDING, ("send response",)),
        "1xx": Row(PROCEEDING, ("send response",)),
        "final": Row(COMPLETED, ("stop timers", "send response", "start J")),
        "refuse 408": Row(TERMINATED, ()),
        "trying": Row(PROCEEDING, ()),
        "silence": Row(TERMINATED, ()),
    },
    COMPLETED: {
        "request": Row(COMPLETED, ("send response",)),
        "J": Row(TERMINATED, ()),
    },
}

TABLES: dict[str, tuple[str, Table]] = {
    "INVITE client": (CALLING, INVITE_CLIENT),
    "non-INVITE client": (TRYING, NON_INVITE_CLIENT),
    "INVITE server": (PROCEEDING, INVITE_SERVER),
    "non-INVITE server": (TRYING, NON_INVITE_SERVER),
}
"""Every machine by name: the state in which it is created, and its table."""
