"""Voice mail as e-mail: one message of a mailbox, with its WAV, through the account's own mail server.

Theory of operation. What is to be mailed stands in the store with the message (``store.messages``): nothing is lost
when this process dies, at worst a mail is sent twice, with the same Message-ID. :class:`MailRoom` takes what is due,
sends it, and writes down what became of it: sent; later again, with growing pauses, when the server is not there or
says 'not now'; dead, with a logged error, when it says 'never' (5xx about this mail) or after ``MOST_ATTEMPTS``.
Credentials that are refused are tried again: somebody may put them right. TLS is verified, always.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, tzinfo
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiosmtplib
import msgspec
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from routerd.edge.logs import logger
from routerd.store import messages

if TYPE_CHECKING:
    from routerd.store.messages import Mail, StoredMessage
    from routerd.store.spool import StoreWriter

log = logger("app.mail")

MOST_ATTEMPTS: Final = 15  # about nine hours
FIRST_PAUSE_S: Final = 30.0
LONGEST_PAUSE_S: Final = 3600.0
AT_ONCE: Final = 8
PATIENCE_S: Final = 30.0
LARGEST_BYTES: Final = 15_000_000  # what most servers take, once it is written in base64


class Plan(msgspec.Struct, frozen=True):
    """How a mailbox' messages are mailed; ``tls`` is none, starttls or tls; ``timezone`` is the reader's."""

    host: str
    port: int
    sender: str
    recipient: str
    tls: str = "starttls"
    username: str | None = None
    password: str | None = None
    company: str = ""
    timezone: str = "UTC"


class Plans(Protocol):
    """Who knows what the documents in force say of mail."""

    async def plan(self, account: str, voicemail: str) -> Plan | None:
        """Give how that mailbox' messages are mailed; None: they are not. May raise RouterdError: not known now."""


class MailRoom:
    """Sends what waits in the store; call ``await look(now)`` when something may be due, it says when to come again."""

    def __init__(self, writer: StoreWriter, plans: Plans, *, trust: ssl.SSLContext | None = None) -> None:
        self._writer = writer
        self._plans = plans
        self._trust = trust or ssl.create_default_context()
        self.sent = 0
        self.failed = 0
        self.died = 0

    async def look(self, now: float) -> float | None:
        """Send what is due at ``now`` (UTC seconds); gives when something will be (None: nothing waits).

        Raises RouterdError when the store, or the documents in it, cannot be read.
        """
        for message in await self._writer.run(messages.unseen):
            plan = await self._plans.plan(message.account, message.voicemail)
            state = messages.NOT_MAILED if plan is None else messages.WAITING
            await self._writer.run(messages.set_mail, message.key, messages.MailState(state, due_at=now))
        while found := await self._writer.run(messages.due, now, AT_ONCE):
            await asyncio.gather(*(self._deliver(mail, now) for mail in found))
        return await self._writer.run(messages.next_mail)

    async def _deliver(self, mail: Mail, now: float) -> None:
        key, attempts = mail.message.key, mail.attempts + 1
        plan = await self._plans.plan(mail.message.account, mail.message.voicemail)
        if plan is None:
            await self._writer.run(messages.set_mail, key, messages.MailState(messages.NOT_MAILED, attempts))
            return
        try:
            await self._send(plan, mail.message)
        except (SMTPException, OSError, MessageError, ValueError) as error:
            await self._failed(mail.message, attempts, error, now)
        else:
            self.sent += 1
            await self._writer.run(messages.set_mail, key, messages.MailState(messages.SENT, attempts))

    async def _failed(self, message: StoredMessage, attempts: int, error: Exception, now: float) -> None:
        said = f"{type(error).__name__}: {error}"
        if is_final(error) or attempts >= MOST_ATTEMPTS:
            self.died += 1
            log.error("voice mail is not mailed", message=message.id, mailbox=message.voicemail, error=said)
            await self._writer.run(
                messages.set_mail, message.key, messages.MailState(messages.DEAD, attempts, error=said)
            )
            return
        self.failed += 1
        pause_s = pause_after(attempts)
        log.warning("mail waits", message=message.id, attempts=attempts, again_in_s=pause_s, error=said)
        state = messages.MailState(messages.WAITING, attempts, now + pause_s, said)
        await self._writer.run(messages.set_mail, message.key, state)

    async def _send(self, plan: Plan, message: StoredMessage) -> None:
        mail = await asyncio.to_thread(compose, plan, message)
        await aiosmtplib.send(
            mail,
            hostname=plan.host,
            port=plan.port,
            username=plan.username,
            password=plan.password,
            use_tls=plan.tls == "tls",
            start_tls=plan.tls == "starttls",
            tls_context=self._trust,
            timeout=PATIENCE_S,
        )


def pause_after(attempts: int) -> float:
    """Give how long to wait after so many failures."""
    return min(FIRST_PAUSE_S * float(1 << (attempts - 1)), LONGEST_PAUSE_S)


def is_final(error: Exception) -> bool:
    """Whether trying again can change nothing: the server refuses this mail, or there is nothing to send."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(refused.code >= 500 for refused in error.recipients)
    if isinstance(error, SMTPAuthenticationError | ssl.SSLError):  # the latter is a ValueError, too
        return False
    if isinstance(error, SMTPSenderRefused | SMTPDataError | SMTPResponseException):
        return error.code >= 500
    return isinstance(error, FileNotFoundError | MessageError | ValueError)


def compose(plan: Plan, message: StoredMessage) -> EmailMessage:
    """Write the mail of one message; raises ``OSError`` when its file cannot be read."""
    mail = EmailMessage()
    caller = _plain(" ".join(part for part in (message.caller_name, message.caller) if part)) or "an unknown caller"
    length = f"{int(message.duration_s) // 60}:{int(message.duration_s) % 60:02}"
    at = datetime.fromtimestamp(message.at, _zone(plan.timezone))
    mail["From"] = Address(_plain(plan.company) or "routerd", addr_spec=plan.sender)
    mail["To"] = Address(addr_spec=plan.recipient)
    mail["Subject"] = f"Voice message from {caller} ({length})"
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<voicemail-{message.id}@{plan.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers from absent people
    file = Path(message.file)
    attached = file.stat().st_size <= LARGEST_BYTES
    mail.set_content(
        f"{caller} left a message of {length} in the mailbox {message.voicemail}\n"
        f"on {at:%A, %d %B %Y at %H:%M} ({plan.timezone}).\n\n"
        + ("It is attached.\n" if attached else "It is too long to be attached: listen to it by phone.\n")
    )
    if attached:
        name = f"message-{at:%Y%m%d-%H%M%S}.wav"
        mail.add_attachment(file.read_bytes(), maintype="audio", subtype="wav", filename=name)
    return mail


def _plain(text: str) -> str:
    """Give a caller's words without what would end a header line."""
    return "".join(char if char.isprintable() else " " for char in text)[:100].strip()


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
