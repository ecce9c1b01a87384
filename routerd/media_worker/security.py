"""Secured parties: SRTP with keys in the description, or by DTLS with or without ICE, each side of a line for itself.

Theory of operation. A call is *secured here* from the first offer whose command says ``transport-protocol`` and where
that or the offer's own is not plain; all others pass as they are, keys and handshakes included. From then on each
party is spoken to in its own profile: the one that it offered, or the one in which it was offered something and
answered. What a description says of keys and roles is kept until offer and answer have met; then each side's
``SideGuard`` is put on the line's path, and what did not change (keys, certificates, credentials) keeps its state.

Several branches may be offered different profiles; the answer's own protocol says which one it is about. An answer in
a profile that was never offered, without a usable key or without a usable fingerprint, is refused: nothing falls back
to plain by itself.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from routerd.errors import MediaError
from routerd.media import profiles, sdes, sdp, stun
from routerd.media.profiles import DTLS, PLAIN, SDES, Carriage
from routerd.media.relay_session import RTCP, RTP
from routerd.media_worker.dtls import Dtls, Identity, is_usable
from routerd.media_worker.extension import Extension
from routerd.media_worker.ice import IceLite, fresh_credentials
from routerd.media_worker.srtp import Srtp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from routerd.media.relay_lane import Address
    from routerd.media.relay_session import RelaySession
    from routerd.media_worker.call import MediaCall, MediaLine
    from routerd.media_worker.extension import Negotiation, Services

CAPABILITIES: Final = ("srtp", "dtls", "ice")
NOWHERE: Final = "ice.invalid"
"""Stands for the address of a party that has ICE: a name, so that only its checks say where packets go."""
_ROLES: Final = {"active": "passive", "passive": "active", "holdconn": "passive"}


class SideGuard:
    """Secures one side of one line (``path.Guard``). ``srtp`` is None until there are keys."""

    __slots__ = ("_lane", "dtls", "garbage", "ice", "srtp")

    def __init__(self, session: RelaySession, side: int) -> None:
        self._lane = session.lane(side, RTP)
        self.srtp: Srtp | None = None
        self.dtls: Dtls | None = None
        self.ice: IceLite | None = None
        self.garbage: int = 0

    def unprotect(self, data: bytes, *, rtcp: bool) -> bytes | None:
        """The plain packet; None when it is not authentic, or no key is there yet."""
        return None if self.srtp is None else self.srtp.unprotect(data, rtcp=rtcp)

    def protect(self, data: bytes, *, rtcp: bool) -> bytes | None:
        """The secured packet; None while there are no keys."""
        return None if self.srtp is None else self.srtp.protect(data, rtcp=rtcp)

    def use(self, suite: str, theirs: bytes, ours: bytes) -> None:
        """Go over to these keys; the same ones again keep their state."""
        if self.srtp is None or not self.srtp.matches(suite, theirs, ours):
            self.srtp = Srtp(suite, theirs, ours)

    def take_other(self, data: bytes, source: Address, now: float) -> list[tuple[bytes, Address]]:  # noqa: ARG002
        """STUN or DTLS came; what to send back."""
        if stun.is_stun(data):
            return self._take_check(data, source)
        ice, dtls = self.ice, self.dtls
        if dtls is None or not 20 <= data[0] <= 63:  # RFC 7983 §7
            self.garbage += 1
            return []
        proven = ice is not None and ice.is_validated(source)
        if ice is not None and not proven:
            dtls.foreign += 1
            return []
        answers = dtls.take(data, source, proven=proven)
        self.follow()
        return [(answer, source) for answer in answers]

    def tick(self, now: float) -> list[tuple[bytes, Address]]:  # noqa: ARG002 - OpenSSL keeps the time of handshakes
        """Handshakes: what was lost again, and the first message where we begin."""
        if self.dtls is None or self.dtls.keys is not None:
            return []
        return self.dtls.tick() + self._begin()

    def follow(self) -> None:
        """Take over what ICE and DTLS have come to: where packets go, and their keys."""
        ice, dtls = self.ice, self.dtls
        if ice is not None:
            self._lane.learn(open_to_others=False)
            if ice.nominated is not None:
                self._lane.adopt(ice.nominated)
        if dtls is None:
            return
        keys = dtls.keys
        if keys is None:
            self.srtp = None
            return
        self.use(keys.suite, keys.theirs, keys.ours)
        if ice is None:
            self._lane.adopt(keys.source)

    def shake_hands(self) -> Dtls:
        """The side's DTLS, made with a fresh identity when it is first wanted."""
        if self.dtls is None:
            self.dtls = Dtls(Identity.make())
            self.dtls.expected = self._is_expected
        return self.dtls

    def _is_expected(self, source: Address) -> bool:
        """Whether the party's description, or its voice, named this host: strangers must leave it room."""
        target = self._lane.target
        return target is not None and source[0] == target[0]

    def counts(self) -> dict[str, int]:
        """What was refused here, for statistics."""
        ice, dtls = self.ice, self.dtls
        return {
            "forged": 0 if self.srtp is None else self.srtp.refused,
            "garbage": self.garbage + (0 if ice is None else ice.garbage),
            "wrong credentials": 0 if ice is None else ice.wrong,
            "foreign handshakes": 0 if dtls is None else dtls.foreign,
        }

    def _take_check(self, data: bytes, source: Address) -> list[tuple[bytes, Address]]:
        ice = self.ice
        if ice is None:
            self.garbage += 1
            return []
        before = ice.nominated
        answer = ice.take(data, source)
        sent = [] if answer is None else [(answer, source)]
        if ice.nominated != before:
            self.follow()
            sent += self._begin()
        return sent

    def _begin(self) -> list[tuple[bytes, Address]]:
        dtls = self.dtls
        target = self._lane.target if self.ice is None else self.ice.nominated
        if dtls is None or target is None:
            return []
        return [(data, target) for data in dtls.begin(target)]


class SecuredSide:
    """One side of one line over its renegotiations: what its party said last, and what we say to it."""

    __slots__ = ("_agreed", "_cryptos", "_dtls", "_next_ice", "_sdes", "offered", "said")

    def __init__(self, session: RelaySession, side: int) -> None:
        self.said: Carriage | None = None
        self.offered: set[str] = set()
        self._sdes: SideGuard = SideGuard(session, side)
        self._dtls: SideGuard = SideGuard(session, side)
        self._cryptos: list[sdes.Crypto] = []
        self._agreed: tuple[sdes.Crypto, sdes.Crypto] | None = None
        self._next_ice: IceLite | None = None

    # what the party says

    def take_offer(self, said: Carriage) -> None:
        """The party offers; raises MediaError where nothing of it can be served."""
        if said.profile == SDES:
            theirs = sdes.choose(said.cryptos)
            if theirs is None:
                raise MediaError("no usable key in the offer")
            self._agree(theirs)
        elif said.profile == DTLS and not is_usable(said.fingerprints):
            raise MediaError("no usable fingerprint in the offer")
        self.said = said

    def take_answer(self, said: Carriage) -> None:
        """The party answers what it was offered; raises MediaError where that does not fit."""
        if said.profile not in self.offered and said.profile != (self.said.profile if self.said else ""):
            raise MediaError(f"answered as {said.profile}, which was not offered")
        if said.profile == SDES:
            agreed = sdes.answered(self._cryptos, said.cryptos)
            if agreed is None:
                raise MediaError("no usable key in the answer")
            self._agreed = agreed
        elif said.profile == DTLS and not is_usable(said.fingerprints):
            raise MediaError("no usable fingerprint in the answer")
        self.said = said

    # what we say

    def offer(self, protocol: str, *, ice: bool) -> Carriage:
        """What to offer to the party."""
        ours = Carriage(protocol)
        self.offered.add(ours.profile)
        if ours.profile == SDES:
            self._cryptos = self._cryptos or [
                sdes.Crypto(tag, suite, secrets.token_bytes(suite.secret_bytes))
                for tag, suite in enumerate(sdes.SUITES.values(), 1)
            ]
            return ours._replace(cryptos=tuple(crypto.value for crypto in self._cryptos))
        if ours.profile == PLAIN:
            return ours
        dtls, agent = self._dtls.shake_hands(), None
        if ice:
            agent = self._dtls.ice = self._dtls.ice or IceLite(fresh_credentials())
        return ours._replace(
            fingerprints=(dtls.identity.fingerprint,),
            setup="actpass",
            ice=None if agent is None else agent.ours,
            rtcp_mux=True,
        )

    def answer(self, *, ice: bool, active: bool) -> Carriage:
        """What to answer to the party's last offer; ``active``: begin the handshake where it leaves that to us."""
        said = self.said
        assert said is not None
        ours = Carriage(said.protocol, mid=said.mid)
        if said.profile == SDES and self._agreed is not None:
            return ours._replace(cryptos=(self._agreed[0].value,))
        if said.profile == PLAIN:
            return ours
        dtls, agent = self._dtls.shake_hands(), None
        if ice and said.ice is not None and not said.ice.lite:
            agent = self._dtls.ice
            if agent is None or (agent.theirs is not None and agent.theirs.ufrag != said.ice.ufrag):
                agent = IceLite(fresh_credentials())  # it began anew: so do we (RFC 8839 §4.4.1.1.1)
        self._next_ice = agent
        setup = _ROLES.get(said.setup, "active" if active else "passive")
        if said.setup == "actpass" and dtls.knows(said.fingerprints):
            setup = "passive" if dtls.is_server else "active"
        dtls.intend(server=setup == "passive")
        return ours._replace(
            fingerprints=(dtls.identity.fingerprint,),
            setup=setup,
            ice=None if agent is None else agent.ours,
            rtcp_mux=said.rtcp_mux,
        )

    # what came of it

    def guard(self, *, offered: bool) -> SideGuard | None:
        """The guard for what was agreed upon; ``offered``: the party made the offer."""
        said = self.said
        if said is None or said.profile == PLAIN:
            return None
        if said.profile == SDES:
            if self._agreed is not None:
                ours, theirs = self._agreed
                self._sdes.use(theirs.suite.name, theirs.secret, ours.secret)
            return self._sdes
        guard, dtls = self._dtls, self._dtls.shake_hands()
        if offered:
            guard.ice = self._next_ice
        elif said.ice is None or said.ice.lite:
            guard.ice = None
        if guard.ice is not None and said.ice is not None:
            guard.ice.meet(said.ice)
        dtls.meet(said.fingerprints, server=dtls.intended if offered else said.setup != "passive")
        guard.follow()
        return guard

    def _agree(self, theirs: sdes.Crypto) -> None:
        """Keep our key as long as the party keeps theirs."""
        if self._agreed is not None:
            ours, before = self._agreed
            if (before.suite, before.secret) == (theirs.suite, theirs.secret):
                self._agreed = sdes.Crypto(theirs.tag, theirs.suite, ours.secret), theirs
                return
        secret = secrets.token_bytes(theirs.suite.secret_bytes)
        self._agreed = sdes.Crypto(theirs.tag, theirs.suite, secret), theirs


class Security(Extension):
    """The engine's extension: reads, writes and applies (see the module)."""

    __slots__ = ("_sides", "_unsecured")

    def __init__(self, services: Services) -> None:  # noqa: ARG002 - one signature for all extensions
        self._sides: dict[str, dict[tuple[int, int], SecuredSide]] = {}
        self._unsecured: set[str] = set()  # calls with an offer that was passed as it was

    @property
    def capabilities(self) -> Sequence[str]:
        """SRTP, DTLS, ICE."""
        return CAPABILITIES

    def read(self, negotiation: Negotiation, session: sdp.SessionDescription) -> None:
        """Take what the party says of its keys; raises MediaError where they cannot be used."""
        call, side = negotiation.call, negotiation.side
        if call.call_id not in self._sides:
            if not negotiation.is_offer:
                return
            if not _is_wanted(negotiation.command, session):
                self._unsecured.add(call.call_id)
                return
            self._sides[call.call_id] = {}
        for index, line, media in _lines(call, session):
            said = profiles.read(session, media)
            secured = self._side(call, index, line, side)
            if negotiation.is_offer:
                secured.take_offer(said)
            else:
                secured.take_answer(said)
            if said.profile == DTLS and said.ice is not None:
                _hide_address(session, media)
            for component in (RTP, RTCP):
                for one in (0, 1):
                    line.session.lane(one, component).relaxed = False

    def write(self, negotiation: Negotiation, session: sdp.SessionDescription) -> None:
        """Put in what the other party is told in its own profile."""
        call, other = negotiation.call, 1 - negotiation.side
        sides = self._sides.get(call.call_id)
        if sides is None:
            return
        live = _lines(call, session)
        spoken = [(media, self._say(negotiation, self._side(call, index, line, other))) for index, line, media in live]
        if all(ours.profile == PLAIN == profiles.read(session, media).profile for media, ours in spoken):
            return
        profiles.strip(session)
        for (_, line, media), (_, ours) in zip(live, spoken, strict=True):
            candidate = profiles.host_candidate(negotiation.address, line.ports[other] + RTP)
            profiles.write(media, ours, [candidate])
        for media, protocol in self._refused(negotiation, session):
            media.set_protocol(protocol)
        if any(ours.ice is not None for _, ours in spoken):
            session.add_attribute("ice-lite")

    def answered(self, negotiation: Negotiation) -> None:
        """Put the guards on the lines."""
        call = negotiation.call
        for (index, side), secured in self._sides.get(call.call_id, {}).items():
            line = call.line(index)
            if line is None or secured.said is None:
                continue
            line.path.set_guard(side, secured.guard(offered=side != negotiation.side))
            line.path.muxed[side] = secured.said.profile == DTLS and secured.said.rtcp_mux
            line.path.switch()

    def ended(self, call: MediaCall) -> None:
        """Forget its keys."""
        self._sides.pop(call.call_id, None)
        self._unsecured.discard(call.call_id)

    def _side(self, call: MediaCall, index: int, line: MediaLine, side: int) -> SecuredSide:
        sides = self._sides[call.call_id]
        secured = sides.get((index, side))
        if secured is None:
            secured = sides[index, side] = SecuredSide(line.session, side)
            if call.call_id in self._unsecured:
                secured.offered.add(PLAIN)  # to another branch, before
        return secured

    def _say(self, negotiation: Negotiation, secured: SecuredSide) -> Carriage:
        command = negotiation.command
        ice = command.get("ICE")
        if not negotiation.is_offer and secured.said is not None:
            return secured.answer(ice=ice != "remove", active=command.get("DTLS") == "active")
        protocol = command.get("transport-protocol")
        if not isinstance(protocol, str) or protocol.upper() not in profiles.KINDS:
            protocol = secured.said.protocol if secured.said is not None else profiles.PROTOCOLS[PLAIN]
        return secured.offer(protocol.upper(), ice=ice in {"force", "optional", "default"})

    def _refused(self, negotiation: Negotiation, session: sdp.SessionDescription) -> list[tuple[sdp.Media, str]]:
        """Lines that are refused in an answer, with the protocol in which they were offered (RFC 3264 §6)."""
        if negotiation.is_offer:
            return []
        sides = self._sides[negotiation.call.call_id]
        found = []
        for index, media in enumerate(session.media):
            secured = sides.get((index, 1 - negotiation.side))
            if not media.port and media.is_rtp and secured is not None and secured.said is not None:
                found.append((media, secured.said.protocol))
        return found


def _is_wanted(command: Mapping[str, Any], session: sdp.SessionDescription) -> bool:
    """Whether this offer's call is to be secured here."""
    protocol = command.get("transport-protocol")
    if not isinstance(protocol, str):
        return False
    offered = [media.protocol for media in session.media if media.is_rtp and media.port]
    return profiles.is_secured(protocol) or any(profiles.is_secured(one) for one in offered)


def _lines(call: MediaCall, session: sdp.SessionDescription) -> list[tuple[int, MediaLine, sdp.Media]]:
    """The live RTP lines of a description, with their ports."""
    found = []
    for index, media in enumerate(session.media):
        line = call.line(index)
        if line is not None and media.port and media.is_rtp:
            found.append((index, line, media))
    return found


def _hide_address(session: sdp.SessionDescription, media: sdp.Media) -> None:
    """Let nobody send to, or take for a hold, the address of a party whose checks will say where it is."""
    media.set_connection(NOWHERE)
    if session.connection is not None and sdp.is_null_address(session.connection):
        session.set_connection(NOWHERE)
