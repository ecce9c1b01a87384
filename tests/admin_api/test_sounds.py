from __future__ import annotations

import io
import wave
from typing import Any

import pytest

BASE = "/v1/accounts/acme/sounds"
WAV = {"Content-Type": "audio/wav"}


def tone(seconds: float, level: int = 0) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes([level, 0]) * int(8000 * seconds))
    return out.getvalue()


def test_a_file_is_kept_named_by_the_entry_and_given_back(acme: Any, company: Any) -> None:
    made = acme.put(f"{BASE}/welcome", content=tone(0.5), headers=WAV)
    assert (made.status_code, made.json()["version"]) == (201, 2)
    entry = acme.get(f"{BASE}/welcome").json()
    assert entry["id"] == "welcome"
    assert (company.folder / "sounds" / "acme" / entry["file"]).read_bytes() == tone(0.5)
    heard = acme.get(f"{BASE}/welcome", headers={"Accept": "audio/wav"})
    assert (heard.content, heard.headers["content-type"]) == (tone(0.5), "audio/wav")
    same = acme.put(f"{BASE}/welcome", content=tone(0.5), headers=WAV)
    assert (same.status_code, same.json()["changed"]) == (200, False)
    other = acme.put(f"{BASE}/welcome", content=tone(0.5, 1), headers=WAV)
    assert other.json()["version"] == 3
    acme.post("/v1/accounts/acme/versions/2/rollback")
    assert acme.get(f"{BASE}/welcome", headers={"Accept": "audio/*"}).content == tone(0.5)


def test_an_entry_is_put_as_json(acme: Any) -> None:
    text = {"id": "hours", "text": "We are open", "voice": "en", "duration_s": 2}
    assert acme.put(f"{BASE}/hours", json=text).status_code == 201
    assert acme.get(f"{BASE}/hours").json() == text
    assert acme.get(f"{BASE}/hours", headers={"Accept": "audio/wav"}).status_code == 404
    assert acme.put(f"{BASE}/hours", content=tone(0.1), headers=WAV).status_code == 200
    assert set(acme.get(f"{BASE}/hours").json()) == {"id", "file"}
    assert acme.patch(f"{BASE}/hours", json={"duration_s": 1}).status_code == 200
    assert acme.delete(f"{BASE}/hours").status_code == 200
    assert acme.get(f"{BASE}/hours").status_code == 404


@pytest.mark.parametrize("body", [b"", b"RIFF", tone(0.5)[:60], b"x" * 1000, tone(0)])
def test_what_is_no_sound_is_refused(acme: Any, body: bytes, company: Any) -> None:
    answer = acme.put(f"{BASE}/welcome", content=body, headers=WAV)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_sound")
    assert not (company.folder / "sounds").exists()


def test_names_and_types(acme: Any) -> None:
    assert acme.put(f"{BASE}/..%2f..%2fetc", content=tone(0.1), headers=WAV).status_code in {404, 422}
    assert acme.put(f"{BASE}/a", content=b"x", headers={"Content-Type": "audio/mpeg"}).status_code == 415
    assert acme.put(f"{BASE}/a", content=b"x").status_code == 415
    assert acme.put("/v1/accounts/nope/sounds/a", content=tone(0.1), headers=WAV).status_code == 404
    assert acme.put(f"{BASE}/a+b@c", content=tone(0.1), headers=WAV).status_code == 201
