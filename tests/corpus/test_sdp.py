"""Session descriptions that nobody here wrote: accepted, refused or survived as the manifest says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from routerd.errors import SdpError
from routerd.media import offer_answer, sdp
from routerd.media_worker import rewrite

SHARED = Path(os.environ.get("ROUTERD_SHARED") or Path(__file__).resolve().parents[3] / "shared")
MANIFEST = SHARED / "corpus" / "manifest.json"


def entries() -> list[Any]:
    if not MANIFEST.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no corpus at {MANIFEST}"))]
    files = json.loads(MANIFEST.read_text(encoding="utf-8"))["files"]
    return [pytest.param(entry, id=entry["file"]) for entry in files if entry["kind"] == "sdp"]


@pytest.mark.parametrize("entry", entries())
def test_description(entry: dict[str, Any]) -> None:
    body = (MANIFEST.parent / entry["file"]).read_bytes()
    if entry["expect"] == "reject":
        with pytest.raises(SdpError):
            sdp.parse(body)
        return
    try:
        session = sdp.parse(body)
    except SdpError:
        assert entry["expect"] == "either"
        return
    assert sdp.parse(session.serialise()).serialise() == session.serialise()
    if body.endswith(b"\r\n") and body.count(b"\n") == body.count(b"\r\n") and b"\r\n\r\n" not in body:
        assert session.serialise() == body
    go_through_everything(body, session)


def go_through_everything(body: bytes, session: sdp.SessionDescription) -> None:
    count = len(session.media)
    for change in (offer_answer.hold, offer_answer.resume, offer_answer.make_black_hole, offer_answer.bump_version):
        assert len(sdp.parse(change(body)).media) == count
    offer_answer.direction(body)
    offer_answer.is_hold(body)
    offer_answer.codec_names(body)
    try:
        kept = offer_answer.filter_codecs(body, ["PCMA", "PCMU", "telephone-event"])
        assert len(sdp.parse(kept).media) == count
    except SdpError:
        assert any(media.port for media in session.media)
    for media in session.media:
        rewrite.read_party(session, media, "")
    ports = [20000 + 2 * index if media.port else None for index, media in enumerate(session.media)]
    written = sdp.parse(rewrite.write_party(sdp.parse(body), ports, "192.0.2.1", {"replace": ["origin"]}))
    assert [media.port or None for media in written.media] == ports
    assert not any(media.candidates for media in written.media)
