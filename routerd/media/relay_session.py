"""One relayed media line: two parties, RTP and RTCP each, sans-IO.

Theory of operation: the engine makes one ``RelaySession`` a media line and opens a pair of ports for each side.
``signal`` tells what a party's description says, ``answered`` that offer and answer have met (learning may begin, see
``relay_lane``). Every datagram goes through ``receive`` — or, without the detour, through ``receive`` of the lane of
the port that it came to. ``check`` is called about once a second and gives events; it never looks at packets, only at
counters, so the hot path carries no timers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from routerd.media.relay_lane import LEARNING_WINDOW_S, Address, Lane, RtcpLane
from routerd.media.round_trip import RoundTrips

if TYPE_CHECKING:
    from collections.abc import Mapping

RTP: Final = 0
RTCP: Final = 1
ONE_WAY_AFTER_S: Final = 5.0
_SENDS: Final = frozenset({"sendrecv", "sendonly"})
_RECEIVES: Final = frozenset({"sendrecv", "recvonly"})


class PartyMedia(NamedTuple):
    """What one party's description says of this line.

    ``rtp`` and ``rtcp`` are where it wants packets (None: nowhere usable), ``direction`` is in its own words,
    ``signalling_host`` the address that its signalling came from ("" unknown), ``clocks`` payload type to Hz,
    ``events`` payload types that are digits, not sound.
    """

    rtp: Address | None
    rtcp: Address | None
    direction: str = "sendrecv"
    signalling_host: str = ""
    clocks: Mapping[int, int] | None = None
    events: frozenset[int] = frozenset()


class RelaySession:
    """Both directions of one media line."""

    __slots__ = ("_answered_s", "_directions", "_heard", "_house", "_lanes", "_one_way", "heard_side", "trips")

    def __init__(self, learning_window_s: float = LEARNING_WINDOW_S) -> None:
        self.trips: RoundTrips = RoundTrips()
        reports = (RtcpLane(learning_window_s), RtcpLane(learning_window_s))
        for side, lane in enumerate(reports):
            lane.side, lane.trips = side, self.trips
        self._lanes: tuple[tuple[Lane, Lane], tuple[Lane, Lane]] = (
            (Lane(learning_window_s), reports[0]),
            (Lane(learning_window_s), reports[1]),
        )
        for component in (RTP, RTCP):
            self._lanes[0][component].partner = self._lanes[1][component]
            self._lanes[1][component].partner = self._lanes[0][component]
        self._directions: list[str] = ["inactive", "inactive"]
        self._answered_s: float | None = None
        self._house: int | None = None
        self._one_way: bool = False
        self.heard_side: int = 0
        self._heard: list[tuple[int, float]] = [(0, 0.0), (0, 0.0)]

    def lane(self, side: int, component: int) -> Lane:
        """The lane of the port that ``side`` (0 or 1) sends its ``component`` (RTP or RTCP) to."""
        return self._lanes[side][component]

    def signal(self, side: int, media: PartyMedia) -> None:
        """A description of this side came, in an offer or an answer."""
        self._directions[side] = media.direction
        rtp_lane, rtcp_lane = self._lanes[side]
        rtp_lane.signal(media.rtp, media.signalling_host)
        rtcp_lane.signal(media.rtcp, media.signalling_host)
        if media.clocks is not None:
            rtp_lane.describe(media.clocks, media.events)

    def relax(self) -> None:
        """Pass on what is no RTP too: the line carries T.38, or a DTLS handshake beside secured RTP."""
        for pair in self._lanes:
            for lane in pair:
                lane.relaxed = True

    def answered(self, now: float, *, house: int | None = None) -> None:
        """Offer and answer have met: open the learning windows, count silence from here.

        ``house`` is the side that is the engine itself: it is never heard, and nobody misses it.
        """
        self._answered_s = now
        self._house = house
        self._heard = [(self._lanes[side][RTP].packets, now) for side in (0, 1)]
        for side in (0, 1):
            rtp_lane, rtcp_lane = self._lanes[side]
            rtp_lane.learn(open_to_others=self.may_send(side))
            rtcp_lane.learn(open_to_others=True)

    def may_send(self, side: int) -> bool:
        """Whether both descriptions let this side send."""
        return self._directions[side] in _SENDS and self._directions[1 - side] in _RECEIVES

    def may_receive(self, side: int) -> bool:
        """Whether this side wants to hear anything: not while it holds the call."""
        return self._directions[side] in _RECEIVES

    @property
    def is_two_way(self) -> bool:
        """Whether the line is answered and both sides should be heard."""
        return self._house is None and self._answered_s is not None and self.may_send(0) and self.may_send(1)

    @property
    def expects_life(self) -> bool:
        """Whether silence on all of the line is a fault.

        Alone with the house a party may be muted and send no voice for as long as it likes: only one whose reports
        (RTCP) have come before is missed.
        """
        if self._house is None or self._answered_s is None:
            return self.is_two_way
        return self.may_send(1 - self._house) and self._lanes[1 - self._house][RTCP].packets > 0

    @property
    def is_one_way(self) -> bool:
        """Whether one side is heard and the other is not, as of the last ``check``."""
        return self._one_way

    def block(self, side: int | None, *, blocked: bool) -> None:
        """Stop or resume what ``side`` (None: both) sends."""
        for index in (0, 1) if side is None else (side,):
            for lane in self._lanes[index]:
                lane.block(blocked=blocked)

    def close(self) -> None:
        """Part the lanes, so that nothing is left for the garbage collector; the counters can still be read."""
        for pair in self._lanes:
            for lane in pair:
                lane.block(blocked=True)
                lane.partner = None

    def receive(
        self, side: int, component: int, data: bytes, source: Address, now: float
    ) -> tuple[int, bytes, Address] | None:
        """Take a datagram that came to ``side``'s port; gives the side whose port it leaves from, data, destination."""
        destination = self._lanes[side][component].receive(data, source, now)
        return None if destination is None else (1 - side, data, destination)

    def last_heard_s(self) -> float:
        """When anything was last heard or negotiated; 0.0 before the answer."""
        lanes = (lane.last_s for pair in self._lanes for lane in pair)
        return max(self._answered_s or 0.0, *lanes)

    def check(self, now: float) -> str | None:
        """``one-way`` or ``two-way`` when that changed since the last call, else None. About once a second.

        On ``one-way``, ``heard_side`` is the side whose voice comes.
        """
        silence = [self._silence_s(side, now) for side in (0, 1)]
        if not self.is_two_way:
            self._one_way = False
            return None
        quick, slow = min(silence), max(silence)
        one_way = quick < ONE_WAY_AFTER_S / 2 and slow >= ONE_WAY_AFTER_S
        if one_way == self._one_way or (self._one_way and quick >= ONE_WAY_AFTER_S / 2):
            return None
        self._one_way = one_way
        self.heard_side = silence.index(quick)
        return "one-way" if one_way else "two-way"

    def _silence_s(self, side: int, now: float) -> float:
        lane = self._lanes[side][RTP]
        packets, since = self._heard[side]
        if lane.packets != packets:
            since = lane.last_s
            self._heard[side] = (lane.packets, since)
        return now - since
