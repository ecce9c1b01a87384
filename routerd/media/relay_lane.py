"""One direction of one relayed stream: who may speak into a port, where it goes, and what was heard.

Theory of operation. A lane belongs to one local port: the packets that one party (its *speaker*) sends there. Its
``partner`` is the lane of the other party's port; a packet heard here leaves from the partner's port to the partner's
``target``. ``receive`` is the hot path: for the settled source it compares one tuple, counts a few integers and returns
the destination.

Latching (RFC 4961; the attacks of RTP bleed and injection). Until the call is answered only the signalled address is
heard. From the answer on the lane learns:

- a packet from the signalled address settles at once and for good;
- where the party is visibly behind a translator (its signalling came from another address than it names), a source at
  that signalling address settles after ``CONSISTENT_PACKETS`` packets in a row;
- any other source must be the only one for ``LEARNING_WINDOW_S`` while the signalled address stays silent. It is not
  heard meanwhile and nothing is sent to it. If the signalled address speaks after all, it takes the lane back.

A settled lane drops and counts all other sources, also another port of the same address, until a new negotiation.
A new negotiation that names the same address goes on hearing the source that it had settled on.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from routerd.media import rtcp, rtp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from routerd.media.round_trip import RoundTrips

Address = tuple[str, int]

LEARNING_WINDOW_S: Final = 3.0
CONSISTENT_PACKETS: Final = 3
CANDIDATE_SILENCE_S: Final = 1.0
MAX_DROPOUT: Final = 3000
DEFAULT_CLOCK_HZ: Final = 8000
_MIN_BYTES: Final = rtp.HEADER_BYTES
_MAX_BYTES: Final = rtp.MAX_PACKET_BYTES
_FIELDS: Final = struct.Struct(">BHII").unpack_from
_NO_PAYLOAD: Final = -1
_MAX_JUMP_S: Final = 10.0


class Lane:
    """The RTP lane; ``RtcpLane`` is its plainer kin."""

    __slots__ = (
        "_candidate",
        "_candidate_last_s",
        "_candidate_packets",
        "_candidate_since_s",
        "_clock_hz",
        "_clocks",
        "_expected",
        "_firm",
        "_jitter",
        "_open",
        "_payload",
        "_sequence",
        "_signalled",
        "_signalling_host",
        "_silent_payloads",
        "_ssrc",
        "_transit",
        "_trusted",
        "blocked",
        "first_s",
        "foreign",
        "foreign_from",
        "garbage",
        "last_s",
        "learning_window_s",
        "octets",
        "packets",
        "partner",
        "relaxed",
        "send_to",
        "settled",
        "ssrc_changes",
        "target",
        "undelivered",
    )

    def __init__(self, learning_window_s: float = LEARNING_WINDOW_S) -> None:
        self.learning_window_s: float = learning_window_s
        self.partner: Lane | None = None
        self.settled: Address | None = None
        self.target: Address | None = None
        self.send_to: Address | None = None
        self.blocked: bool = False
        self.relaxed: bool = False  # what is no RTP passes too: UDPTL, DTLS, STUN
        self.packets: int = 0
        self.octets: int = 0
        self.foreign: int = 0
        self.foreign_from: Address | None = None
        self.garbage: int = 0
        self.undelivered: int = 0
        self.ssrc_changes: int = 0
        self.first_s: float = 0.0
        self.last_s: float = 0.0
        self._open: bool = False
        self._firm: bool = False
        self._signalled: Address | None = None
        self._trusted: Address | None = None
        self._signalling_host: str = ""
        self._candidate: Address | None = None
        self._candidate_packets: int = 0
        self._candidate_since_s: float = 0.0
        self._candidate_last_s: float = 0.0
        self._clocks: dict[int, int] = {}
        self._silent_payloads: frozenset[int] = frozenset()
        self._clock_hz: float = float(DEFAULT_CLOCK_HZ)
        self._payload: int = _NO_PAYLOAD
        self._sequence: int = 0
        self._expected: int = 0
        self._ssrc: int = _NO_PAYLOAD
        self._transit: float = 0.0
        self._jitter: float = 0.0

    # negotiation

    def signal(self, address: Address | None, signalling_host: str = "") -> None:
        """A description of the speaker came: ``address`` is where it wants packets (None: nowhere usable)."""
        same = address == self._signalled
        self._signalling_host = signalling_host
        self._forget_candidate()
        if same:
            self._trusted = self.settled or self._trusted
            self.settled = None
            return
        self._signalled = address
        self._trusted = None
        self._firm = False
        self._open = False
        self.settled = None
        self._aim(address)

    def learn(self, *, open_to_others: bool) -> None:
        """The call is answered: other sources than the signalled one may be learnt, if the speaker may send at all."""
        self._open = open_to_others
        self._forget_candidate()

    def adopt(self, source: Address) -> None:
        """Hear this source from now on, and send there: it has been proven by other means (ICE, the RTP beside)."""
        if source != self.settled:
            self._settle(source, firm=True)

    def describe(self, clocks: Mapping[int, int], silent_payloads: frozenset[int]) -> None:
        """Clock rates in Hz by payload type, and payload types whose time stamps say nothing of jitter (events)."""
        self._clocks = dict(clocks)
        self._silent_payloads = silent_payloads
        self._payload = _NO_PAYLOAD

    def block(self, *, blocked: bool) -> None:
        """Stop or resume passing on what is heard; it is counted all the same."""
        self.blocked = blocked
        self._refresh()

    # packets

    def receive(self, data: bytes, source: Address, now: float) -> Address | None:
        """Take one datagram; the address to send it to from the partner's port, None when it is not passed on."""
        size = len(data)
        if source != self.settled or size < _MIN_BYTES or size > _MAX_BYTES or data[0] & 0xC0 != 0x80:
            return self._receive_unusual(data, source, now)
        self.packets += 1
        self.octets += size
        self.last_s = now
        second, sequence, timestamp, ssrc = _FIELDS(data, 1)
        if ssrc == self._ssrc and second & 0x7F == self._payload and sequence - self._sequence == 1:
            transit = now * self._clock_hz - timestamp
            change = transit - self._transit
            self._transit = transit
            self._jitter += ((change if change >= 0.0 else -change) - self._jitter) * 0.0625
            self._sequence = sequence
            self._expected += 1
        else:
            self._irregular(second, sequence, timestamp, ssrc, now)
        if self.send_to is None:
            self.undelivered += 1
        return self.send_to

    @property
    def lost(self) -> int:
        """Packets that were expected by their sequence numbers and did not come (RFC 3550 §6.4.1)."""
        return max(0, self._expected - self.packets) if self._expected else 0

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter in milliseconds (RFC 3550 §6.4.1)."""
        return self._jitter * 1000.0 / self._clock_hz

    @property
    def payload_type(self) -> int | None:
        """The payload type last heard that is no event, None before the first packet."""
        return None if self._payload == _NO_PAYLOAD else self._payload

    @property
    def signalled(self) -> Address | None:
        """Where the party says that it is."""
        return self._signalled

    @property
    def signalling_host(self) -> str:
        """The address that the party's signalling comes from, "" when nobody said."""
        return self._signalling_host

    @property
    def ssrc(self) -> int | None:
        """The synchronisation source last heard, None before the first packet."""
        return None if self._ssrc == _NO_PAYLOAD else self._ssrc

    def _receive_unusual(self, data: bytes, source: Address, now: float) -> Address | None:
        """A datagram that the fast path did not take: not from the settled source, or not RTP by its looks."""
        rtp_shaped = _MIN_BYTES <= len(data) <= _MAX_BYTES and data[0] & 0xC0 == 0x80
        if not rtp_shaped and not (self.relaxed and 0 < len(data) <= _MAX_BYTES):
            self.garbage += 1
            return None
        if not self._admit(source, now):
            return None
        return self.receive(data, source, now) if rtp_shaped else self._count(data, now)

    def _count(self, data: bytes, now: float) -> Address | None:
        """Count and pass on what is not read as RTP."""
        self.packets += 1
        self._expected += 1 if self._expected else 0
        self.octets += len(data)
        self.last_s = now
        self.first_s = self.first_s or now
        if self.send_to is None:
            self.undelivered += 1
        return self.send_to

    def _irregular(self, second: int, sequence: int, timestamp: int, ssrc: int, now: float) -> None:
        """First packet, new source, gap, reordering, another payload type, or RTCP on a shared port."""
        if rtcp.FIRST_TYPE <= second <= rtcp.LAST_TYPE:
            self._expected += 1 if self._expected else 0
            return
        if ssrc != self._ssrc:
            self.ssrc_changes += 0 if self._ssrc == _NO_PAYLOAD else 1
            self._restart(sequence, ssrc, now)
        else:
            self._advance(sequence, ssrc, now)
        payload = second & 0x7F
        if payload in self._silent_payloads:
            return
        if payload != self._payload:
            self._payload = payload
            self._clock_hz = float(self._clocks.get(payload, DEFAULT_CLOCK_HZ))
            self._transit = now * self._clock_hz - timestamp
            return
        transit = now * self._clock_hz - timestamp
        change = abs(transit - self._transit)
        self._transit = transit
        if change < _MAX_JUMP_S * self._clock_hz:  # beyond: a time stamp that wrapped or began anew
            self._jitter += (change - self._jitter) * 0.0625

    def _advance(self, sequence: int, ssrc: int, now: float) -> None:
        delta = (sequence - self._sequence) & 0xFFFF
        if 0 < delta < MAX_DROPOUT:
            self._expected += delta
            self._sequence = sequence
        elif delta and delta < 0x10000 - MAX_DROPOUT:
            self._restart(sequence, ssrc, now)

    def _restart(self, sequence: int, ssrc: int, now: float) -> None:
        lost = max(0, self._expected - (self.packets - 1))
        self._expected = self.packets + lost
        self._ssrc = ssrc
        self._sequence = sequence
        self._payload = _NO_PAYLOAD
        if not self.first_s:
            self.first_s = now

    # latching

    def _admit(self, source: Address, now: float) -> bool:
        """Whether a packet from this source may be heard; counts it when not."""
        if source == self.settled:
            return True
        if source == self._signalled:
            if self.settled is None or not self._firm:
                self._settle(source, firm=True)
                return True
        elif self.settled is None and source == self._trusted:
            self._settle(source, firm=self._firm)
            return True
        elif self.settled is None and self._open and self._is_proven(source, now):
            self._settle(source, firm=False)
            return True
        self.foreign += 1
        self.foreign_from = source
        return False

    def _is_proven(self, source: Address, now: float) -> bool:
        """Whether this unsignalled source has been alone and steady for long enough."""
        if source != self._candidate:
            fresh = self._candidate is not None and now - self._candidate_last_s < CANDIDATE_SILENCE_S
            if fresh and not (self._is_likely(source) and not self._is_likely(self._candidate)):
                return False
            self._candidate = source
            self._candidate_packets = 0
            self._candidate_since_s = now
        self._candidate_last_s = now
        self._candidate_packets += 1
        if self._candidate_packets < CONSISTENT_PACKETS:
            return False
        return self._is_likely(source) or now - self._candidate_since_s >= self.learning_window_s

    def _is_likely(self, source: Address | None) -> bool:
        """Whether the party is behind a translator and this source is the address that its signalling came from."""
        if source is None or not self._signalling_host or source[0] != self._signalling_host:
            return False
        return self._signalled is None or self._signalled[0] != self._signalling_host

    def _settle(self, source: Address, *, firm: bool) -> None:
        self.settled = source
        self._firm = firm
        self._forget_candidate()
        self._aim(source)

    def _forget_candidate(self) -> None:
        self._candidate = None
        self._candidate_packets = 0

    def _aim(self, address: Address | None) -> None:
        self.target = address
        if self.partner is not None:
            self.partner._refresh()  # noqa: SLF001 - the same class

    def _refresh(self) -> None:
        self.send_to = None if self.blocked or self.partner is None else self.partner.target


class RtcpLane(Lane):
    """The RTCP lane of a pair of ports: the same latching, no sequence numbers; reports tell ``trips`` of distances."""

    __slots__ = ("side", "trips")

    def __init__(self, learning_window_s: float = LEARNING_WINDOW_S) -> None:
        super().__init__(learning_window_s)
        self.side: int = 0
        self.trips: RoundTrips | None = None

    def receive(self, data: bytes, source: Address, now: float) -> Address | None:
        """As ``Lane.receive``."""
        size = len(data)
        if not (rtcp.is_rtcp(data) or (self.relaxed and size)) or size > rtcp.MAX_PACKET_BYTES:
            self.garbage += 1
            return None
        if source != self.settled and not self._admit(source, now):
            return None
        if self.trips is not None:
            self.trips.hear(self.side, data, now)
        return self._count(data, now)
