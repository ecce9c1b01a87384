"""A call's media: which engine, and which descriptions pass through it (the ng protocol; design: media is a neighbour).

Theory of operation. In ``direct`` mode descriptions pass unchanged and everything here answers at once. In ``relay``
mode each offer and each answer takes one turn through the engine, asynchronously; whoever asked continues in a
callback. Branches of one profile share one offer (``offering``); the last answer wins. Parties are named by their
leg's name.
A call begins direct and becomes relayed with the first party that wants it; it goes back only when it is answered by a
branch that was offered the caller's own description before that.

A session's name at the engine begins with the call's id, so that what an engine notices finds its call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2s
from typing import TYPE_CHECKING, Any, Final, Protocol

from routerd.b2bua.media_profiles import answer_words, of_party, offer_words
from routerd.media import ng, offer_answer
from routerd.media.profiles import PLAIN, profile_of

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange
    from routerd.sip.flow import Flow

Continue = Callable[[bytes | None, float], None]
Replied = Callable[[dict[str, Any] | None, float], None]
Closed = Callable[[dict[str, Any] | None, float], None]


DETECT: Final = "detect-DTMF"
"""Flag: digits of both parties are wanted, also those that are tones."""
INJECT: Final = "inject-DTMF"
"""Flag: digits of one party become what the other one knows."""
EVENTS: Final = b"telephone-event"
HEARD_BY_HOUSE: Final[dict[str, Sequence[str]]] = {"transcode": ("PCMA", "telephone-event")}
CONVERTED: Final = ("PCMA", "PCMU")
"""What every party is offered behind the other's own codecs: the engine converts where nothing else is common."""
"""What an rtpengine is to make of a caller's voice for the house: it tells digits only of events that it makes."""


class Party(Protocol):
    """A leg, as the engine knows it: by its name, and by where its signalling comes from."""

    @property
    def name(self) -> str:
        """The tag of this party."""

    @property
    def flow(self) -> Flow | None:
        """How it is reached."""

    @property
    def remote_sdp(self) -> bytes:
        """Its last description."""

    @property
    def profile(self) -> str:
        """How it is expected to carry media (:mod:`routerd.b2bua.media_profiles`)."""


class House:
    """The switch itself as a party: who talks with a caller that is alone with the engine (menu, queue, mailbox)."""

    __slots__ = ("flow", "name", "profile", "remote_sdp")

    def __init__(self) -> None:
        self.name = "house"
        self.flow: Flow | None = None
        self.profile = PLAIN
        self.remote_sdp = b""


HOUSE: Final = House()


class CallMedia:
    """The media of one call; :meth:`close` releases the engine's session on every path."""

    __slots__ = (
        "_asked",
        "_exchange",
        "_generation",
        "_left",
        "_needs",
        "call_id",
        "detects",
        "engine",
        "forced",
        "offerer",
        "opened",
        "relay",
        "session",
        "silent",
        "withheld",
    )

    def __init__(self, exchange: Exchange, call_id: str, part: str = "") -> None:
        """``part`` names a session beside the call's own: that of one leg which hears something before the bridge."""
        self._exchange = exchange
        self.call_id = call_id
        self.session = f"{call_id}/{part}" if part else call_id
        self.relay = False
        self.forced = False
        self.detects = False
        self.offerer = ""
        self._needs = ""
        self.opened = False
        self.silent = False
        self.withheld = ""
        self.engine = -1
        self._generation = 0
        self._left: list[tuple[int, str]] = []
        self._asked: list[int] = []

    def want_relay(self) -> bool:
        """Relay from now on, where an engine is there; returns whether it is."""
        if not self.relay and self._exchange.settings.engines:
            alive = self._exchange.engines_alive() or list(range(len(self._exchange.settings.engines)))
            alive = [one for one in alive if self._needs in self._exchange.capabilities_of(one)] or alive
            self.engine = alive[blake2s(self.call_id.encode(), digest_size=1).digest()[0] % len(alive)]
            self.relay = True
        return self.relay

    def force_relay(self, capability: str) -> None:
        """Relay in every session from now on, by an engine that is able to do that, if there is one."""
        self.forced = True
        self._needs = capability
        self.want_relay()

    def offer(
        self,
        sdp: bytes,
        sender: Party,
        receiver: Party | None,
        then: Continue,
        now: float,
        towards: str = "",
        *,
        plain: bool = False,
        profile: str = "",
        also: Sequence[str] = (),
    ) -> None:
        """Take ``sender``'s offer through the engine; ``then(sdp, now)`` with what the other party is offered.

        ``towards`` is the address of a receiver that has no flow yet: a multi-homed engine names what reaches us there.
        ``plain``: the other party is the house, which takes no other profile than RTP/AVP. ``profile``: what to offer
        to a receiver that is not known yet. Parties whose profiles differ are relayed whatever their documents say.
        ``also``: codecs that the receiver may want beside those that are always converted.
        """
        wanted = PLAIN if plain else profile or (of_party(receiver) if receiver is not None else PLAIN)
        if not self.relay and sdp and receiver is not None and wanted != (profile_of(sdp) or wanted):
            self.want_relay()
        if not self.relay or not sdp:
            then(sdp, now)
            return
        if not self.opened:
            self.offerer = sender.name
        self.opened = True
        to_tag = receiver.name if receiver is not None else None
        known = receiver.flow.remote[0] if receiver is not None and receiver.flow is not None else towards
        ice, words = offer_words(sdp, wanted)
        embedded = self._exchange.settings.engines[self.engine].embedded
        extra = {**words, "destination": known} if known and embedded else words
        source = _source(sender)
        flags = (DETECT,) if self.detects else ()
        command = ng.offer(
            self.session,
            sender.name,
            sdp,
            to_tag=to_tag,
            ice=ice,
            received_from=source,
            flags=flags,
            codec=self._codec(also, plain=plain),
            extra=extra,
        )
        self._ask(command, then)

    def _codec(self, also: Sequence[str], *, plain: bool) -> dict[str, Sequence[str]] | None:
        """What is added to an offer. Foreign engines convert for the house alone: a codec more changes their path."""
        if plain:
            return None if self.can("events") else HEARD_BY_HOUSE
        embedded = self._exchange.settings.engines[self.engine].embedded
        return {"transcode": (*CONVERTED, *also)} if embedded and self.can("transcoding") else None

    def answer(self, sdp: bytes, offerer: Party, answerer: Party, then: Continue, now: float) -> None:
        """Take ``answerer``'s answer through the engine; ``then(sdp, now)`` with what the offerer gets."""
        if not self.relay or not sdp:
            then(sdp, now)
            return
        source = _source(answerer)
        ice, words = answer_words(offerer.remote_sdp, sdp)
        flags = (DETECT,) if self.detects else ()
        if (EVENTS in sdp) != (EVENTS in offerer.remote_sdp) and HOUSE not in {offerer, answerer}:
            flags = (*flags, INJECT)  # one of the two knows no other digits than tones
        command = ng.answer(
            self.session, offerer.name, answerer.name, sdp, ice=ice, received_from=source, flags=flags, extra=words
        )
        self._ask(command, then)

    def _ask(self, command: dict[str, Any], then: Continue) -> None:
        def described(reply: dict[str, Any] | None, now: float) -> None:
            self.silent = reply is None
            if reply is None or not ng.is_ok(reply):
                self._exchange.note("media_refused", ng.error_reason(reply) if reply is not None else "no reply")
                then(None, now)
                return
            sdp = reply.get("sdp", b"")
            then(sdp.encode() if isinstance(sdp, str) else bytes(sdp), now)

        self.ask(command, described)

    def ask(self, command: dict[str, Any], then: Replied) -> None:
        """Send any command about the present session; ``then(reply, now)``, unless it is left before the reply."""
        number = 0

        def replied(reply: dict[str, Any] | None, now: float) -> None:
            if number in self._asked:
                self._asked.remove(number)
            try:
                then(reply, now)
            except Exception:
                self._exchange.blame(self.call_id)
                raise

        number = self._exchange.ask_media(self.engine, command, replied)
        self._asked.append(number)

    def tell(self, command: dict[str, Any]) -> None:
        """Send a command whose reply changes nothing."""
        self._exchange.ask_media(self.engine, command, None)

    def block(self, party: Party | None = None) -> None:
        """Let nobody hear what ``party`` says (None: either party); see :meth:`unblock`."""
        self.tell(ng.block_media(self.session, None if party is None else party.name))

    def unblock(self, party: Party | None = None) -> None:
        """Undo :meth:`block`."""
        self.tell(ng.unblock_media(self.session, None if party is None else party.name))

    def can(self, capability: str) -> bool:
        """Whether the session's engine is able to do that (a word of the ng protocol's ``capabilities``)."""
        return self.relay and capability in self._exchange.capabilities_of(self.engine)

    def adopt(self, other: CallMedia) -> None:
        """Go on with the session of ``other``, in place of the call's present one."""
        self._withdraw()
        if self.opened:
            self._left.append((self.engine, self.session))
        self._left += other._left
        self.session, self.engine = other.session, other.engine
        self.relay, self.opened, self.offerer = other.relay, other.opened, other.offerer
        other.opened = False
        other._left = []
        other._withdraw()

    def renew(self) -> None:
        """Other parties are joined: they get a session of their own; the old one lives until :meth:`leave_old`."""
        self._withdraw()
        if self.opened:
            self._left.append((self.engine, self.session))
            self._next_session()
            self.opened = False

    def _next_session(self) -> None:
        """Name the next session: the call's id, and how often its parties changed."""
        self._generation += 1
        self.session = f"{self.call_id}/{self._generation}"

    def go_direct(self) -> None:
        """From the next session on descriptions pass unchanged, unless the relay is forced."""
        if not self.forced:
            self.relay = False

    def reopen(self) -> None:
        """The engine lost its sessions: drop what was asked of it and choose again.

        Should it only have hung, it finds in its socket what to forget.
        """
        self._withdraw()
        if self.opened:
            self._left.append((self.engine, self.session))
        self.leave_old()
        self.opened = False
        self.relay = False
        self._next_session()
        self.want_relay()

    def forgo(self) -> None:
        """Whoever answered was offered the caller's own description: what others wanted of the engine is left."""
        if self.relay:
            self.renew()
            self.leave_old()
            self.relay = False

    def owns(self, session: str) -> bool:
        """Whether a session is the present one, or one that is yet to be left."""
        return session == self.session or any(session == left for _, left in self._left)

    def leave_old(self) -> None:
        """Release the sessions of parties who are no longer joined."""
        for engine, session in self._left:
            self._exchange.ask_media(engine, ng.delete(session), None)
        self._left.clear()

    def close(self, then: Closed, now: float) -> None:
        """Release everything; ``then(statistics, now)`` when the engine has told them (None: nothing was open)."""
        self._withdraw()
        self.leave_old()
        if not self.opened:
            then(None, now)
            return
        self.opened = False
        engine, session = self.engine, self.session
        if "events" in self._exchange.capabilities_of(engine):
            self._exchange.ask_media(engine, ng.delete(session), then)
            return

        def told(reply: dict[str, Any] | None, when: float) -> None:
            self._exchange.ask_media(engine, ng.delete(session), None)
            then(reply, when)

        self._exchange.ask_media(engine, ng.query(session), told)  # an rtpengine's delete tells nothing

    def _withdraw(self) -> None:
        for number in self._asked:
            self._exchange.withdraw(number)
        self._asked.clear()


def _source(party: Party) -> tuple[str, str] | None:
    """The address of a party's signalling, by which the engine learns faster where its media come from."""
    if party.flow is None:
        return None
    host = party.flow.remote[0]
    return ("IP6" if ":" in host else "IP4", host)


def filtered(sdp: bytes, allowed: Sequence[str] | None) -> bytes:
    """Keep the allowed codecs of a description; as it is when there is no list or nothing would remain to refuse.

    Raises SdpError when no speech remains.
    """
    if not allowed or not sdp:
        return sdp
    return offer_answer.filter_codecs(sdp, allowed)
