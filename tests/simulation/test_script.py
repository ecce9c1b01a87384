from __future__ import annotations

import pytest

from routerd.cli.simulate import tables_of
from routerd.simulation.documents import plain
from routerd.simulation.script import ScriptError, play

RINGING = """
phone alice registered
phone bob registered
alice -> INVITE sip:bob@acme.test
alice <- 401
bob <- INVITE with sdp
"""


def played(text: str) -> None:
    play(RINGING + text, tables_of(plain()))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("alice <- 180", "alice got 480 to INVITE"),
        ("bob -> 486\nalice <- 200", "alice got 486 to INVITE"),
        ("bob -> 180\nbob <- BYE", "bob got CANCEL"),
        ("bob -> 180\nalice <- 180 with sdp", "no description"),
        ("bob -> 180\nalice <- 180 with Reason", "it has no Reason"),
        ("bob -> 486\nalice <- 486 with Reason cause=99", "Reason is"),
        ("bob -> 180\nalice <- nothing", "alice got 100 to INVITE"),
        ("alice -> CANCEL\nalice <- 200\nbob <- CANCEL", "waited in vain"),
        ("record answered", "there is no record"),
        ("bob -> 486\nalice <- 486\nrecord answered", "the record says"),
        ("dave -> BYE", "who is dave?"),
        ("dave <- BYE", "who is dave?"),
        ("alice -> DANCE", "nobody can send DANCE"),
        ("carry on", "not a line of a script"),
        ("phone carol\ncarol -> BYE", "carol has no call"),
    ],
)
def test_what_does_not_come_true_is_said(line: str, why: str) -> None:
    with pytest.raises(ScriptError, match=why):
        played(line)


def test_the_error_names_its_line() -> None:
    with pytest.raises(ScriptError, match="line 7: alice <- 404"):
        played("alice <- 404  # never")


def test_what_comes_true_is_silent() -> None:
    played("bob -> 180\nalice <- 180\nbob -> 486\nalice <- 486\nrecord busy 486\nrest")
