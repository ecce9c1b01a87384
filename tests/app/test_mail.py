"""Mail of messages through a real SMTP server: sent, refused, tried again, given up, never without verified TLS."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import wave
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from aiosmtpd.smtp import SMTP, AuthResult

from kit.certificates import Authority
from kit.ports import free_port
from routerd.app.mail import MOST_ATTEMPTS, MailRoom, Plan, compose, pause_after
from routerd.store import messages
from routerd.store.messages import MailState, StoredMessage
from routerd.store.spool import StoreWriter

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_795_500_000.0


class Postbox:
    """What a mail server took; ``answers`` are given to DATA in turn, ``refuse`` to RCPT."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.answers: list[str] = []
        self.refuse = ""
        self.secure: list[bool] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802, ARG002
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002
        self.secure.append(server.transport.get_extra_info("sslcontext") is not None)
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer.startswith("2"):
            self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return answer


def sesame(server: Any, session: Any, envelope: Any, mechanism: str, auth_data: Any) -> AuthResult:  # noqa: ARG001
    right = (auth_data.login, auth_data.password) == (b"acme", b"sesame")
    return AuthResult(success=right, handled=False)  # the server answers


class Office:
    """A store with messages, a mail server, and the room that sends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.box = Postbox()
        self.writer = StoreWriter(folder / "s.db", lambda _process, _number: None)
        self.servers: list[asyncio.Server] = []
        self.count = 0

    async def serve(self, tls: ssl.SSLContext | None = None, *, implicit: bool = False, **options: Any) -> int:
        port = free_port()
        context = tls if implicit else None
        if tls is not None and not implicit:
            options["tls_context"] = tls
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(self.box, loop=loop, hostname="mail.test", **options), "localhost", port, ssl=context
        )
        self.servers.append(server)
        return port

    def plan(self, port: int, tls: str = "none", **more: Any) -> Plan:
        return Plan("localhost", port, "box@acme.test", "asha@acme.test", tls, company="Acme", **more)

    async def leave(self, **facts: Any) -> tuple[str, str, str]:
        self.count += 1
        name = f"m{self.count}"
        entry = {
            "account": "acme", "voicemail": "box", "id": name, "call": name, "at": NOW - 60, "caller": "+919812345678",
            "caller_name": "Ravi", "duration_s": 65.0, "file": str(spoken(self.folder / f"{name}.wav")),
            "size_bytes": 16044, **facts,
        }  # fmt: skip
        self.writer.put("p", self.count, [("voicemail.message", entry)])
        await self.writer.settled()
        return "acme", "box", name

    async def states(self) -> dict[str, int]:
        return await self.writer.run(messages.mail_states)


class Plans:
    """What the documents would say."""

    def __init__(self, plan: Plan | None) -> None:
        self.said = plan

    async def plan(self, account: str, voicemail: str) -> Plan | None:
        assert (account, voicemail) == ("acme", "box")
        return self.said


def spoken(path: Path, seconds: float = 1.0) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\1\2" * int(8000 * seconds))
    return path


@pytest.fixture
async def office(tmp_path: Path) -> Any:
    made = Office(tmp_path)
    await made.writer.open()
    yield made
    for server in made.servers:
        server.close()
    await made.writer.close()


async def test_a_message_is_mailed_with_its_recording(office: Office) -> None:
    _, _, name = await office.leave()
    plan = office.plan(await office.serve(), timezone="Asia/Kolkata")
    room = MailRoom(office.writer, Plans(plan))
    assert await room.look(NOW) is None
    ((sender, recipients, content),) = office.box.taken
    assert (sender, recipients) == ("box@acme.test", ["asha@acme.test"])
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert mail["Subject"] == "Voice message from Ravi +919812345678 (1:05)"
    assert mail["From"] == "Acme <box@acme.test>"
    assert mail["Message-ID"] == f"<voicemail-{name}@acme.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].endswith("+0530")
    (attached,) = mail.iter_attachments()
    assert attached.get_content_type() == "audio/wav"
    assert attached.get_content() == (office.folder / f"{name}.wav").read_bytes()
    assert "Ravi +919812345678 left a message of 1:05" in mail.get_body().get_content()
    assert (room.sent, await office.states()) == (1, {messages.SENT: 1})
    await room.look(NOW + 10_000)
    assert len(office.box.taken) == 1


async def test_a_mailbox_without_an_address_is_not_mailed(office: Office) -> None:
    await office.leave()
    room = MailRoom(office.writer, Plans(None))
    assert await room.look(NOW) is None
    assert await office.states() == {messages.NOT_MAILED: 1}


async def test_a_server_that_says_not_now_is_asked_again_later(office: Office) -> None:
    await office.leave()
    office.box.answers = ["451 later", "451 later"]
    room = MailRoom(office.writer, Plans(office.plan(await office.serve())))
    again = await room.look(NOW)
    assert again == NOW + pause_after(1)
    assert await room.look(again - 1) == again
    later = await room.look(again)
    assert later == again + pause_after(2)
    assert office.box.taken == []
    assert await room.look(later) is None
    assert (len(office.box.taken), room.failed, room.sent) == (1, 2, 1)


async def test_a_server_that_is_not_there_is_given_up_at_last(office: Office) -> None:
    key = await office.leave()
    room = MailRoom(office.writer, Plans(office.plan(free_port())))
    now: float | None = NOW
    with structlog.testing.capture_logs() as lines:
        for _ in range(MOST_ATTEMPTS):
            assert now is not None
            now = await room.look(now)
    assert now is None
    assert await office.states() == {messages.DEAD: 1}
    assert room.died == 1
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["voice mail is not mailed"]
    await office.writer.run(messages.set_mail, key, MailState(messages.WAITING, due_at=NOW))  # as an admin may


@pytest.mark.parametrize("refusal", ["550 nobody of that name", "552 too much"])
async def test_a_refusal_of_this_mail_is_final(office: Office, refusal: str) -> None:
    await office.leave()
    office.box.refuse = refusal
    assert await MailRoom(office.writer, Plans(office.plan(await office.serve()))).look(NOW) is None
    assert await office.states() == {messages.DEAD: 1}


async def test_a_recording_that_is_gone_cannot_be_mailed(office: Office) -> None:
    await office.leave(file="/nowhere/x.wav")
    assert await MailRoom(office.writer, Plans(office.plan(await office.serve()))).look(NOW) is None
    assert await office.states() == {messages.DEAD: 1}


async def test_one_dead_server_does_not_hold_up_the_next_look(office: Office) -> None:
    await office.leave()
    await office.leave()
    office.box.answers = ["451 later"]
    room = MailRoom(office.writer, Plans(office.plan(await office.serve())))
    assert await room.look(NOW) == NOW + pause_after(1)
    assert await office.states() == {messages.SENT: 1, messages.WAITING: 1}


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and one that trusts its authority."""
    authority = Authority(folder)
    certificate, key = authority.issue("mail", "localhost")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(authority.path))


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the server knows nothing of TLS that was there before it
@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_tls_with_a_password(office: Office, tls: str, tmp_path: Path) -> None:
    await office.leave()
    server, trust = contexts(tmp_path)
    port = await office.serve(
        server, implicit=tls == "tls", authenticator=sesame, auth_required=True,
        auth_require_tls=tls == "starttls", require_starttls=tls == "starttls",
    )  # fmt: skip
    plan = office.plan(port, tls, username="acme", password="sesame")
    assert await MailRoom(office.writer, Plans(plan), trust=trust).look(NOW) is None
    assert (len(office.box.taken), office.box.secure) == (1, [True])


async def test_a_wrong_password_is_tried_again_and_never_told(office: Office, tmp_path: Path) -> None:
    await office.leave()
    server, trust = contexts(tmp_path)
    port = await office.serve(server, authenticator=sesame, auth_required=True)
    plan = office.plan(port, "starttls", username="acme", password="open-it")
    with structlog.testing.capture_logs() as lines:
        assert await MailRoom(office.writer, Plans(plan), trust=trust).look(NOW) == NOW + pause_after(1)
    assert "open-it" not in str(lines)
    assert office.box.taken == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_that_nobody_knows_gets_nothing(office: Office, tls: str, tmp_path: Path) -> None:
    await office.leave()
    server, _ = contexts(tmp_path)
    port = await office.serve(server, implicit=tls == "tls")
    assert await MailRoom(office.writer, Plans(office.plan(port, tls))).look(NOW) == NOW + pause_after(1)
    assert office.box.taken == []


async def test_a_server_without_starttls_gets_nothing(office: Office) -> None:
    await office.leave()
    port = await office.serve()
    assert await MailRoom(office.writer, Plans(office.plan(port, "starttls"))).look(NOW) == NOW + pause_after(1)
    assert office.box.taken == []


def message(folder: Path, **facts: Any) -> StoredMessage:
    file = str(spoken(folder / "m.wav"))
    given = {"caller": "+911", "caller_name": "", "duration_s": 3.0, "file": file, "size_bytes": 1, **facts}
    return StoredMessage("acme", "box", "m", "m", NOW, read=False, **given)


def test_a_callers_words_end_no_header(tmp_path: Path) -> None:
    plan = Plan("h", 25, "a@acme.test", "b@acme.test", company="Acme\r\nBcc: x@y.test")
    mail = compose(plan, message(tmp_path, caller_name="Eve\r\nBcc: eve@evil.test\n" + "x" * 500))
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]
    assert len(mail["Subject"]) < 200


def test_unknown_callers_and_zones(tmp_path: Path) -> None:
    plan = Plan("h", 25, "a@acme.test", "b@acme.test", timezone="Nowhere/Land")
    mail = compose(plan, message(tmp_path, caller=""))
    assert mail["Subject"] == "Voice message from an unknown caller (0:03)"
    assert mail["Date"].endswith(("+0000", "-0000", "GMT"))


def test_what_is_too_long_is_told_without_being_attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routerd.app.mail.LARGEST_BYTES", 100)
    mail = compose(Plan("h", 25, "a@acme.test", "b@acme.test"), message(tmp_path))
    assert list(mail.iter_attachments()) == []
    assert "too long to be attached" in mail.get_content()
