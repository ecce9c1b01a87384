from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/v1/accounts/acme/voicemails/general/messages"


def kept(store: Any, file: Path) -> None:
    entry = {"account": "acme", "voicemail": "general", "call": "c", "at": 5.0, "caller": "+911", "caller_name": "A",
             "duration_s": 2.5, "size_bytes": 44}  # fmt: skip
    for name in ("m1", "m2"):
        store.apply("p", store.position("p") + 1, [("voicemail.message", {**entry, "id": name, "file": str(file)})])


def test_messages_are_listed_heard_and_deleted(api: Any, backend: Any, store: Any, tmp_path: Path) -> None:
    file = tmp_path / "m1.wav"
    file.write_bytes(b"RIFF voice")
    kept(store, file)
    found = api.get(PATH).json()["messages"]
    assert [(one["id"], one["caller"], one["read"]) for one in found] == [("m1", "+911", False), ("m2", "+911", False)]
    assert "file" not in found[0]
    heard = api.get(f"{PATH}/m1")
    assert (heard.content, heard.headers["content-type"]) == (b"RIFF voice", "audio/wav")
    assert api.put(f"{PATH}/m1/read").json() == {"message": "m1", "read": True}
    assert api.delete(f"{PATH}/m1").status_code == 204
    assert api.delete(PATH).status_code == 204
    ours = {"account": "acme", "voicemail": "general"}
    assert backend.asked == [
        ("voicemail_read", {**ours, "id": "m1"}),
        ("voicemail_delete", {**ours, "id": "m1"}),
        ("voicemail_delete", {**ours, "id": "m1"}),
        ("voicemail_delete", {**ours, "id": "m2"}),
    ]


def test_what_is_not_there(api: Any, store: Any, tmp_path: Path) -> None:
    kept(store, tmp_path / "gone.wav")
    assert api.get(f"{PATH}/m1").status_code == 404
    assert api.get(f"{PATH}/m9").status_code == 404
    assert api.get("/v1/accounts/beta/voicemails/general/messages/m1").status_code == 404
    assert api.get(f"{PATH}/m1", headers=api.as_("read")).status_code == 403
