"""Messages and header values that nobody on this project wrote, judged as their manifest says."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from routerd.errors import ParseError
from routerd.sip import build, grammar
from routerd.sip.framing import StreamFramer
from routerd.sip.message import Message, Request
from routerd.sip.name_addr import NameAddr
from routerd.sip.parser import parse, salvage
from routerd.sip.serializer import serialize
from routerd.sip.uri import Uri
from routerd.sip.via import Via

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = Path(os.environ.get("ROUTERD_SHARED") or Path(__file__).resolve().parents[3] / "shared") / "corpus"

pytestmark = pytest.mark.skipif(not (CORPUS / "manifest.json").is_file(), reason="the shared corpus is not here")

# file -> the sentence of the RFC that is on our side. Empty: nothing deviates.
DEVIATIONS: dict[str, str] = {}


def entries(*kinds: str) -> list[dict[str, Any]]:
    manifest = CORPUS / "manifest.json"
    if not manifest.is_file():
        return []
    files: list[dict[str, Any]] = json.loads(manifest.read_text("utf-8"))["files"]
    return [entry for entry in files if entry["kind"].startswith(kinds)]


def octets(entry: dict[str, Any]) -> bytes:
    data = (CORPUS / entry["file"]).read_bytes()
    if entry["template"]:
        # A sender fills these in: where it listens.
        data = data.replace(b"$LOCAL_IP", b"127.0.0.1").replace(b"$LOCAL_PORT", b"5060")
    return data


def verdict(data: bytes) -> tuple[str, int, str]:
    try:
        parse(data)
    except ParseError as error:
        return "reject", error.status_hint, str(error)
    return "accept", 0, ""


def type_everything(message: Message) -> None:
    """Use every typed header, as those do who get a message from the parser."""
    _ = (message.via, message.vias, message.from_.uri, message.to.uri, message.call_id, message.cseq)
    _ = ([contact.uri for contact in message.contacts], message.contact_is_star, message.max_forwards)
    _ = ([route.uri for route in message.routes], [route.uri for route in message.record_routes])
    _ = (message.content_type, message.require, message.supported, message.expires, message.content_length)
    if isinstance(message, Request):
        _ = message.request_uri


def wrong(entry: dict[str, Any]) -> str:
    """Why our verdict is wrong, or nothing. What is refused for its meaning is well-formed to a parser."""
    expected = "accept" if entry.get("phase") == "semantic" else entry["expect"]
    got, status, why = verdict(octets(entry))
    if expected == "either":
        return ""
    if got != expected or (got == "reject" and entry["status"] and status not in entry["status"]):
        return f"{entry['file']}: {expected} {entry['status']}, we {got} {status or ''} {why} [{entry['note']}]"
    return ""


def test_every_verdict() -> None:
    judged = entries("request", "response")
    assert len(judged) > 500
    listing = {entry["file"]: line for entry in judged if (line := wrong(entry))}
    assert sorted(listing) == sorted(DEVIATIONS), "\n" + "\n".join(listing.values())


def test_what_is_accepted_can_be_used_and_survives() -> None:
    for entry in entries("request", "response"):
        data = octets(entry)
        if verdict(data)[0] != "accept":
            continue
        message = parse(data)
        type_everything(message)
        again = parse(serialize(message))
        same = [field for field in message.fields if field[0] != "Content-Length"]
        assert [field for field in again.fields if field[0] != "Content-Length"] == same, entry["file"]
        assert again.body == message.body, entry["file"]
        if isinstance(message, Request):
            parse(serialize(build.response(message, 200, to_tag="t")))


def test_what_must_be_answered_can_be() -> None:
    for entry in entries("request"):
        data = octets(entry)
        if verdict(data)[0] == "accept" or entry["answer"] != "required":
            continue
        request = salvage(data)
        assert request is not None, entry["file"]
        assert request.via.host, entry["file"]
        answer = serialize(build.response(request, 400, to_tag="t"))
        assert answer.startswith(b"SIP/2.0 400 "), entry["file"]


def framed(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    framer = StreamFramer()
    messages: list[bytes] = []
    with suppress(ParseError):
        for piece in pieces:
            messages += framer.feed(piece)
    return messages, framer.broken is not None


def test_a_stream_gives_the_same_message_however_it_is_cut() -> None:
    for entry in entries("request", "response"):
        data = octets(entry)
        assert framed([bytes((byte,)) for byte in data]) == framed([data]), entry["file"]


READERS: dict[str, Callable[[str], object]] = {
    "Via": Via.parse,
    "From": NameAddr.parse,
    "To": NameAddr.parse,
    "Contact": lambda text: [NameAddr.parse(value) for value in grammar.split_list(text) if text != "*"],
    "Route": lambda text: [NameAddr.parse(value) for value in grammar.split_list(text)],
    "Record-Route": lambda text: [NameAddr.parse(value) for value in grammar.split_list(text)],
    "Request-URI": Uri.parse,
    "Call-ID": grammar.is_call_id,
}


def test_values_are_read_or_refused_and_what_is_read_can_be_written() -> None:
    read = total = 0
    for entry in entries("values:"):
        reader = READERS.get(entry["kind"].partition(":")[2])
        if reader is None:
            continue
        for line in (CORPUS / entry["file"]).read_bytes().decode("utf-8", "surrogateescape").splitlines():
            total += 1
            try:
                value = reader(line)
            except ParseError:
                continue
            read += 1
            if isinstance(value, (Via, NameAddr, Uri)):
                assert str(type(value).parse(str(value))) == str(value), line
    assert total > 150
    assert read > total // 2
