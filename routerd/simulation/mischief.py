"""What people, admins and machines do to calls in a storm: holds, transfers, log-outs, dying engines, hang-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.simulation.documents import AGENTS, DOMAIN, NUMBERS
from routerd.simulation.phone_dialog import ANSWERED

if TYPE_CHECKING:
    from routerd.simulation.phone import Phone
    from routerd.simulation.phone_call import PhoneCall
    from routerd.simulation.storm import Storm


class Mischief:
    """Draws and does; nothing here is needed for a call to end."""

    __slots__ = ("_storm",)

    def __init__(self, storm: Storm) -> None:
        self._storm = storm

    # -- at any time ---------------------------------------------------------------------------------------------------

    def plan(self, first: float, last: float) -> None:
        """Plan a few accidents between two instants."""
        chance, agenda = self._storm.chance, self._storm.world.agenda
        accidents = (self.log_out, self.take_break, self.kill_engine, self.hang_up, self.media_timeout, self.cut)
        for _ in range(chance.below(4)):
            agenda.at(chance.between(first, last), chance.one_of(accidents))

    def log_out(self, now: float) -> None:
        """An agent logs out, and in again."""
        storm = self._storm
        agent = storm.chance.one_of(AGENTS)
        storm.world.command("logout", account="acme", agent=agent)
        storm.world.agenda.at(now + 8.0, self._verb, "login", agent)

    def take_break(self, now: float) -> None:
        """An agent takes a break."""
        storm = self._storm
        agent = storm.chance.one_of(AGENTS)
        storm.world.command("break", account="acme", agent=agent)
        storm.world.agenda.at(now + 8.0, self._verb, "unbreak", agent)

    def _verb(self, verb: str, agent: str, now: float) -> None:
        del now
        self._storm.world.command(verb, account="acme", agent=agent)

    def kill_engine(self, now: float) -> None:
        """A media engine dies and comes back."""
        storm = self._storm
        number = storm.chance.below(len(storm.world.engines))
        storm.world.kill_engine(number, now)
        storm.world.agenda.at(now + storm.chance.between(0.5, 20.0), self._restart, number)

    def _restart(self, number: int, now: float) -> None:
        self._storm.world.restart_engine(number, now)

    def _some_call(self) -> str | None:
        calls = list(self._storm.world.switch.call_by_id)
        return self._storm.chance.one_of(calls) if calls else None

    def hang_up(self, now: float) -> None:
        """An admin hangs a call up."""
        del now
        call = self._some_call()
        if call is not None:
            self._storm.world.command("hang_up", call=call)

    def media_timeout(self, now: float) -> None:
        """An engine notices that nobody speaks."""
        call = self._some_call()
        if call is not None:
            world = self._storm.world
            world.media_event("media-timeout", world.switch.call_by_id[call].media.session, now)

    def cut(self, now: float) -> None:
        """A connection breaks; its phone dials in again."""
        storm = self._storm
        phones = [phone for phone in storm.phones if phone.flow.reliable]
        if phones:
            phone = storm.chance.one_of(phones)
            storm.world.network.cut(phone.flow, now)
            storm.world.agenda.at(now + 1.0, self._again, phone)

    def _again(self, phone: Phone, now: float) -> None:
        phone.reconnect(now)

    # -- upon an answer ------------------------------------------------------------------------------------------------

    def upon(self, call: PhoneCall, now: float) -> None:
        """Plan what a party does to the call that it now has."""
        chance, agenda = self._storm.chance, self._storm.world.agenda
        if chance.often(0.25):
            begin = now + chance.between(0.3, 4.0)
            method = chance.one_of(("INVITE", "INVITE", "UPDATE"))
            agenda.at(begin, self._hold, call, "sendonly", method)
            agenda.at(begin + chance.between(0.5, 4.0), self._hold, call, "sendrecv", method)
        if chance.often(0.1):
            agenda.at(now + chance.between(0.3, 4.0), self._delayed, call)
        if call.phone in self._storm.phones and chance.often(0.2):
            agenda.at(now + chance.between(0.5, 6.0), self._transfer, call)
        if chance.often(0.1):
            agenda.at(now + chance.between(0.5, 6.0), call.press, "5")

    def _hold(self, call: PhoneCall, direction: str, method: str, now: float) -> None:
        call.renegotiate(direction, now, method)

    def _delayed(self, call: PhoneCall, now: float) -> None:
        call.renegotiate("sendrecv", now, offer=False)

    def _transfer(self, call: PhoneCall, now: float) -> None:
        """Transfer: blind, attended by Replaces when the phone has another call, or taken over by INVITE."""
        if call.state != ANSWERED:
            return
        chance = self._storm.chance
        others = [one for one in call.phone.calls if one is not call and one.state == ANSWERED]
        kind = chance.below(4)
        if others and kind < 2:
            other = chance.one_of(others)
            other.moved = True
            call.refer(f"sip:1004@{DOMAIN}?Replaces={other.replaces()}", now)
        elif kind == 2:
            self._take_over(call, now)
        else:
            target = chance.one_of(("1003", "1005", "+919812300009", "1777", *NUMBERS[:2]))
            call.refer(f"sip:{target}@{DOMAIN}", now)

    def _take_over(self, call: PhoneCall, now: float) -> None:
        """Another phone takes the place of this one (RFC 3891)."""
        storm = self._storm
        call.moved = True
        phone = storm.chance.one_of(storm.phones)
        value = call.replaces().replace("%3B", ";").replace("%3D", "=").replace("%40", "@")
        taken = phone.call(f"sip:{call.phone.user}@{DOMAIN}", now, headers=[("Replaces", value)])
        storm.world.agenda.at(now + 60.0, taken.cancel)
