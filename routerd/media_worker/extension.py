"""What can be added to the engine: groups of commands, and a say in every offer and answer.

An extension is made with the engine's ``Services`` and overrides what it needs of ``Extension``. For each offer and
answer the engine calls, in this order, on every extension: ``read`` with the description as it came, ``write`` with
the description as it will go to the other party (addresses and ports are already ours), and after an answer has been
taken in by the lines ``answered``. ``ended`` is called while the call's lines are still open. Descriptions are
changed in place. A MediaError from ``read`` or ``write`` refuses the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from routerd.media.relay_lane import Address
    from routerd.media.sdp import SessionDescription
    from routerd.media_worker.call import MediaCall


class Negotiation(NamedTuple):
    """One offer or answer: the party ``tag`` on ``side`` sent it, the other side will get it.

    ``address`` is ours towards that one, known from ``write`` on.
    """

    is_offer: bool
    call: MediaCall
    side: int
    tag: str
    command: Mapping[str, Any]
    now: float
    address: str = ""


class Services(Protocol):
    """What the engine does for extensions."""

    def call_of(self, command: Mapping[str, Any]) -> MediaCall:
        """The call that a command names, tags checked; raises MediaError."""

    def party_of(self, command: Mapping[str, Any], key: str = "from-tag") -> tuple[MediaCall, int, str]:
        """As ``call_of``, with the side and the tag that ``key`` names; raises MediaError."""

    def press(self, call: MediaCall, side: int, digit: str, began_s: float, now: float) -> None:
        """Tell every extension of a digit (``pressed``)."""

    def notify(self, call: MediaCall, event: str, content: Mapping[str, Any]) -> None:
        """Send an event about a call to its controller."""


class Extension:
    """Does nothing; override what is wanted."""

    __slots__ = ()

    @property
    def capabilities(self) -> Sequence[str]:
        """What the pong tells besides."""
        return ()

    def commands(self) -> dict[str, Callable[[dict[str, Any], Address, float], dict[str, Any]]]:
        """Commands by name: each takes the command, who sent it and now, and gives the reply or raises MediaError."""
        return {}

    def read(self, negotiation: Negotiation, session: SessionDescription) -> None:
        """A description came."""

    def write(self, negotiation: Negotiation, session: SessionDescription) -> None:
        """A description is about to go to the other party."""

    def answered(self, negotiation: Negotiation) -> None:
        """Offer and answer have met, the lines know both parties."""

    def ended(self, call: MediaCall) -> None:
        """The call is ending; its lines are closed right after this."""

    def pressed(self, call: MediaCall, side: int, digit: str, began_s: float, now: float) -> None:
        """The party on ``side`` pressed a digit, which began at ``began_s``: whoever detects digits tells it."""

    def tick(self, now: float) -> None:
        """Ten times a second."""

    def close(self) -> None:
        """The engine stops."""
