"""Written call flows: a small readable format, and its runner in virtual time.

A script is lines of these forms; ``#`` begins a comment, the first comment names what is shown::

    phone bob                               an extension of the company, unregistered
    phone bob registered                    registered before the flow begins
    trunk pstn                              the far end of a trunk
    alice -> REGISTER                       also: expires 0 | fetch | contact * | no password | wrong password
    alice -> INVITE sip:bob@acme.test       place a call; also: via proxy.test | without offer | 100rel
    bob -> 180                              answer the INVITE that rang: 180, 183, 200 or a refusal
    alice -> CANCEL | BYE | re-INVITE | hold | resume | INFO 5 | REFER sip:carol@acme.test
    bob <- INVITE                           must come next to bob (others' messages in between do not matter)
    alice <- 180 with sdp                   a response; with sdp | with HEADER [VALUE]
    bob <- nothing                          nothing more has come to bob
    wait 3                                  let seconds pass
    record answered by extension:bob        the last call's record: outcome, reason, answered by
    rest                                    let everything come to rest, and the checkers look

Messages that are expected must have come within :data:`PATIENCE_S` seconds; retransmissions do not count twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.errors import RouterdError
from routerd.rules.tables import Snapshot
from routerd.simulation import checkers
from routerd.simulation.documents import DOMAIN, PASSWORD, PSTN, SECOND
from routerd.simulation.phone import Behaviour
from routerd.simulation.world import World, settings_of
from routerd.sip.message import Request
from routerd.sip.parser import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.rules.tables import AccountTables
    from routerd.simulation.phone import Phone
    from routerd.simulation.phone_call import PhoneCall
    from routerd.sip.message import Message

PATIENCE_S: Final = 70.0
STEP_S: Final = 0.05
BEGIN: Final = 1_795_000_000.0
WAITS: Final = Behaviour(ring_after_s=None)
TRUNKS: Final = {"pstn": PSTN, "second": SECOND}


class ScriptError(RouterdError):
    """A line of a script that cannot be read, or that did not come true; says which."""


class Script:
    """One script being played; :func:`play` does the whole of it."""

    __slots__ = ("_line", "_seen", "calls", "phones", "world")

    def __init__(self, tables: AccountTables, engines: int = 0) -> None:
        snapshot = Snapshot(
            accounts={tables.account.id: tables},
            account_by_number=dict.fromkeys(tables.numbers, tables.account.id),
            account_by_domain=dict.fromkeys(tables.account.domains, tables.account.id),
        )
        self.world = World(snapshot, seed=3665, at=BEGIN, settings=settings_of(engines))
        self.phones: dict[str, Phone] = {}
        self.calls: dict[str, PhoneCall] = {}
        self._seen: dict[str, int] = {}
        self._line = ""

    def play(self, text: str) -> None:
        """Play every line. Raises ScriptError for the first that is wrong."""
        for number, raw in enumerate(text.splitlines(), 1):
            line = raw.partition("#")[0].strip()
            if line:
                self._line = f"line {number}: {line}"
                self._play(line.split())

    def _play(self, words: list[str]) -> None:
        first = words[0]
        if len(words) > 2 and words[1] == "->":
            self._send(first, words[2], words[3:])
        elif len(words) > 2 and words[1] == "<-":
            self._expect(first, words[2:])
        elif first == "phone":
            self._phone(words[1], registered="registered" in words)
        elif first == "trunk":
            self._trunk(words[1])
        elif first == "wait":
            self.world.run(self.world.now + float(words[1]))
        elif first == "record":
            self._record(words[1:])
        elif first == "rest":
            self._rest()
        else:
            raise self._wrong("not a line of a script")

    def _wrong(self, why: str) -> ScriptError:
        return ScriptError(f"{self._line}: {why}")

    # -- people --------------------------------------------------------------------------------------------------------

    def _phone(self, name: str, *, registered: bool) -> None:
        address = (f"203.0.113.{10 + len(self.phones)}", 5060)
        phone = self.world.phone(address, name, domain=DOMAIN, password=PASSWORD, behave=lambda _: WAITS)
        self._add(name, phone)
        if registered:
            phone.register(3600, self.world.now)
            self.world.run(self.world.now + 1.0)
            self._seen[name] = len(self._received(name))

    def _trunk(self, name: str) -> None:
        self._add(name, self.world.phone(TRUNKS[name], "", behave=lambda _: WAITS))

    def _add(self, name: str, phone: Phone) -> None:
        self.phones[name] = phone
        self._seen[name] = 0

    def _call(self, name: str) -> PhoneCall:
        calls = self.phones[name].calls
        if not calls:
            raise self._wrong(f"{name} has no call")
        return calls[-1]

    # -- sending -------------------------------------------------------------------------------------------------------

    def _send(self, name: str, what: str, rest: list[str]) -> None:
        if name not in self.phones:
            raise self._wrong(f"who is {name}?")
        now = self.world.now
        action = ACTIONS.get(what)
        if what.isdigit():
            self._answer(name, int(what), now)
        elif action is not None:
            action(self, name, rest, now)
        else:
            raise self._wrong(f"nobody can send {what}")
        self.world.run(now + STEP_S)

    def _answer(self, name: str, status: int, now: float) -> None:
        call = self._call(name)
        if status < 200:
            call.ring(now)
        elif status < 300:
            call.accept(now)
        else:
            call.refuse(status, now)

    def register(self, name: str, rest: list[str], now: float) -> None:
        """REGISTER, with what the line adds."""
        phone, words = self.phones[name], " ".join(rest)
        password = phone.password
        if "no password" in words:
            phone.password = ""
        elif "wrong password" in words:
            phone.password = "guessed"  # noqa: S105 - it is wrong on purpose
        if "fetch" in words:
            phone.register(3600, now, "")
        elif "contact *" in words:
            phone.register(0, now, "*")
        else:
            phone.register(int(rest[rest.index("expires") + 1]) if "expires" in rest else 3600, now)
        self.world.run(now + STEP_S)
        phone.password = password

    def invite(self, name: str, rest: list[str], now: float) -> None:
        """INVITE, with what the line adds."""
        routes = [f"<sip:{rest[rest.index('via') + 1]};lr>"] if "via" in rest else []
        from_ = "<sip:+919812345678@198.18.1.1>" if name in TRUNKS else None
        self.phones[name].call(
            rest[0],
            now,
            offer="without" not in rest,
            reliable="100rel" in rest,
            from_=from_,
            record_routes=routes,
        )

    def within(self, name: str, what: str, rest: list[str], now: float) -> None:
        """Send something within the dialog."""
        call = self._call(name)
        if what == "INFO":
            call.press(rest[0], now)
        elif what == "REFER":
            call.refer(rest[0], now)
        elif what == "CANCEL":
            call.cancel(now)
        elif what == "BYE":
            call.bye(now)
        else:
            call.renegotiate("sendonly" if what == "hold" else "sendrecv", now)

    # -- expecting -----------------------------------------------------------------------------------------------------

    def _received(self, name: str) -> list[bytes]:
        """Return the datagrams that came to ``name``, without retransmissions."""
        address = self.phones[name].address
        found = [one.data for one in self.world.network.transcript if one.target == address and one.fate == "sent"]
        return list(dict.fromkeys(found))

    def _expect(self, name: str, words: list[str]) -> None:
        if name not in self.phones:
            raise self._wrong(f"who is {name}?")
        if words[0] == "nothing":
            fresh = self._received(name)[self._seen[name] :]
            if fresh:
                raise self._wrong(f"{name} got {_line_of(parse(fresh[0]))}")
            return
        message = self._await(name, words[0])
        if "with" in words:
            self._check(message, words[words.index("with") + 1 :])

    def _await(self, name: str, wanted: str) -> Message:
        end = self.world.now + PATIENCE_S
        passed: list[str] = []
        while True:
            received = self._received(name)
            while self._seen[name] < len(received):
                message = parse(received[self._seen[name]])
                self._seen[name] += 1
                if _is(message, wanted):
                    return message
                passed.append(_line_of(message))
                if not _may_pass(message):
                    raise self._wrong(f"{name} got {passed[-1]}")
            if self.world.now >= end:
                raise self._wrong(f"{name} waited in vain{'; got ' + ', '.join(passed) if passed else ''}")
            self.world.run(self.world.now + STEP_S)

    def _check(self, message: Message, words: list[str]) -> None:
        if words[0] == "sdp":
            if not message.body:
                raise self._wrong("it has no description")
            if len(words) > 1 and f"a={words[1]}".encode() not in message.body:
                raise self._wrong(f"its description is not {words[1]}")
            return
        value = " ".join(message.get_all(words[0]))
        if not value:
            raise self._wrong(f"it has no {words[0]}")
        missing = [word for word in words[1:] if word not in value]
        if missing:
            raise self._wrong(f"{words[0]} is {value!r}")

    def _record(self, words: list[str]) -> None:
        records = self.world.records()
        if not records:
            raise self._wrong("there is no record")
        record = records[-1]
        facts = [
            str(record["outcome"]),
            str(record["reason"]),
            "by",
            str(record["answered_by"]),
            str(record["sip_status"]),
        ]
        missing = [word for word in words if word not in facts]
        if missing:
            raise self._wrong(f"the record says {facts}")

    def _rest(self) -> None:
        """Send everybody home and let the checkers look."""
        world = self.world
        for phone in self.phones.values():
            if phone.registered_until > world.now:
                phone.register(0, world.now)
        world.run(world.now + 100.0)
        world.run()
        faults = checkers.check(world)
        if faults:
            raise self._wrong("; ".join(faults))


def _is(message: Message, wanted: str) -> bool:
    if isinstance(message, Request):
        return message.method == wanted
    return str(message.status) == wanted  # type: ignore[attr-defined]


def _may_pass(message: Message) -> bool:
    """Whether a script may leave a message out: 100, ACK, and the answers to what is not written."""
    if isinstance(message, Request):
        return message.method in {"ACK", "NOTIFY"}
    status: int = message.status  # type: ignore[attr-defined]
    return status == 100 or message.cseq.method in {"PRACK", "CANCEL", "NOTIFY"}


def _line_of(message: Message) -> str:
    if isinstance(message, Request):
        return message.method
    return f"{message.status} to {message.cseq.method}"  # type: ignore[attr-defined]


def _within(what: str) -> Callable[[Script, str, list[str], float], None]:
    def send(script: Script, name: str, rest: list[str], now: float) -> None:
        script.within(name, what, rest, now)

    return send


ACTIONS: Final[dict[str, Callable[[Script, str, list[str], float], None]]] = {
    "REGISTER": Script.register,
    "INVITE": Script.invite,
    **{what: _within(what) for what in ("CANCEL", "BYE", "INFO", "REFER", "re-INVITE", "hold", "resume")},
}


def play(text: str, tables: AccountTables) -> Script:
    """Play a script. Raises ScriptError with the line that is wrong or did not come true."""
    script = Script(tables)
    script.play(text)
    return script
