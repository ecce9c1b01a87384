from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/v1/accounts/acme/recordings"


def recorded(store: Any, file: Path) -> None:
    entry = {"account": "acme", "at": 5.0, "recording": {"file": str(file), "duration_s": 2.0}}
    store.apply("p", 1, [("call.end", {"id": "c", **entry}), ("call.end", {"id": "d", "account": "acme", "at": 5.0})])


def test_a_recording_is_heard_and_deleted(api: Any, store: Any, tmp_path: Path) -> None:
    file = tmp_path / "c.wav"
    file.write_bytes(b"RIFF both voices")
    recorded(store, file)
    heard = api.get(f"{PATH}/c")
    assert (heard.content, heard.headers["content-type"]) == (b"RIFF both voices", "audio/wav")
    assert api.get(f"{PATH}/c", headers=api.as_("read")).status_code == 403
    assert api.get("/v1/accounts/beta/recordings/c").status_code == 404
    assert api.get(f"{PATH}/d").status_code == 404
    assert api.delete(f"{PATH}/c").status_code == 204
    assert not file.exists()
    assert api.get(f"{PATH}/c").status_code == 404
    assert api.get("/v1/accounts/acme/records/c").json()["recording"]["duration_s"] == 2.0
