"""One call's media in the embedded engine: its parties, its lines, and what they say in statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from routerd.media.agreement import Agreement
from routerd.media.ng import HOUSE
from routerd.media.relay_session import RTCP, RTP, PartyMedia, RelaySession
from routerd.media_worker.heard import heard
from routerd.media_worker.path import Outlet, Path

if TYPE_CHECKING:
    from routerd.media.relay_lane import Address, Lane
    from routerd.media_worker.relay_sockets import LinePorts

REFUSED: Final = PartyMedia(None, None, "inactive")


class Opener(Outlet, Protocol):
    """Where ports come from: ``RelaySockets``, or a stand-in."""

    def open(self, session: RelaySession) -> LinePorts:
        """Open a pair a side; raises RelayError."""

    def close(self, ports: LinePorts) -> None:
        """Give them back."""


class MediaLine:
    """One media line with open ports.

    ``pending`` is the party's side of an offer that is not yet answered. ``agreement`` is what was said of formats,
    ``is_converted`` whether packets are made fit for their receiver, ``is_muxed`` whether both ends send their reports
    by the port of speech (RFC 5761).
    """

    __slots__ = (
        "_opener",
        "_path",
        "_treated",
        "agreement",
        "is_converted",
        "is_muxed",
        "kind",
        "offers_mux",
        "pending",
        "ports",
        "session",
    )

    def __init__(
        self, kind: str, session: RelaySession, ports: LinePorts, opener: Opener, treated: set[Path] | None = None
    ) -> None:
        """Take ``treated``, where the line's path is found while packets take it."""
        self.kind: str = kind
        self.session: RelaySession = session
        self.ports: LinePorts = ports
        self.pending: tuple[int, PartyMedia] | None = None
        self._opener: Opener = opener
        self._path: Path | None = None
        self.agreement: Agreement = Agreement()
        self.is_converted: bool = False
        self.offers_mux: bool = False
        self.is_muxed: bool = False
        self._treated: set[Path] = set() if treated is None else treated

    @property
    def path(self) -> Path:
        """The treated path, made when it is first wanted; what is put on it switches the line to it."""
        if self._path is None:
            self._path = Path(self.session, self.ports, self._opener, self._treated)
            self._path.muxed = [self.is_muxed, self.is_muxed]
        return self._path

    @property
    def has_path(self) -> bool:
        """Whether the treated path was wanted before."""
        return self._path is not None

    @property
    def is_treated(self) -> bool:
        """Whether packets take the treated path now."""
        return self._path is not None and self._path.is_treated

    def last_heard_s(self) -> float:
        """When anything was last heard or negotiated, checks of connectivity included; 0.0 before the answer."""
        heard = self.session.last_heard_s()
        return heard if self._path is None else max(heard, self._path.alive_s)

    def close(self) -> None:
        """Give the ports back."""
        if self._path is not None:
            self._path.close()
        self._opener.close(self.ports)
        self.session.close()


class MediaCall:
    """Two parties and their lines. Side 0 is who offered first; every other tag is side 1 (branches of a fork).

    That holds until two of side 1 are joined, or the house takes the first one's place: who answers is always on the
    other side than who offered.

    ``speakers`` are the tags that spoke last for each side, in an offer or an answer; ``flags`` all that were given.
    """

    __slots__ = (
        "_sides",
        "answered",
        "call_id",
        "controller",
        "counted_packets",
        "created_s",
        "first_tag",
        "flags",
        "hosts",
        "last_signal_s",
        "lines",
        "other_tags",
        "speakers",
        "timed_out",
    )

    def __init__(self, call_id: str, first_tag: str, controller: Address, now: float) -> None:
        self.call_id: str = call_id
        self.first_tag: str = first_tag
        self.other_tags: dict[str, None] = {}
        self._sides: dict[str, int] = {first_tag: 0}
        self.controller: Address = controller
        self.created_s: float = now
        self.last_signal_s: float = now
        self.answered: bool = False
        self.timed_out: bool = False
        self.counted_packets: int = 0
        self.hosts: list[str] = ["", ""]
        self.speakers: list[str] = [first_tag, ""]
        self.lines: list[MediaLine | None] = []
        self.flags: frozenset[str] = frozenset()

    def side_of(self, tag: str) -> int:
        """The side of a tag; of one that is not known yet, the one that it would be."""
        return self._sides.get(tag, 1)

    def side_for_offer(self, tag: str, to_tag: object) -> int:
        """The side of who offers: its own, or opposite of ``to_tag`` for a newcomer and for the house."""
        opposite = 1 - self._sides[to_tag] if isinstance(to_tag, str) and to_tag in self._sides else None
        if opposite is not None and (tag == HOUSE or tag not in self._sides):
            return opposite
        return self.side_of(tag)

    def knows(self, tag: str) -> bool:
        """Whether this tag has taken part."""
        return tag == self.first_tag or tag in self.other_tags

    def note_tag(self, tag: str, side: int) -> None:
        """A party showed itself under this tag on this side; whether it stays is said by an answer."""
        self._sides[tag] = side
        if tag != self.first_tag:
            self.other_tags[tag] = None

    def note_answer(self, offerer: str, answerer: str) -> None:
        """These two are the parties now."""
        side = self.side_of(offerer)
        self.note_tag(answerer, 1 - side)
        self.speakers[side], self.speakers[1 - side] = offerer, answerer

    @property
    def house(self) -> int | None:
        """The side that is the engine itself; None when both are people."""
        return self.speakers.index(HOUSE) if HOUSE in self.speakers else None

    def line(self, index: int) -> MediaLine | None:
        """The open line at this place of the descriptions, None when it is refused or unknown."""
        return self.lines[index] if index < len(self.lines) else None

    def put_line(self, index: int, line: MediaLine | None) -> None:
        """Set the line at this place."""
        while len(self.lines) <= index:
            self.lines.append(None)
        self.lines[index] = line

    def speech_line(self) -> MediaLine | None:
        """The line that is spoken and played on: the first open one of kind audio."""
        return next((line for line in self.open_lines() if line.kind == "audio"), None)

    def open_lines(self) -> list[MediaLine]:
        """The lines with ports."""
        return [line for line in self.lines if line is not None]

    def close(self) -> None:
        """Give every port back."""
        for line in self.open_lines():
            line.close()
        self.lines = []

    def last_heard_s(self) -> float:
        """When anything was last heard on any line; 0.0 without an answer."""
        return max((line.last_heard_s() for line in self.open_lines()), default=0.0)

    def expects_media(self) -> bool:
        """Whether some line should be heard: then silence is a fault, not a hold."""
        return any(line.session.expects_life for line in self.open_lines())

    def is_one_way(self) -> bool:
        """Whether some line is heard from one side only."""
        return any(line.session.is_one_way for line in self.open_lines())

    def new_packets(self) -> int:
        """Packets of voice that came since the last call of this."""
        packets = sum(line.session.lane(side, RTP).packets for line in self.open_lines() for side in (0, 1))
        new, self.counted_packets = packets - self.counted_packets, packets
        return max(0, new)

    def statistics(self, wall_offset_s: float) -> dict[str, Any]:
        """The call as the ``query`` reply tells it: the summary, and every port of every party."""
        tags = [self.first_tag, *self.other_tags]
        return {**self.summary(wall_offset_s), "tags": {tag: self._party(tag) for tag in tags}}

    def summary(self, wall_offset_s: float) -> dict[str, Any]:
        """The call as the ``delete`` reply tells it; times in whole seconds since the epoch.

        ``heard`` is what the first offerer and the other side sent (see ``heard``), by tag.
        """
        return {
            "created": int(self.created_s + wall_offset_s),
            "last signal": int(self.last_signal_s + wall_offset_s),
            "last heard": int(self.last_heard_s() + wall_offset_s) if self.last_heard_s() else 0,
            "one-way": int(self.is_one_way()),
            "heard": [{"tag": self.speakers[side], **heard(self.open_lines(), side)} for side in (0, 1)],
            "totals": self.totals(),
        }

    def totals(self) -> dict[str, Any]:
        """Packets, bytes and errors of the whole call."""
        lines = self.open_lines()
        lanes_of = [[line.session.lane(side, part) for line in lines for side in (0, 1)] for part in (RTP, RTCP)]
        return {name: _sum(lanes) for name, lanes in zip(("RTP", "RTCP"), lanes_of, strict=True)}

    def _party(self, tag: str) -> dict[str, Any]:
        side = self.side_of(tag)
        medias = [
            {
                "index": index + 1,
                "type": line.kind,
                "refused": line.path.refusals(side) if line.is_treated else {},
                "streams": [_stream(line.session.lane(side, part), line.ports[side] + part) for part in (RTP, RTCP)],
            }
            for index, line in enumerate(self.lines)
            if line is not None
        ]
        return {"tag": tag, "medias": medias}


def _sum(lanes: list[Lane]) -> dict[str, int]:
    return {
        "packets": sum(lane.packets for lane in lanes),
        "bytes": sum(lane.octets for lane in lanes),
        "errors": sum(lane.foreign + lane.garbage for lane in lanes),
        "foreign": sum(lane.foreign for lane in lanes),
        "garbage": sum(lane.garbage for lane in lanes),
        "lost": sum(lane.lost for lane in lanes),
    }


def _stream(lane: Lane, port: int) -> dict[str, Any]:
    stream: dict[str, Any] = {
        "local port": port,
        "stats": _sum([lane]),
        "jitter-us": int(lane.jitter_ms * 1000),
        "ssrc-changes": lane.ssrc_changes,
    }
    if lane.target is not None:
        stream["endpoint"] = {"address": lane.target[0], "port": lane.target[1]}
    if lane.ssrc is not None:
        stream["SSRC"] = lane.ssrc
    return stream
