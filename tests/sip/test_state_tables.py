"""Every row of the four tables is visited by messages and timers through the layer, and leads where it says."""

# ruff: noqa: ARG002 - the fakes take what the protocols give

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from routerd.sip import build, client_transaction
from routerd.sip.client_transaction import _ACTIONS as CLIENT_ACTIONS
from routerd.sip.flow import Flow
from routerd.sip.parser import parse
from routerd.sip.server_transaction import _ACTIONS as SERVER_ACTIONS
from routerd.sip.state_tables import (
    ACCEPTED,
    CALLING,
    COMPLETED,
    CONFIRMED,
    PROCEEDING,
    TABLES,
    TERMINATED,
    TRYING,
    Row,
)
from routerd.sip.timers import TimerQueue
from routerd.sip.transaction_layer import ClientTransaction, ServerTransaction, TransactionLayer

if TYPE_CHECKING:
    from routerd.sip.message import Request, Response

ROWS = [
    (machine, state, event)
    for machine, (_, table) in TABLES.items()
    for state, events in table.items()
    for event in events
]
COMPILED = not str(client_transaction.__file__).endswith(".py")
UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 7)


class Core:
    """The core above the layer and the user of every transaction; answers nothing by itself."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.notes: list[str] = []
        self.tx: ServerTransaction | None = None

    def request_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        self.tx = tx
        tx.user = self

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        self.told.append("ack")

    def stray_response(self, response: Response, flow: Flow, now: float) -> None:
        self.told.append("stray")

    def note(self, reason: str, detail: str) -> None:
        self.notes.append(reason)

    def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:
        self.told.append(str(response.status))

    def timed_out(self, tx: ClientTransaction, now: float) -> None:
        self.told.append("timed out")

    def transport_failed(self, tx: ClientTransaction, now: float) -> None:
        self.told.append("transport failed")

    def cancel_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        self.told.append("cancel")

    def ack_timed_out(self, tx: ServerTransaction, now: float) -> None:
        self.told.append("ack timed out")


class Recorder(dict):
    """A table that logs which of its rows were looked up and found."""

    def __init__(self, table: dict[str, dict[str, Row]], log: list[tuple[str, str]]) -> None:
        super().__init__({state: Events(state, events, log) for state, events in table.items()})


class Events(dict):
    def __init__(self, state: str, events: dict[str, Row], log: list[tuple[str, str]]) -> None:
        super().__init__(events)
        self.state, self.log = state, log

    def get(self, event: str, default: Row | None = None) -> Row | None:
        if event in self:
            self.log.append((self.state, event))
        return super().get(event, default)


class Bench:
    """One machine between a core that is told what to do and a peer that is played by hand."""

    def __init__(self, machine: str, flow: Flow) -> None:
        self.machine, self.flow, self.now = machine, flow, 100.0
        self.method = "INVITE" if machine.startswith("INVITE") else "OPTIONS"
        self.core = Core()
        self.sent: list[bytes] = []
        self.timers = TimerQueue()
        self.layer = TransactionLayer(self.core, lambda data, _flow: self.sent.append(data), self.timers)
        self.log: list[tuple[str, str]] = []
        self.tx: ClientTransaction | ServerTransaction
        if machine.endswith("client"):
            self.tx = self.layer.send_request(self.request(), flow, self.core, self.now)
        else:
            self.layer.receive(self.peer(self.method), flow, self.now)
            assert self.core.tx is not None
            self.tx = self.core.tx
        self.tx.table = Recorder(self.tx.table, self.log)
        self.copy = self.request()

    def request(self, method: str | None = None) -> Request:
        return build.request(
            method or self.method,
            "sip:bob@example.com",
            via=f"SIP/2.0/{self.flow.transport.upper()} 192.0.2.2:5060;branch=z9hG4bKrow",
            from_="<sip:alice@example.com>;tag=a",
            to="<sip:bob@example.com>",
            call_id="row",
            cseq=1,
        )

    def peer(self, method: str, to_tag: str = "") -> Request:
        request = self.request(method)
        if to_tag:
            request.set("To", f"<sip:bob@example.com>;tag={to_tag}")
        return request

    def answer(self, status: int) -> None:
        """The peer answers a client transaction, or the core a server transaction."""
        response = build.response(self.copy, status, to_tag="b")
        if isinstance(self.tx, ClientTransaction):
            self.layer.receive(parse_again(response), self.flow, self.now)
        else:
            self.layer.respond(self.tx, response, self.now)

    def until(self, event: str) -> None:
        """Let time pass until the timer of that name has been looked up in the table."""
        while not any(name == event for _, name in self.log):
            deadline = self.timers.next_deadline()
            assert deadline is not None, f"no timer {event} runs"
            self.now = deadline
            self.timers.run(deadline)

    def cause(self, event: str) -> None:
        statuses = {"1xx": 100, "2xx": 200, "final": 200, "failure": 486, "refuse 408": 408}
        if event in statuses:
            self.answer(statuses[event])
        elif event == "request":
            self.layer.receive(self.peer(self.method), self.flow, self.now)
        elif event == "ack":
            self.layer.receive(self.peer("ACK", "b"), self.flow, self.now)
        elif event == "acknowledged":
            self.layer.acknowledge(self.tx)
        elif event == "transport error":
            self.layer.lose_flow(self.flow, self.now)
        else:
            self.until(event)


def parse_again(message: Request | Response) -> Request | Response:
    from routerd.sip.serializer import serialize

    return parse(serialize(message))


REACH: dict[tuple[str, str], tuple[str, ...]] = {
    ("INVITE client", CALLING): (),
    ("INVITE client", PROCEEDING): ("1xx",),
    ("INVITE client", ACCEPTED): ("2xx",),
    ("INVITE client", COMPLETED): ("failure",),
    ("non-INVITE client", TRYING): (),
    ("non-INVITE client", PROCEEDING): ("1xx",),
    ("non-INVITE client", COMPLETED): ("final",),
    ("INVITE server", PROCEEDING): (),
    ("INVITE server", ACCEPTED): ("2xx",),
    ("INVITE server", COMPLETED): ("failure",),
    ("INVITE server", CONFIRMED): ("failure", "ack"),
    ("non-INVITE server", TRYING): (),
    ("non-INVITE server", PROCEEDING): ("trying",),
    ("non-INVITE server", COMPLETED): ("final",),
}
EARLY_100: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("non-INVITE server", TRYING, "1xx"): (),
    ("non-INVITE server", PROCEEDING, "trying"): ("1xx",),
}


def prepare(machine: str, state: str, event: str) -> Bench:
    """A machine in that state, ready for that event."""
    steps = REACH[machine, state]
    flow = UDP
    if (machine, state, event) in EARLY_100:
        # Only over a stream may the core send its 100 before the layer would (RFC 4320 §4.1)
        flow, steps = TCP, EARLY_100[machine, state, event]
    if (machine, state, event) == ("INVITE server", PROCEEDING, "request"):
        steps = ("1xx",)
    bench = Bench(machine, flow)
    for step in steps:
        bench.cause(step)
    if (machine, state, event) == ("INVITE client", PROCEEDING, "B"):
        bench.layer.cancel(bench.tx, bench.now)
    return bench


@pytest.mark.skipif(COMPILED, reason="compiled look-ups pass the recording tables by")
@pytest.mark.parametrize(("machine", "state", "event"), ROWS, ids=lambda part: part.replace(" ", "_"))
def test_row(machine: str, state: str, event: str) -> None:
    bench = prepare(machine, state, event)
    row = TABLES[machine][1][state][event]
    assert bench.tx.state == state
    bench.log.clear()
    sent, told = len(bench.sent), len(bench.core.told)
    bench.cause(event)
    assert bench.log[-1] == (state, event)
    assert bench.tx.state == row.to
    sends = [action for action in row.actions if action.startswith("send ") and action != "send waiting CANCEL"]
    assert len(bench.sent) - sent >= len(sends)
    tells = [action for action in row.actions if action.startswith(("pass up", "inform"))]
    # The CANCEL's own transaction tells nobody, so what is told is told by this row
    assert len(bench.core.told) - told == len(tells)


@pytest.mark.skipif(COMPILED, reason="compiled look-ups pass the recording tables by")
def test_the_rows_end_in_quiet() -> None:
    for machine, state, event in ROWS:
        bench = prepare(machine, state, event)
        bench.cause(event)
        if bench.machine == "INVITE server" and bench.tx.state == PROCEEDING:
            bench.answer(603)
        while (deadline := bench.timers.next_deadline()) is not None:
            bench.timers.run(deadline)
        waits = {("INVITE client", PROCEEDING)}
        if (machine, bench.tx.state) not in waits:
            assert bench.tx.state == TERMINATED
            assert len(bench.layer) == 0
        assert len(bench.timers) == 0


def test_every_action_is_known_and_used() -> None:
    used = {side: set[str]() for side in ("client", "server")}
    for machine, (_, table) in TABLES.items():
        for events in table.values():
            for row in events.values():
                used[machine.split()[1]].update(row.actions)
    assert used["client"] == set(CLIENT_ACTIONS)
    assert used["server"] == set(SERVER_ACTIONS)


def test_every_state_is_reachable_and_every_machine_can_end() -> None:
    for first, table in TABLES.values():
        seen, todo = set[str](), [first]
        while todo:
            state = todo.pop()
            if state not in seen:
                seen.add(state)
                todo += [row.to for row in table.get(state, {}).values()]
        assert seen == {*table, TERMINATED}
        ends = {TERMINATED}
        for _ in table:
            ends |= {state for state, events in table.items() if any(row.to in ends for row in events.values())}
        assert ends == {*table, TERMINATED}


def test_what_calls_the_user_stands_last() -> None:
    for _, table in TABLES.values():
        for events in table.values():
            for row in events.values():
                calls = [action.startswith(("pass up", "inform")) for action in row.actions]
                assert calls == sorted(calls)


@pytest.mark.parametrize(
    ("machine", "state", "event"),
    [
        ("INVITE client", COMPLETED, "1xx"),
        ("INVITE client", ACCEPTED, "failure"),
        ("non-INVITE client", COMPLETED, "final"),
        ("INVITE server", COMPLETED, "2xx"),
        ("INVITE server", PROCEEDING, "ack"),
        ("non-INVITE server", COMPLETED, "final"),
    ],
)
def test_what_the_table_does_not_list_changes_nothing(machine: str, state: str, event: str) -> None:
    bench = prepare(machine, state, event)
    sent = len(bench.sent)
    bench.cause(event)
    assert bench.tx.state == state
    assert len(bench.sent) == sent


def test_the_documentation_is_the_one_that_the_tables_make() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs"
    script = runpy.run_path(str(docs / "make_state_diagrams.py"))
    assert (docs / "transactions.md").read_text(encoding="utf-8") == script["document"]()
