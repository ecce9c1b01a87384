"""The shared corpus: its entries, how a sender prepares a message, and what an answer must be."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

CORPUS = Path(os.environ.get("ROUTERD_SHARED") or Path(__file__).resolve().parents[4] / "shared") / "corpus"
MANIFEST = CORPUS / "manifest.json"
NEEDS_CORPUS = pytest.mark.skipif(not MANIFEST.is_file(), reason="the shared corpus is not here: set ROUTERD_SHARED")

Entry = dict[str, Any]
NOT_UNDERSTOOD = frozenset({400, 500, 505, 513})
MAY_COME_FIRST = frozenset({401, 403, 404, 405, 407, 480, 481})
CHALLENGES = frozenset({401, 407})

LINES = re.IGNORECASE | re.MULTILINE
_via = re.compile(rb"^((?:via|v)[ \t]*:[ \t\r\n]*sip[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*)\w+([ \t]+)[^;,\s]+", LINES)
_branch = re.compile(rb"(;[ \t]*branch[ \t]*=[ \t]*)(z9hG4bK)?([^;,\s]*)", re.IGNORECASE)
_call_id = re.compile(rb"^((?:call-id|i)[ \t]*:[ \t]*)([^\s]+)", LINES)
_contact = re.compile(rb"^((?:contact|m)[ \t]*:[^\r\n]*?<?sips?:(?:[^@\s<>;]+@)?)([^;>?,\s@]+)", LINES)


def entries(*kinds: str) -> list[Entry]:
    """The entries whose kind begins with one of ``kinds``; none where there is no corpus."""
    if not MANIFEST.is_file():
        return []
    files: list[Entry] = json.loads(MANIFEST.read_text("utf-8"))["files"]
    return [entry for entry in files if entry["kind"].startswith(kinds)]


def octets(entry: Entry, host: str = "127.0.0.1", port: int = 5060) -> bytes:
    """The bytes of an entry; placeholders of templates say where the sender listens."""
    data = (CORPUS / entry["file"]).read_bytes()
    if entry.get("template"):
        data = data.replace(b"$LOCAL_IP", host.encode()).replace(b"$LOCAL_PORT", b"%d" % port)
    return data


def prepared(entry: Entry, number: int, host: str, port: int, transport: str = "UDP") -> bytes:
    """A message as its sender sends it: a template points at the sender and is unique, any other goes as it is."""
    data = octets(entry, host, port)
    return pointed(data, number, host, port, transport) if entry["template"] else data


def pointed(data: bytes, number: int, host: str, port: int, transport: str = "UDP") -> bytes:
    """Point the top Via and the first Contact at the sender; make branch and Call-ID unique."""
    here = f"{host}:{port}".encode()
    head, gap, body = data.partition(b"\r\n\r\n")
    via = _via.search(head)
    if via is not None:
        rest = _branch.sub(rb"\g<1>z9hG4bK\g<3>.%d" % number, head[via.end() :], count=1)
        head = head[: via.start()] + via[1] + transport.encode() + via[2] + here + rest
    head = _call_id.sub(rb"\g<1>%d.\g<2>" % number, head, count=1)
    head = _contact.sub(rb"\g<1>" + here, head, count=1)
    return head + gap + body


def deviation(entry: Entry, statuses: Sequence[int]) -> str:
    """Why the answers (their statuses in order) are not what the manifest wants; empty when they are.

    A refusal without a code of its own may be any 4xx to 6xx but a challenge: that one asks for the message again.
    """
    if entry["answer"] == "none":
        return f"answered with {statuses}" if statuses else ""
    final = next((status for status in statuses if status >= 200), 0)
    if not final:
        return "no answer" if entry["answer"] == "required" else ""
    if entry["expect"] == "accept":
        return f"refused with {final}" if final in NOT_UNDERSTOOD else ""
    if entry["expect"] == "either":
        return "500" if final == 500 else ""
    if entry.get("phase") == "semantic" and final in MAY_COME_FIRST:
        return ""
    if entry["status"]:
        return "" if final in entry["status"] else f"{final} in place of {entry['status']}"
    return f"accepted with {final}" if final < 400 or final in CHALLENGES else ""
