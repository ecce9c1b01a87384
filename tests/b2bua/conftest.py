"""A small world in virtual time: real transactions, admission and registrar, and a wire that the test holds."""

from __future__ import annotations

import importlib.resources
import json
from typing import Any

import pytest

from routerd.b2bua import effects as fx
from routerd.b2bua.admission import Admission, Party, Refusal
from routerd.b2bua.exchange import Exchange
from routerd.b2bua.flows import Flows
from routerd.b2bua.keepalive import Keepalive
from routerd.b2bua.live_state import AccountState
from routerd.b2bua.location import LocationService
from routerd.b2bua.registrar import Registrar
from routerd.b2bua.settings import Listener, SwitchSettings
from routerd.b2bua.trunk_upkeep import TrunkUpkeep
from routerd.config.compile import compile_account
from routerd.config.load import load, numbering
from routerd.config.secret import SecretSource
from routerd.config.snapshot import build_snapshot
from routerd.sip import build, digest
from routerd.sip.flow import Flow
from routerd.sip.message import Request, Response
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize
from routerd.sip.tokens import SeededTokens
from routerd.sip.transaction_layer import TransactionLayer

WALL_OFFSET = 1_795_392_000.0
LOCAL = ("192.0.2.1", 5060)
TLS_LOCAL = ("192.0.2.1", 5061)


def company(account: str = "acme", **more: Any) -> dict[str, Any]:
    """A document with two phones; ``more`` replaces its lists."""
    return {
        "schema": 1,
        "account": {"id": account, "name": account, "country": "IN", "timezone": "UTC", "domains": [f"{account}.test"]},
        "extensions": [
            {"id": "2001", "username": "2001", "password": "one", "max_contacts": 3},
            {"id": "2002", "username": "alice", "password": "two"},
        ],
        **more,
    }


def _zone(name: str) -> bytes:
    package, _, last = f"tzdata.zoneinfo.{name.replace('/', '.')}".rpartition(".")
    return importlib.resources.files(package).joinpath(last).read_bytes()


class World:
    """One switch's registrar side. ``sent`` is what went out: (message, flow); ``effects`` everything else."""

    def __init__(self, *documents: dict[str, Any], **settings: Any) -> None:
        listeners = tuple(
            Listener(name, LOCAL[0], 5061 if name == "tls" else 5060) for name in ("udp", "tcp", "tls", "ws")
        )
        self.settings = SwitchSettings(listeners, **{"digest": ("SHA-256", "MD5"), "strict": True, **settings})
        self.now = 1000.0
        self.snapshot = self.compile(*(documents or (company(),)))
        self.exchange = Exchange(self.settings, SeededTokens(7), self.snapshot, WALL_OFFSET)
        self.exchange.flows = Flows(self.settings.listeners, self.exchange.effects)
        self.layer = self.exchange.layer = TransactionLayer(self, self.exchange.transmit, self.exchange.timers)
        self.challenger = digest.Challenger(b"0123456789abcdef", self.settings.digest)
        self.states: dict[str, AccountState] = {}
        self.location = LocationService(self.exchange)
        self.admission = Admission(self.exchange, self.challenger)
        self.registrar = Registrar(self.exchange, self.location)
        self.keepalive = Keepalive(self.exchange, self.location)
        self.upkeep = TrunkUpkeep(self.exchange, self.state_of)
        self.effects: list[fx.Effect] = []
        self.parties: list[Party] = []

    def compile(self, *documents: dict[str, Any]) -> Any:
        tables = []
        for document in documents:
            read = load(json.dumps(document).encode(), source="a.json", secrets=SecretSource({}))
            tables.append(compile_account(read, version=1, zone_data=_zone, sound_durations={}, numbering=numbering()))
        return build_snapshot(tables, 1)

    def state_of(self, account: str) -> AccountState:
        return self.states.setdefault(account, AccountState(account))

    def install(self, *documents: dict[str, Any]) -> None:
        self.snapshot = self.exchange.snapshot = self.compile(*documents)
        self.upkeep.install(self.snapshot, self.now)

    # -- the wire

    def receive(self, data: bytes, flow: Flow) -> list[Response | Request]:
        """Hand bytes to the switch; what it sends at once comes back."""
        message = parse(data)
        if isinstance(message, Request) and message.method not in {"ACK", "CANCEL"} and not message.to.tag:
            refusal = self.admission.quick(message, flow, self.now)
            if refusal is not None:
                self.admission.answer(message, refusal, flow)
                return [sent for sent, _ in self.take()]
        self.layer.receive(message, flow, self.now)
        return [sent for sent, _ in self.take()]

    def take(self) -> list[tuple[Request | Response, Flow]]:
        """What was sent since; the other effects are kept in ``effects``."""
        sent = []
        for effect in self.exchange.effects:
            if isinstance(effect, fx.Transmit):
                if effect.data.strip():
                    sent.append((parse(effect.data), effect.flow))
                else:
                    self.effects.append(effect)
            else:
                self.effects.append(effect)
        self.exchange.effects.clear()
        return sent

    def pass_time(self, seconds: float) -> list[tuple[Request | Response, Flow]]:
        """Let time go by, timer by timer; return what was sent meanwhile."""
        end = self.now + seconds
        sent = self.take()
        while (due := self.exchange.timers.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.exchange.timers.run(self.now)
            sent += self.take()
        self.now = end
        return sent

    def published(self, event: str) -> list[dict[str, Any]]:
        self.take()
        return [e.facts for e in self.effects if isinstance(e, fx.Publish) and e.event == event]

    def journalled(self) -> list[dict[str, Any]]:
        self.take()
        return [e.entry for e in self.effects if isinstance(e, fx.Journal)]

    def noted(self, reason: str) -> int:
        return self.exchange.counters.get(reason, 0)

    # -- LayerUser

    def request_received(self, tx: Any, request: Request, now: float) -> None:
        party = self.admission.identify(request, tx.flow, now)
        if isinstance(party, Refusal):
            self.admission.answer(request, party, tx.flow)
            return
        self.parties.append(party)
        if request.method == "REGISTER" and party.extension is not None:
            self.registrar.serve(tx, request, party.account, party.extension, now, party.source)
        else:
            self.layer.respond(tx, build.response(request, 200, to_tag="x"), now)

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        """No call here."""

    def stray_response(self, response: Response, flow: Flow, now: float) -> None:
        """Nobody waits."""

    def note(self, reason: str, detail: str) -> None:
        self.exchange.note(reason, detail)


class Phone:
    """A phone at ``address``: builds requests, answers challenges."""

    def __init__(
        self,
        world: World,
        user: str = "2001",
        password: str = "one",
        address: tuple[str, int] = ("198.51.100.7", 5070),
        transport: str = "udp",
        domain: str = "acme.test",
        connection: int = 0,
    ) -> None:
        self.world = world
        self.user, self.password, self.domain = user, password, domain
        self.address, self.transport = address, transport
        local = TLS_LOCAL if transport == "tls" else LOCAL
        self.flow = Flow(transport, local, address, connection)
        if connection:
            world.exchange.flows.adopt(self.flow)
        self.call_id = f"{user}-{address[0]}-{address[1]}"
        self.cseq = 0
        self.branches = 0

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.address[0]}:{self.address[1]}>"

    def request(
        self, method: str, uri: str | None = None, *extra: tuple[str, str], to: str | None = None, **parts: str
    ) -> Request:
        self.cseq += 1
        self.branches += 1
        address = f"<sip:{self.user}@{self.domain}>"
        sent_by = f"SIP/2.0/{self.transport.upper()} {self.address[0]}:{self.address[1]}"
        via = f"{sent_by};branch=z9hG4bK{self.call_id}{self.branches}"
        return build.request(
            method,
            uri or f"sip:{self.domain}",
            via=parts.get("via", via),
            from_=f"{parts.get('from_', address)};tag=t",
            to=to or address,
            call_id=parts.get("call_id", self.call_id),
            cseq=self.cseq,
            extra=extra,
        )

    def send(self, request: Request) -> Response:
        answers = self.world.receive(serialize(request), self.flow)
        assert len(answers) == 1, answers
        assert isinstance(answers[0], Response)
        return answers[0]

    def answer(
        self, response: Response, request: Request, nc: int = 1, algorithm: str = "SHA-256", **change: str
    ) -> str:
        """The Authorization value for a challenge."""
        challenge = next(v for v in response.get_all("WWW-Authenticate") if f"algorithm={algorithm}" in v)
        return digest.authorization(
            challenge,
            method=request.method,
            uri=change.get("uri", request.uri),
            username=change.get("username", self.user),
            password=change.get("password", self.password),
            cnonce=f"c{self.cseq}",
            nc=nc,
        )

    def authenticated(self, request: Request, **change: str) -> Response:
        """Send, answer the challenge, send again."""
        challenge = self.send(request)
        assert challenge.status == 401
        again = request.copy()
        self.cseq += 1
        self.branches += 1
        again.set("CSeq", f"{self.cseq} {request.method}")
        branch = f"z9hG4bK{self.call_id}{self.branches}"
        place = next(i for i, field in enumerate(again.fields) if field[0] == "Via")
        again.fields[place] = ("Via", again.fields[place][1].replace(request.via.branch or "", branch))
        again.add("Authorization", self.answer(challenge, again, **change))
        return self.send(again)

    def register(self, *contacts: str, extra: tuple[tuple[str, str], ...] = (), to: str | None = None) -> Response:
        """REGISTER with these Contacts (none given: the phone's own; ``""``: none at all)."""
        values = contacts or (self.contact,)
        fields = [("Contact", value) for value in values if value]
        return self.authenticated(self.request("REGISTER", None, *fields, *extra, to=to))


@pytest.fixture(scope="session")
def make_world() -> type[World]:
    return World


@pytest.fixture(scope="session")
def make_phone() -> type[Phone]:
    return Phone


@pytest.fixture(scope="session")
def document() -> Any:
    return company


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def phone(world: World) -> Phone:
    return Phone(world)
