"""A message is left by a real phone, lights the other's lamp, and is heard back: it holds the tone that was spoken."""

from __future__ import annotations

import asyncio
import stat
import threading
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.smtp import SMTP

from kit.api import Api
from kit.baresip import Baresip
from kit.company import company
from kit.daemon import Daemon
from kit.ports import HOST, free_port
from kit.program import wait_until
from kit.tone import assert_heard, wait_heard

if TYPE_CHECKING:
    from pathlib import Path

SPOKEN = 700
BOX = "+918069651190"
BOXES = [
    {"id": "alices", "agent": "alice", "max_message_s": 30, "email": "alice@acme.test"},
    {"id": "bobs", "agent": "bob", "pin": "4711"},
]


def office(**account: Any) -> dict[str, Any]:
    document = company(voicemails=BOXES)
    document["account"].update(account)
    document["numbers"].append({"number": BOX, "destination": {"type": "voicemail", "id": "alices"}})
    return document


class Postbox:
    """A mail server in a thread of its own; ``mails`` are what it took."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mails: list[bytes] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002
        self.mails.append(envelope.content)
        return "250 taken"

    def __enter__(self) -> Self:
        self._thread.start()
        made = self._loop.create_server(lambda: SMTP(self, loop=self._loop), HOST, self.port)
        self._server = asyncio.run_coroutine_threadsafe(made, self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


def messages(daemon: Daemon) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = Api(daemon).get("/voicemails/alices/messages")["messages"]
    return rows


def lamp(phone: Baresip, text: str, after: int = 0) -> None:
    phone.events.wait(
        lambda event: event.get("type") == "MWI_NOTIFY" and text in event.get("param", ""), 30, what=text, after=after
    )


def test_a_message_from_the_greeting_to_the_deletion(tmp_path: Path) -> None:
    with Postbox() as postbox:
        mail = {"host": HOST.replace("127.0.0.1", "localhost"), "port": postbox.port, "sender": "box@acme.test"}
        document = office(mail={**mail, "tls": "none"})
        with (
            Daemon(tmp_path, document) as daemon,
            Baresip(tmp_path, "2002", server=daemon.port, frequency=SPOKEN) as bob,
            Baresip(tmp_path, "2001", server=daemon.port, modules=("mwi",), more="mwi=yes;") as alice,
        ):
            bob.wait_registered()
            lamp(alice, "Messages-Waiting: no")
            leave(daemon, bob)
            lamp(alice, "Voice-Message: 1/0")
            (message,) = wait_until(lambda: messages(daemon), bool, 30, "a message")
            assert (message["caller"], message["read"]) == ("1002", False)
            (record,) = daemon.wait_records(1)
            assert record["outcome"] == "voicemail"
            assert record["voicemail"]["id"] == record["id"] == message["id"]
            assert record["voicemail"]["ended"] == "hung_up"
            path = daemon.folder / "voicemail" / "acme" / "alices" / f"{record['id']}.wav"
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert_heard(path, SPOKEN, at_least_s=1.5)
            listen(alice)
            by_api = tmp_path / "api.wav"
            by_api.write_bytes(Api(daemon).file(f"/voicemails/alices/messages/{message['id']}"))
            assert_heard(by_api, SPOKEN, at_least_s=1.5)
            wait_until(lambda: len(postbox.mails), lambda count: count == 1, 30, "a mail")
            assert b"Voice message from Bob 1002" in postbox.mails[0]
            delete(alice)
            wait_until(path.exists, lambda there: not there, 30, "the file to go")
            wait_until(lambda: messages(daemon), lambda found: not found, 30, "an empty mailbox")


def leave(daemon: Daemon, phone: Baresip) -> None:
    """Speak into the mailbox for a while, and hang up."""
    assert phone.dial(f"sip:{BOX}@acme.test")["ok"]
    phone.wait_event("CALL_RTPESTAB")
    phone.send_digits("#")  # no greeting
    wait_heard(phone.recordings, 1000, seconds=0.2, timeout_s=30)  # the tone
    folder = daemon.folder / "voicemail" / "acme" / "alices"
    wait_until(lambda: size_of(folder), lambda size: size > 2 * 8000 * 3, 30, "three seconds of a message")
    phone.hang_up()


def size_of(folder: Path) -> int:
    return max((path.stat().st_size for path in folder.glob("*.wav*")), default=0)


def listen(phone: Baresip) -> None:
    """Hear the message by the voicemail code, to its end; then it is no longer new."""
    mark = phone.mark()
    assert phone.dial("sip:*97@acme.test")["ok"]
    phone.wait_event("CALL_RTPESTAB", after=mark)
    wait_heard(phone.recordings, SPOKEN, seconds=1.5, timeout_s=40)
    lamp(phone, "Voice-Message: 0/1", after=mark)
    phone.send_digits("*")
    phone.wait_event("CALL_CLOSED", after=mark)


def delete(phone: Baresip) -> None:
    """Listen again, and delete it."""
    mark = phone.mark()
    phone.dial("sip:*97@acme.test")
    phone.wait_event("CALL_RTPESTAB", after=mark)
    wait_heard(phone.recordings, SPOKEN, seconds=0.3, timeout_s=40)
    phone.send_digits("3")
    lamp(phone, "Voice-Message: 0/0", after=mark)
    phone.hang_up()


def test_a_mailbox_with_a_pin(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, office()) as daemon,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=SPOKEN) as bob,
    ):
        bob.wait_registered()
        bob.dial("sip:*97@acme.test")
        bob.wait_event("CALL_RTPESTAB")
        bob.send_digits("0000#")
        wait_until(lambda: "wrong_pin" in daemon.metrics(), bool, 30, "a wrong PIN")
        bob.send_digits("4711#")
        bob.wait_event("CALL_CLOSED")  # there is nothing to be heard
        (record,) = daemon.wait_records(1)
        assert record["voicemail"] == {"voicemail": "bobs", "listened": 0, "deleted": 0}
        assert "4711" not in repr(record)
        assert not any("4711" in line for line in daemon.program.lines.events)
