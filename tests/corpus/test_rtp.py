"""Packets that nobody here wrote: read or refused by the documented error, and never fatal to a relay."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from routerd.errors import MediaError
from routerd.media import rtcp, rtp
from routerd.media.relay_session import RTCP, RTP, PartyMedia, RelaySession

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED = Path(os.environ.get("ROUTERD_SHARED") or Path(__file__).resolve().parents[3] / "shared")
MANIFEST = SHARED / "corpus" / "manifest.json"
ALICE = ("192.0.2.1", 4000)
BOB = ("192.0.2.2", 5000)


def entries() -> list[Any]:
    if not MANIFEST.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no corpus at {MANIFEST}"))]
    files = json.loads(MANIFEST.read_text(encoding="utf-8"))["files"]
    return [pytest.param(entry, id=entry["file"]) for entry in files if entry["kind"] in {"rtp", "rtcp"}]


def is_read(data: bytes, read: Callable[[bytes], object]) -> bool:
    try:
        read(data)
    except MediaError:
        return False
    return True


@pytest.mark.parametrize("entry", entries())
def test_packet(entry: dict[str, Any]) -> None:
    data = (MANIFEST.parent / entry["file"]).read_bytes()
    readable = sum(is_read(data, read) for read in (rtp.parse, rtcp.parse))
    session = RelaySession()
    session.signal(0, PartyMedia(ALICE, ALICE))
    session.signal(1, PartyMedia(BOB, BOB))
    session.answered(1.0)
    relayed = [session.receive(0, component, data, ALICE, 2.0) for component in (RTP, RTCP)]
    assert all(result is None or result == (1, data, BOB) for result in relayed)
    assert not readable or len(data) < rtcp.MIN_PACKET_BYTES or any(relayed)
    good = rtp.build(8, 1, 160, 1, bytes(160))
    assert session.receive(0, RTP, good, ALICE, 3.0) == (1, good, BOB)
