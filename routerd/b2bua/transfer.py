"""Transfers: REFER within a call, with and without Replaces, and INVITE with Replaces (RFC 3515, 3891, 5589).

Theory of operation. The *transferor* X asks; the *transferee* Y stays. A blind transfer starts a call of its own, as
X's agent, through all gates; when its target answers, Y is lent to that call and joined with the target. An attended
transfer joins Y with the far party Z of X's other call. Each time X is told by NOTIFY (RFC 3515 §2.4) what came of
it, and hung up when it worked; when it did not, X and Y still have each other. A REFER from a trunk is refused: nobody
outside spends the company's money.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.b2bua import header_policy, house, joining, recording, uas
from routerd.b2bua.inbound_leg import InboundLeg
from routerd.b2bua.leg import CONFIRMED, Leg
from routerd.errors import ParseError, RemoteProtocolError, SdpError
from routerd.media import offer_answer
from routerd.rules import plan
from routerd.sip import status as statuses
from routerd.sip.name_addr import NameAddr
from routerd.sip.uri import Uri, unescape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.admission import Party
    from routerd.b2bua.call import Call
    from routerd.b2bua.outgoing import Outgoing
    from routerd.b2bua.switch import Switch
    from routerd.sip.message import Request, Response
    from routerd.sip.transaction_layer import ServerTransaction

SUBSCRIPTION_S: Final = 180


class Replaces:
    """The dialog that a Replaces header names, as its own recipient sees it (RFC 3891 §6.1)."""

    __slots__ = ("call_id", "early_only", "from_tag", "to_tag")

    def __init__(self, text: str) -> None:
        """Parse a Replaces value. Raises ParseError."""
        call_id, *parameters = [part.strip() for part in text.split(";")]
        found = dict(parameter.partition("=")[::2] for parameter in parameters)
        if not call_id or "to-tag" not in found or "from-tag" not in found:
            raise ParseError("Replaces needs a Call-ID, to-tag and from-tag")
        self.call_id = call_id
        self.to_tag = found["to-tag"]
        self.from_tag = found["from-tag"]
        self.early_only = "early-only" in found


class Transfers:
    """The switch's transfers; stateless but for the calls that carry them."""

    __slots__ = ("_switch",)

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    # -- REFER --

    def refer_received(self, call: Call, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:
        """Take a REFER of a party of ``call``; every path answers it."""
        targets = request.get_all("Refer-To")
        if len(targets) != 1:
            leg.refuse(tx, request, 400, now)
            return
        other = call.other(leg)
        if call.state != "connected" or other is None or call.leaving is not None:
            leg.refuse(tx, request, 491, now)
            return
        if leg.extension is None:
            self._switch.exchange.note("refer_refused", leg.name)
            leg.refuse(tx, request, 403, now)
            return
        try:
            target = NameAddr.parse(targets[0]).uri
            replaces = replaces_of(target)
        except ParseError:
            leg.refuse(tx, request, 400, now)
            return
        if target.scheme not in uas.SCHEMES:
            leg.refuse(tx, request, 416, now)
            return
        wanted = (request.get("Refer-Sub") or "true").strip().lower() != "false"
        leg.refuse(tx, request, 202, now, [] if wanted else [("Refer-Sub", "false")])
        transfer = Transfer(self._switch, call, leg, other, request.cseq.number if wanted else None)
        transfer.report(100, now)
        if replaces is not None:
            self._attended(transfer, replaces, now)
        else:
            self.blind(transfer, target.user or "", now)

    def by_command(self, call: Call, which: str, to: str, now: float) -> str | None:
        """Transfer on an admin's word: ``which`` (caller or callee) is sent to ``to``; returns a problem or None."""
        stays = call.caller if which == "caller" else call.peer
        leaves = call.other(stays) if stays is not None else None
        if call.state != "connected" or stays is None or leaves is None or call.leaving is not None:
            return "not_connected"
        if leaves.extension is None:
            return "not_an_agent"
        self.blind(Transfer(self._switch, call, leaves, stays, None), to, now)
        return None

    def blind(self, transfer: Transfer, dialled: str, now: float) -> None:
        """Call the target as the transferor's agent; the transferee is lent to that call when it answers."""
        tables = transfer.call.tables
        leaving = transfer.transferor
        extension = tables.extensions.get(leaving.extension or "")
        attempt = plan.Attempt(
            kind="transfer",
            account=tables.account.id,
            at=self._switch.exchange.wall(now),
            dialled=dialled,
            caller=transfer.call.record.attempt.caller,
            agent=extension.agent if extension is not None else None,
            extension=leaving.extension,
            source=leaving.flow.remote[0] if leaving.flow is not None else None,
        )
        carrier = uas.make_call(self._switch, tables, attempt, now)
        carrier.transfer = transfer
        transfer.carrier = carrier
        recording.hand_over(transfer.call, carrier)
        transfer.call.leaving = transfer
        carrier.dialled_max_forwards = transfer.call.dialled_max_forwards - 1
        transfer.note_target(dialled, now)
        carrier.happen("treat", now)
        carrier.start(now)

    # -- attended --

    def _attended(self, transfer: Transfer, replaces: Replaces, now: float) -> None:
        second = self._find(replaces)
        call = self._call_of(second)
        if second is None or call is None or call.live is not transfer.call.live or call is transfer.call:
            transfer.report(481, now)
            return
        far = call.other(second)
        if call.state == "connected" and far is not None:
            transfer.note_target(call.record.answered_by or call.record.attempt.dialled, now)
            self._swap(transfer, call, second, far, now)
        elif call.caller is second:
            # not answered yet: the other call is given up and its target called for the transferee
            dialled = call.record.attempt.dialled
            call.stop("transferred", 487, 16, now)
            self.blind(transfer, dialled, now)
        else:
            transfer.report(481, now)

    def _swap(self, transfer: Transfer, second_call: Call, second: Leg, far: Leg, now: float) -> None:
        """Put the far party of the second call into the first one, in the transferor's place."""
        call, leaving, stays = transfer.call, transfer.transferor, transfer.transferee
        second_call.give_up_leg(far)
        second_call.give_up_leg(second)
        second_call.record.ended_by = "transfer"
        self.depart(second, now)
        take_place(call, leaving, far)
        leaving.call = Departing(self._switch)
        second_call.happen("transferred", now)
        call.transfer = transfer
        call.happen("rejoin", now)
        joining.join(call, stays, far, now)

    def _find(self, replaces: Replaces) -> Leg | None:
        dialogs = self._switch.dialogs
        straight = (replaces.call_id, replaces.to_tag, replaces.from_tag)
        crossed = (replaces.call_id, replaces.from_tag, replaces.to_tag)
        return dialogs.get(straight) or dialogs.get(crossed)

    def _call_of(self, leg: Leg | None) -> Call | None:
        return self._switch.call_by_id.get(leg.call.id) if leg is not None and leg.call is not None else None

    def depart(self, leg: Leg, now: float, why: Sequence[str] = ()) -> None:
        """Hang a leg up that belongs to no call any more."""
        leg.call = Departing(self._switch)
        leg.bye(now, why)

    # -- INVITE with Replaces --

    def replaces_received(self, tx: ServerTransaction, request: Request, party: Party, now: float) -> None:
        """Take an INVITE that wants the place of a party in a call (RFC 3891 §3)."""
        values = request.get_all("Replaces")
        if len(values) != 1:
            uas.respond(self._switch, tx, request, 400, now)
            return
        replaces = Replaces(values[0])
        leg = self._switch.dialogs.get((replaces.call_id, replaces.to_tag, replaces.from_tag))
        call = self._call_of(leg)
        if leg is None or call is None or leg.state != CONFIRMED:
            uas.respond(self._switch, tx, request, 481, now)
            return
        if party.extension is None or party.account.account.id != call.live.name:
            uas.respond(self._switch, tx, request, 403, now)
            return
        other = call.other(leg)
        if replaces.early_only or call.state != "connected" or other is None:
            uas.respond(self._switch, tx, request, 486, now)
            return
        self._replace(tx, request, party, call, leg, other, now)

    def _replace(
        self, tx: ServerTransaction, request: Request, party: Party, call: Call, leg: Leg, other: Leg, now: float
    ) -> None:
        taking = InboundLeg(self._switch.exchange, call, tx, request)
        try:
            taking.take(now)
            sdp = offer_answer.make_black_hole(request.body) if request.body else house.BLACK_HOLE
        except (RemoteProtocolError, ParseError) as error:
            uas.respond(self._switch, tx, request, error.status_hint, now)
            return
        except SdpError:
            uas.respond(self._switch, tx, request, 488, now)
            return
        uas.describe(taking, party, leg.party)
        taking.name = f"replacing#{call.branches + 1}"
        call.branches += 1
        self._switch.leg_known(taking)
        taking.answer(sdp, now)
        take_place(call, leg, taking)
        call.record.transfers.append({"by": party.extension.id if party.extension else None, "replaced": leg.name})
        self.depart(leg, now, [header_policy.ELSEWHERE])
        call.happen("rejoin", now)
        joining.join(call, other, taking, now)


class Transfer:
    """One transfer under way: who asked, who stays, and what the one who asked is told."""

    __slots__ = ("_reported", "_subscription", "_switch", "call", "carrier", "over", "transferee", "transferor")

    def __init__(self, switch: Switch, call: Call, transferor: Leg, transferee: Leg, subscription: int | None) -> None:
        self._switch = switch
        self.call = call
        self.transferor = transferor
        self.transferee = transferee
        self.carrier: Call | None = None
        self.over = False
        self._subscription = subscription
        self._reported = 0

    def note_target(self, target: str, now: float) -> None:
        """Write the transfer into the record of the call."""
        self.call.record.transfers.append(
            {"by": self.transferor.extension, "to": target, "at_s": round(now - self.call.record.start, 3)}
        )
        self._switch.exchange.publish("call.transferred", {"call": self.call.id, "to": target})

    def report(self, status: int, now: float) -> None:
        """Tell the transferor by NOTIFY how far it is (RFC 3515 §2.4.5); final statuses end the subscription."""
        if self._subscription is None or self.transferor.state != CONFIRMED or status == self._reported:
            return
        self._reported = status
        final = status >= 200
        state = "terminated;reason=noresource" if final else f"active;expires={SUBSCRIPTION_S}"
        body = f"SIP/2.0 {status} {statuses.reason(status)}\r\n".encode()
        headers = [("Event", f"refer;id={self._subscription}"), ("Subscription-State", state)]
        self.transferor.send(
            "NOTIFY", now, extra=headers, body=body, content_type="message/sipfrag;version=2.0", sender=Heard()
        )

    # -- Borrower: what the carrying call says --

    def ringing(self, status: int, now: float) -> None:
        """The target rings."""
        self.report(status, now)

    def lend(self, call: Call, now: float) -> Leg | None:
        """Give the transferee to the carrying call; the first call is over, its transferor about to be hung up."""
        if self.transferee.state != CONFIRMED or self.call.state != "connected":
            return None
        stays = self.transferee
        self.call.give_up_leg(stays)
        self.call.give_up_leg(self.transferor)
        stays.call = call
        stays.name = f"lent:{stays.name}"
        if stays.dialog is not None:
            self._switch.exchange.ladders.join(call.id, stays.dialog.call_id, stays.name)
        self.transferor.call = Departing(self._switch)
        self.call.record.ended_by = "transfer"
        self.call.leaving = None
        self.call.happen("transferred", now)
        return stays

    def party_gone(self, leg: Leg, now: float) -> bool:
        """A transferor need not wait for the outcome (RFC 5589 §6.1); without a transferee there is nothing to do."""
        carrier = self.carrier
        if carrier is None or self.over:
            return False
        if leg is self.transferor:
            carrier.caller = self.lend(carrier, now)
            return carrier.caller is not None
        if leg is self.transferee:
            carrier.happen("caller_gone", now)
        return False

    def call_over(self, now: float) -> None:
        """The first call was ended from our side: nobody is left to be lent, so the target need not ring on."""
        if self.carrier is not None and not self.over:
            self.carrier.happen("caller_gone", now)

    def ended(self, status: int, now: float) -> None:
        """Report the outcome once; hang the transferor up when it worked."""
        if self.over:
            return
        self.over = True
        self.carrier = None
        if self.call.leaving is self:
            self.call.leaving = None
        self.report(status, now)
        if isinstance(self.transferor.call, Departing):
            self.transferor.bye(now)


class Heard:
    """Takes the answer to a NOTIFY: none of them ends the call that the NOTIFY spoke of."""

    __slots__ = ()

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:  # noqa: ARG002
        """Let go of the request."""
        if response.status >= 200:
            outgoing.close()

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Nobody listened."""


class Departing:
    """The call of a leg that was transferred away: it waits for the goodbye and answers nothing else."""

    __slots__ = ("_switch", "id")

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self.id = ""

    def leg_hung_up(self, leg: Leg, reasons: Sequence[str], now: float) -> None:
        """The peer was faster; its dialog is closed already."""

    def leg_closed(self, leg: Leg, now: float) -> None:  # noqa: ARG002
        """Forget the dialog."""
        self._switch.leg_gone(leg)

    def leg_lost(self, leg: Leg, cause: str, now: float) -> None:  # noqa: ARG002
        """Nobody misses it."""
        leg.bye(now)

    def offer_received(self, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:  # noqa: ARG002
        """Refuse: there is nobody to negotiate with."""
        leg.answer_offer(481, b"", now)

    def offer_cancelled(self, leg: Leg, now: float) -> None:
        """Nothing was passed on."""

    def ack_received(self, leg: Leg, request: Request, now: float) -> None:
        """Nothing waits for it."""

    def request_received(self, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:
        """Refuse: the call is over."""
        leg.refuse(tx, request, 481, now)


def take_place(call: Call, leaving: Leg, coming: Leg) -> None:
    """Put ``coming`` where ``leaving`` was in ``call``."""
    was_caller = leaving is call.caller
    call.give_up_leg(leaving)
    coming.call = call
    if was_caller:
        call.caller = coming
    else:
        call.peer = coming


def replaces_of(target: Uri) -> Replaces | None:
    """Return the Replaces that a Refer-To URI embeds, unescaped. Raises ParseError."""
    for header in target.headers.split("&"):
        name, _, value = header.partition("=")
        if name.lower() == "replaces":
            return Replaces(unescape(value))
    return None
