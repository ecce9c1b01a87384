"""The treated path: what a line's packets go through when relaying alone is not enough.

Theory of operation. A line begins on the plain path (``relay_sockets``: lane, ``sendto``), which knows nothing of this
module. As soon as something wants to see or change its packets — a guard, a tap, a player, a converter — the line's
four ports get other readers that call ``take``; when the last of them is gone they get the plain ones back. ``switch``
does that; ``add_tap`` and its kin call it.

A datagram from the party on ``side`` then goes:

1. demultiplexed by its first byte (RFC 7983): what is neither RTP nor RTCP goes to the side's guard;
2. ``guard.unprotect``, before anything is learnt from it: what is not authentic settles no source;
3. ``lane.receive``: latching and counting, of the plain packet;
4. the taps hear it;
5. it is dropped when its kind is withheld (digits), or when a player speaks to the other side in its place;
6. the converter to the other side's codec;
7. ``guard.protect`` of the other side, out of the other side's port.

RTCP passes 1 to 3 and 7. On a side where it is ``muxed`` it comes and goes by the RTP port (RFC 5761).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from routerd.media.relay_session import RTCP, RTP, RelaySession
from routerd.media.rtcp import is_rtcp

if TYPE_CHECKING:
    from routerd.media.relay_lane import Address
    from routerd.media_worker.relay_sockets import LinePorts

_RTP_BITS: Final = 0xC0
_RTP_VERSION: Final = 0x80


class Guard(Protocol):
    """What secures one side of a line."""

    def unprotect(self, data: bytes, *, rtcp: bool) -> bytes | None:
        """The plain packet; None when it is not authentic."""

    def protect(self, data: bytes, *, rtcp: bool) -> bytes | None:
        """The secured packet; None while there are no keys."""

    def take_other(self, data: bytes, source: Address, now: float) -> list[tuple[bytes, Address]]:
        """STUN or DTLS came to the RTP port; what to send back from it."""

    def tick(self, now: float) -> list[tuple[bytes, Address]]:
        """Ten times a second: what to send from the RTP port (handshakes again)."""

    def counts(self) -> dict[str, int]:
        """What was refused, by kind."""


class Tap(Protocol):
    """Who listens: a recorder, a detector of digits."""

    def hear(self, side: int, packet: bytes, now: float) -> None:
        """A plain RTP packet of the party on ``side`` was admitted."""

    def close(self) -> None:
        """The line is closed, or the tap was taken off by its own wish."""


class Ticked(Protocol):
    """Who wants to be called ten times a second while the line is treated."""

    def tick(self, now: float) -> object:
        """Look after what depends on time."""


class Converter(Protocol):
    """What makes one side's packets fit for the other side."""

    def convert(self, packet: bytes) -> bytes | None:
        """The packet for the other side; None: it is not passed on."""


class Player(Protocol):
    """Who may speak to a side in place of the other side."""

    @property
    def is_speaking(self) -> bool:
        """Whether relayed packets towards the side are dropped now."""

    def close(self) -> None:
        """The line is closed."""


class Withholding(Protocol):
    """What keeps back some packets of a side, digits for one."""

    def withholds(self, packet: bytes) -> bool:
        """Whether this packet is not passed on."""


class Outlet(Protocol):
    """The sockets of the lines."""

    def treat(self, ports: LinePorts, path: Path | None) -> None:
        """Let every datagram of these ports come to ``path.take``; None: back to the plain path."""

    def send(self, ports: LinePorts, side: int, component: int, data: bytes, destination: Address) -> None:
        """Send from one of these ports; a failure is counted there."""


class Path:
    """The treated path of one line. Lists are by side; change them by the methods, so that the line is switched."""

    __slots__ = (
        "_is_treated",
        "_outlet",
        "_treated",
        "alive_s",
        "converters",
        "guards",
        "keys_missing",
        "muxed",
        "players",
        "ports",
        "refused",
        "session",
        "taps",
        "ticked",
        "withholdings",
    )

    def __init__(self, session: RelaySession, ports: LinePorts, outlet: Outlet, treated: set[Path]) -> None:
        """Take ``treated``: all paths that are in use, to be ticked."""
        self.session: RelaySession = session
        self.ports: LinePorts = ports
        self._outlet: Outlet = outlet
        self._treated: set[Path] = treated
        self._is_treated: bool = False
        self.guards: list[Guard | None] = [None, None]
        self.taps: list[Tap] = []
        self.players: list[Player | None] = [None, None]  # who speaks TO that side
        self.converters: list[Converter | None] = [None, None]  # for what that side SENDS
        self.withholdings: list[Withholding | None] = [None, None]  # of what that side SENDS
        self.ticked: list[Ticked] = []
        self.muxed: list[bool] = [False, False]
        self.alive_s: float = 0.0  # when something that is no RTP was last taken and answered (STUN)
        self.refused: int = 0  # not authentic
        self.keys_missing: int = 0

    # what is on the path

    @property
    def is_treated(self) -> bool:
        """Whether the ports read into ``take``."""
        return self._is_treated

    def add_tap(self, tap: Tap) -> None:
        """Let ``tap`` hear what both sides say. Next: ``remove_tap``, or the line's end closes it."""
        self.taps = [*self.taps, tap]
        self.switch()

    def remove_tap(self, tap: Tap) -> None:
        """Take a tap off and close it; nothing when it is off already. May be called from within ``hear``."""
        if tap in self.taps:
            self.taps = [other for other in self.taps if other is not tap]
            tap.close()
            self.switch()

    def set_guard(self, side: int, guard: Guard | None) -> None:
        """Secure a side, or leave it plain."""
        self.guards[side] = guard
        self.switch()

    def set_player(self, side: int, player: Player | None) -> None:
        """Let ``player`` speak to ``side`` whenever it wants to."""
        self.players[side] = player
        self.switch()

    def set_converter(self, side: int, converter: Converter | None) -> None:
        """Convert what ``side`` sends."""
        self.converters[side] = converter
        self.switch()

    def set_withholding(self, side: int, withholding: Withholding | None) -> None:
        """Keep back some of what ``side`` sends."""
        self.withholdings[side] = withholding
        self.switch()

    def add_ticked(self, ticked: Ticked) -> None:
        """Call ``ticked.tick`` ten times a second while the line is treated."""
        self.ticked = [*self.ticked, ticked]

    def switch(self) -> None:
        """Put the line on the path that it needs now. After a list was changed by hand."""
        sides = self.guards, self.players, self.converters, self.withholdings
        needed = bool(self.taps) or any(one is not None for pair in sides for one in pair)
        if needed != self._is_treated:
            self._is_treated = needed
            (self._treated.add if needed else self._treated.discard)(self)
            self._outlet.treat(self.ports, self if needed else None)

    def close(self) -> None:
        """The line's end: taps and players are closed. The sockets are closed by their owner."""
        taps, self.taps = self.taps, []
        for tap in taps:
            tap.close()
        for player in self.players:
            if player is not None:
                player.close()
        for pair in (self.guards, self.players, self.converters, self.withholdings):
            pair[:] = [None, None]
        self.ticked = []
        self._is_treated = False
        self._treated.discard(self)

    def refusals(self, side: int) -> dict[str, int]:
        """What the side's guard refused, by kind; empty where there is none."""
        guard = self.guards[side]
        return {} if guard is None else guard.counts()

    # packets

    def take(self, side: int, component: int, data: bytes, source: Address, now: float) -> None:
        """Take one datagram that came to ``side``'s port; never raises on what is in it."""
        guard = self.guards[side]
        if data and data[0] & _RTP_BITS != _RTP_VERSION and guard is not None:
            if component == RTP:  # handshakes and checks are of the one port that was named
                self._answer(guard, side, data, source, now)
            return
        rtcp = component == RTCP or is_rtcp(data)
        if guard is not None:
            plain = guard.unprotect(data, rtcp=rtcp)
            if plain is None:
                self.refused += 1
                return
            data = plain
        if rtcp:
            self._pass_rtcp(side, component, data, source, now)
            return
        lane = self.session.lane(side, RTP)
        before = lane.packets
        target = lane.receive(data, source, now)
        if lane.packets == before:
            return
        if data[0] & _RTP_BITS == _RTP_VERSION:
            for tap in self.taps:
                tap.hear(side, data, now)
        if target is not None:
            self._pass_rtp(side, data, target)

    def send(self, side: int, packet: bytes) -> bool:
        """Send a plain RTP packet to the party on ``side``; False when it has no address or no keys yet."""
        target = self.session.lane(side, RTP).target
        return target is not None and self._emit(side, RTP, packet, target, rtcp=False)

    def send_rtcp(self, side: int, packet: bytes) -> bool:
        """Send a plain RTCP packet to the party on ``side``."""
        muxed = self.muxed[side]
        target = self.session.lane(side, RTP if muxed else RTCP).target
        return target is not None and self._emit(side, RTP if muxed else RTCP, packet, target, rtcp=True)

    def tick(self, now: float) -> None:
        """Ten times a second: handshakes again, and whoever asked for it."""
        for side in (0, 1):
            guard = self.guards[side]
            if guard is not None:
                for data, destination in guard.tick(now):
                    self._outlet.send(self.ports, side, RTP, data, destination)
        for ticked in self.ticked:
            ticked.tick(now)

    def _answer(self, guard: Guard, side: int, data: bytes, source: Address, now: float) -> None:
        for answer, destination in guard.take_other(data, source, now):
            self.alive_s = now
            self._outlet.send(self.ports, side, RTP, answer, destination)

    def _pass_rtp(self, side: int, data: bytes, destination: Address) -> None:
        other = 1 - side
        player = self.players[other]
        if player is not None and player.is_speaking:
            return
        withholding = self.withholdings[side]
        if withholding is not None and withholding.withholds(data):
            return
        converter = self.converters[side]
        if converter is None:
            self._emit(other, RTP, data, destination, rtcp=False)
            return
        converted = converter.convert(data)
        if converted is not None:
            self._emit(other, RTP, converted, destination, rtcp=False)

    def _pass_rtcp(self, side: int, component: int, data: bytes, source: Address, now: float) -> None:
        lane = self.session.lane(side, RTCP)
        if component == RTP and source == self.session.lane(side, RTP).settled:
            lane.adopt(source)  # one port for both: whoever may speak there may report there
        if lane.receive(data, source, now) is not None:
            self.send_rtcp(1 - side, data)

    def _emit(self, side: int, component: int, data: bytes, destination: Address, *, rtcp: bool) -> bool:
        guard = self.guards[side]
        if guard is not None:
            secured = guard.protect(data, rtcp=rtcp)
            if secured is None:
                self.keys_missing += 1
                return False
            data = secured
        self._outlet.send(self.ports, side, component, data, destination)
        return True
