"""The embedded media engine: ng commands in, ng replies and notifications out. Sans-IO; the sockets are handed in.

Theory of operation. A call is made by its first offer, which opens a pair of ports for each side of every media line
that the relay can carry; ports stay for the line's life: a re-offer from either side changes descriptions only. An
offer is just remembered: what it says of its sender holds once an answer comes; a refused re-offer breaks nothing. Of
several answers (a fork) the last one wins. A cookie that was answered before gets the same reply and does nothing.

``tick`` is called every ``TICK_S``; each time it looks at one ``SLICES``-th of the calls and notifies their
controllers of silence (``media-timeout``: ending the call is the controller's business), of one-way speech and of its
end. A call whose ``delete`` was lost is ended when it was neither signalled nor heard for ``session_limit_s``. Lines
on the treated path are ticked every time.

What is more than relaying — playing, digits, recording, security — is added by extensions (see ``extension``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from routerd.errors import MediaError, RelayError
from routerd.media import ng, sdp
from routerd.media.relay_session import PartyMedia, RelaySession
from routerd.media_worker.call import REFUSED, MediaCall, MediaLine, Opener
from routerd.media_worker.extension import Extension, Negotiation
from routerd.media_worker.heard import one_way
from routerd.media_worker.replies import ReplyCache
from routerd.media_worker.rewrite import MAX_RELAYED_LINES, is_opaque, is_relayable, prepare_party, read_party

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from routerd.media.relay_lane import Address
    from routerd.media_worker.addresses import Addresses
    from routerd.media_worker.extension import Services
    from routerd.media_worker.path import Path

TICK_S: Final = 0.1
SLICES: Final = 10
SESSION_LIMIT_S: Final = 7200.0
CAPABILITIES: Final = ("relay", "events", "statistics", "block media")
NOTHING: Final[dict[str, Any]] = {}
_NOT_FOUND: Final = "Call-ID not found or tags didn't match"


class Send(Protocol):
    """How a datagram leaves towards a controller."""

    def __call__(self, data: bytes, destination: Address) -> None:
        """Send it; a failure is the sender's business."""


class Engine:
    """All calls of one engine process."""

    def __init__(
        self,
        addresses: Addresses,
        opener: Opener,
        send: Send,
        *,
        started: str,
        timeout_s: float = 60.0,
        session_limit_s: float = SESSION_LIMIT_S,
        wall_offset_s: float = 0.0,
        extensions: Sequence[Callable[[Services], Extension]] = (),
    ) -> None:
        """Take ``started``, this instance's name, and ``wall_offset_s``, to be added to ``now`` for wall time.

        ``extensions`` are made here, each with this engine as its services.
        """
        self._addresses = addresses
        self._opener = opener
        self._send = send
        self._started = started
        self._timeout_s = timeout_s
        self._session_limit_s = session_limit_s
        self._wall_offset_s = wall_offset_s
        self._calls: dict[str, MediaCall] = {}
        self._replies = ReplyCache()
        self._notified = 0
        self._slice = 0
        self._turn: list[MediaCall] = []
        self._treated: set[Path] = set()
        self._ended = {"calls": 0, "packets": 0, "bytes": 0, "foreign": 0, "garbage": 0, "lost": 0}
        self._packets_total = 0
        self._one_way_total = 0
        self._timeouts_total = 0
        self._commands: dict[str, Callable[[dict[str, Any], Address, float], dict[str, Any]]] = {
            "ping": self._ping,
            "offer": self._offer,
            "answer": self._answer,
            "delete": self._delete,
            "query": self._query,
            "list": self._list,
            "statistics": self._statistics,
            "block media": self._block,
            "unblock media": self._unblock,
        }
        self.extensions: list[Extension] = [make(self) for make in extensions]
        for extension in self.extensions:
            self._commands.update(extension.commands())
        self._capabilities = [*CAPABILITIES, *(name for one in self.extensions for name in one.capabilities)]

    def __len__(self) -> int:
        """Calls held."""
        return len(self._calls)

    @property
    def ended(self) -> int:
        """Calls that are over."""
        return self._ended["calls"]

    def handle(self, data: bytes, source: Address, now: float) -> bytes | None:
        """Serve one control datagram; the reply's bytes, None when it bears no cookie to reply to. Never raises."""
        try:
            cookie, command = ng.decode_command(data)
        except MediaError:
            return None
        cached = self._replies.find(source, cookie, now)
        if cached is not None:
            return cached
        reply = ng.encode_reply(cookie, self._perform(command, source, now))
        self._replies.keep(source, cookie, reply, now)
        return reply

    def tick(self, now: float) -> None:
        """Look after the next slice of the calls."""
        if self._slice == 0:
            self._turn = list(self._calls.values())
        for call in self._turn[self._slice :: SLICES]:
            if self._calls.get(call.call_id) is call:
                self._look_after(call, now)
        self._slice = (self._slice + 1) % SLICES
        for path in list(self._treated):
            path.tick(now)
        for extension in self.extensions:
            extension.tick(now)

    def close(self) -> None:
        """End every call and give all ports back."""
        for call in list(self._calls.values()):
            self._end(call)
        for extension in self.extensions:
            extension.close()

    # services for extensions

    def call_of(self, command: Mapping[str, Any]) -> MediaCall:
        """The call that a command names, tags checked; raises MediaError."""
        call = self._find(command)
        if call is None:
            raise MediaError("Unknown call-id")
        return call

    def party_of(self, command: Mapping[str, Any], key: str = "from-tag") -> tuple[MediaCall, int, str]:
        """As ``call_of``, with the side and the tag that ``key`` names; raises MediaError."""
        call, tag = self.call_of(command), _text(command, key)
        if not call.knows(tag):
            raise MediaError("Unknown party")
        return call, call.side_of(tag), tag

    def press(self, call: MediaCall, side: int, digit: str, began_s: float, now: float) -> None:
        """Tell every extension of a digit."""
        for extension in self.extensions:
            extension.pressed(call, side, digit, began_s, now)

    def notify(self, call: MediaCall, event: str, content: Mapping[str, Any]) -> None:
        """Send an event about a call to its controller."""
        self._notified += 1
        told = {"event": event, "call-id": call.call_id, **content, "started": self._started}
        self._send(ng.encode_reply(f"event-{self._notified}", told), call.controller)

    # commands

    def _perform(self, command: dict[str, Any], source: Address, now: float) -> dict[str, Any]:
        serve = self._commands.get(command["command"])
        if serve is None:
            return _error("Unrecognized command")
        try:
            return serve(command, source, now)
        except MediaError as error:
            return _error(str(error))

    def _ping(self, _command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        """Answer, with the counts that a controller shows: it asks every second anyway."""
        return {
            "result": "pong",
            "capabilities": list(self._capabilities),
            "started": self._started,
            "sessions": len(self._calls),
            "packets-total": self._packets_total,
            "one-way-total": self._one_way_total,
        }

    def _offer(self, command: dict[str, Any], source: Address, now: float) -> dict[str, Any]:
        call_id, tag = _text(command, "call-id"), _text(command, "from-tag")
        session = sdp.parse(_body(command))
        known = self._calls.get(call_id)
        call = known or MediaCall(call_id, tag, source, now)
        side = call.side_for_offer(tag, command.get("to-tag"))
        self._open_lines(call, session)
        self._calls[call_id] = call
        call.note_tag(tag, side)
        negotiation = Negotiation(True, call, side, tag, command, now)
        try:
            for extension in self.extensions:
                extension.read(negotiation, session)
            host = self._note_party(call, side, session, command, source, now)
            for index, media in enumerate(session.media):
                line = call.line(index)
                if line is not None:
                    line.pending = (side, _party(tag, session, media, host))
            return self._described(negotiation, session)
        except MediaError:
            if known is None:
                self._end(call)
            raise

    def _answer(self, command: dict[str, Any], source: Address, now: float) -> dict[str, Any]:
        call = self._calls.get(_text(command, "call-id"))
        offering, tag = _text(command, "from-tag"), _text(command, "to-tag")
        if call is None or not call.knows(offering):
            return _error("Unknown call-id")
        offerer = call.side_of(offering)
        session = sdp.parse(_body(command))
        call.note_answer(offering, tag)
        negotiation = Negotiation(False, call, 1 - offerer, tag, command, now)
        for extension in self.extensions:
            extension.read(negotiation, session)
        host = self._note_party(call, 1 - offerer, session, command, source, now)
        for index, line in enumerate(call.lines):
            if line is None:
                continue
            if line.pending is not None:
                line.session.signal(*line.pending)
                line.pending = None
            media = session.media[index] if index < len(session.media) else None
            refused = media is None or not media.port
            party = REFUSED if media is None or refused else _party(tag, session, media, host)
            line.session.signal(1 - offerer, party)
            line.session.answered(now, house=call.house)
        call.answered = True
        call.timed_out = False
        reply = self._described(negotiation, session)
        for extension in self.extensions:
            extension.answered(negotiation)
        return reply

    def _delete(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        call = self._find(command)
        if call is None:
            return {"result": "ok", "warning": _NOT_FOUND}
        tag = command.get("to-tag")
        if isinstance(tag, str) and tag in call.other_tags and len(call.other_tags) > 1:
            del call.other_tags[tag]
            return {"result": "ok"}
        reply = {"result": "ok", **call.summary(self._wall_offset_s)}
        self._end(call)
        return reply

    def _query(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        call = self._find(command)
        return _error("Unknown call-id") if call is None else {"result": "ok", **call.statistics(self._wall_offset_s)}

    def _list(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        limit = command.get("limit")
        limit = limit if isinstance(limit, int) and 0 < limit <= 1000 else 32
        return {"result": "ok", "calls": [call_id for call_id, _ in zip(self._calls, range(limit), strict=False)]}

    def _statistics(self, _command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        sums = dict(self._ended)
        for call in self._calls.values():
            _add(sums, call)
        return {
            "result": "ok",
            "sessions": len(self._calls),
            "one-way-total": self._one_way_total,
            "timeouts-total": self._timeouts_total,
            "totals": sums,
        }

    def _block(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        return self._set_blocked(command, blocked=True)

    def _unblock(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        return self._set_blocked(command, blocked=False)

    def _set_blocked(self, command: dict[str, Any], *, blocked: bool) -> dict[str, Any]:
        call = self._find(command)
        if call is None:
            return _error("Unknown call-id")
        tag = command.get("from-tag")
        side = call.side_of(tag) if isinstance(tag, str) else None
        for line in call.open_lines():
            line.session.block(side, blocked=blocked)
        return {"result": "ok"}

    # what commands are made of

    def _find(self, command: Mapping[str, Any]) -> MediaCall | None:
        """The call that a command names; None when there is none, or its tags are of no party of it."""
        call = self._calls.get(_text(command, "call-id"))
        if call is None:
            return None
        tags = [command.get("from-tag"), command.get("to-tag")]
        named = [tag for tag in tags if isinstance(tag, str)]
        return None if named and not any(call.knows(tag) for tag in named) else call

    def _open_lines(self, call: MediaCall, session: sdp.SessionDescription) -> None:
        """Open what the offer needs and close what it refuses; on RelayError nothing new stays open."""
        opened: list[int] = []
        try:
            for index, media in enumerate(session.media):
                wanted = bool(media.port) and is_relayable(media) and index < MAX_RELAYED_LINES
                line = call.line(index)
                if line is None and wanted:
                    relay = RelaySession()
                    line = MediaLine(media.kind, relay, self._opener.open(relay), self._opener, self._treated)
                    call.put_line(index, line)
                    opened.append(index)
                if line is not None and wanted and is_opaque(media):
                    line.session.relax()
                if line is not None and not wanted:
                    self._close_line(call, index, line)
        except RelayError:
            for index in opened:
                line = call.line(index)
                if line is not None:
                    self._close_line(call, index, line)
            raise

    def _close_line(self, call: MediaCall, index: int, line: MediaLine) -> None:
        line.close()
        call.put_line(index, None)

    def _note_party(
        self,
        call: MediaCall,
        side: int,
        session: sdp.SessionDescription,
        command: dict[str, Any],
        source: Address,
        now: float,
    ) -> str:
        """Remember who speaks and through which controller; the address that the party's signalling came from."""
        call.controller = source
        call.last_signal_s = now
        received = command.get("received from")
        host = received[1] if isinstance(received, list) and len(received) > 1 else ""
        host = host if isinstance(host, str) else ""
        named = next((session.address_of(media) for media in session.media if media.port), "")
        call.hosts[side] = host or named
        return host

    def _described(self, negotiation: Negotiation, session: sdp.SessionDescription) -> dict[str, Any]:
        """The reply with the description for the other party."""
        call, side, command = negotiation.call, 1 - negotiation.side, negotiation.command
        ports: list[int | None] = []
        for index, media in enumerate(session.media):
            line = call.line(index)
            ports.append(line.ports[side] if line is not None and media.port else None)
        address = command.get("media address")
        if not isinstance(address, str) or not address:
            destination = command.get("destination")
            address = self._addresses.towards(destination if isinstance(destination, str) else call.hosts[side])
        prepare_party(session, ports, address, command, always=negotiation.tag == ng.HOUSE)
        for extension in self.extensions:
            extension.write(negotiation._replace(address=address), session)
        return {"result": "ok", "sdp": session.serialise()}

    def _end(self, call: MediaCall) -> None:
        del self._calls[call.call_id]
        for extension in self.extensions:
            extension.ended(call)
        self._packets_total += call.new_packets()
        self._ended["calls"] += 1
        _add(self._ended, call)
        call.close()

    # looking after calls

    def _look_after(self, call: MediaCall, now: float) -> None:
        heard = call.last_heard_s()
        self._packets_total += call.new_packets()
        if now - max(heard, call.last_signal_s) > self._session_limit_s:
            self._notify(call, "session-reaped")
            self._end(call)
            return
        for line in call.open_lines():
            event = line.session.check(now)
            if event is not None:
                self._one_way_total += event == "one-way"
                self._notify(call, event, one_way(line, call.speakers) if event == "one-way" else {})
        silent = call.answered and call.expects_media() and now - heard > self._timeout_s
        if silent and not call.timed_out:
            self._timeouts_total += 1
            self._notify(call, "media-timeout")
        call.timed_out = silent

    def _notify(self, call: MediaCall, event: str, content: Mapping[str, Any] = NOTHING) -> None:
        self.notify(call, event, {"from-tag": call.first_tag, **content})


def _party(tag: str, session: sdp.SessionDescription, media: sdp.Media, host: str) -> PartyMedia:
    """What this description says of its sender; the house says nothing of an address, as none will be sent to."""
    if tag == ng.HOUSE:
        return PartyMedia(None, None, session.direction_of(media))
    return read_party(session, media, host)


def _error(reason: str) -> dict[str, Any]:
    return {"result": "error", "error-reason": reason}


def _text(command: Mapping[str, Any], key: str) -> str:
    value = command.get(key)
    if not isinstance(value, str) or not value:
        raise MediaError(f"No {key} in message")
    return value


def _body(command: dict[str, Any]) -> bytes:
    value = command.get("sdp")
    if not isinstance(value, bytes):
        raise MediaError("No SDP in message")
    return value


def _add(sums: dict[str, int], call: MediaCall) -> None:
    for part in call.totals().values():
        for key in ("packets", "bytes", "foreign", "garbage", "lost"):
            sums[key] += part[key]
