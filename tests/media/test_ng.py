from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import MediaError
from routerd.media import ng


def test_commands_travel() -> None:
    command = ng.offer(
        "c",
        "a",
        b"v=0\r\n\xff",
        codec={"strip": ["G729"]},
        received_from=("IP4", "192.0.2.1"),
        address_family="IP4",
        media_address="192.0.2.5",
        via_branch="z9hG4bK1",
        flags=["symmetric"],
        direction=["in", "out"],
        rtcp_mux=["demux"],
        extra={"destination": "192.0.2.77"},
    )
    cookie, decoded = ng.decode_command(ng.encode_command("k1", command))
    assert cookie == "k1"
    assert decoded == command
    assert decoded["sdp"] == b"v=0\r\n\xff"
    assert decoded["ICE"] == "remove"
    assert decoded["replace"] == ["origin", "session connection"]
    assert decoded["codec"] == {"strip": ["G729"]}
    assert decoded["received from"] == ["IP4", "192.0.2.1"]


def test_what_is_not_wanted_is_not_sent() -> None:
    assert set(ng.offer("c", "a", b"")) == {"command", "call-id", "from-tag", "sdp", "ICE", "replace"}
    assert set(ng.answer("c", "a", "b", b"", ice=None, replace=())) == {
        "command", "call-id", "from-tag", "to-tag", "sdp",
    }  # fmt: skip
    assert ng.delete("c") == {"command": "delete", "call-id": "c", "delete-delay": 0}
    assert ng.offer("c", "b", b"", to_tag="a")["to-tag"] == "a"


@pytest.mark.parametrize(
    "command",
    [
        ng.ping(), ng.query("c", "a", "b"), ng.list_calls(5), ng.statistics(), ng.block_media("c", "a"),
        ng.unblock_media("c"), ng.delete("c", "a", "b", via_branch="z"), ng.answer("c", "a", "b", b"x"),
        ng.play_media("c", "a", "/x.wav", repeat_times=0, play_id="7"), ng.play_media("c", "a", ["/x.wav", "/y.wav"]),
        ng.stop_media("c", "a"), ng.play_dtmf("c", "a", "5", duration_ms=100), ng.block_dtmf("c"),
        ng.unblock_dtmf("c", "a"), ng.start_recording("c", "/x.wav", from_tag="a", until_digits="#", silence_ms=3000),
        ng.start_recording("c", max_ms=60000, extra={"format": "pcm"}), ng.pause_recording("c"), ng.stop_recording("c"),
    ],
)  # fmt: skip
def test_every_builder_names_a_known_command(command: dict[str, object]) -> None:
    assert ng.decode_command(ng.encode_command("k", command)) == ("k", command)
    assert command["command"] in ng.COMMANDS


def test_replies_and_notifications() -> None:
    cookie, reply = ng.decode_reply(b"k d6:result4:ponge")
    assert (cookie, ng.is_ok(reply), ng.is_notification(reply), ng.error_reason(reply)) == ("k", True, False, "")
    _, refused = ng.decode_reply(b"k d12:error-reason4:full6:result5:errore")
    assert (ng.is_ok(refused), ng.error_reason(refused)) == (False, "full")
    _, event = ng.decode_reply(b"k d5:event7:one-waye")
    assert ng.is_notification(event)


@pytest.mark.parametrize(
    "data", [b"", b"k", b" d6:result4:ponge", b"k i1e", b"k de", b"k d6:resulti1ee", b"x" * 300 + b" de"]
)
def test_broken_replies(data: bytes) -> None:
    with pytest.raises(MediaError):
        ng.decode_reply(data)
    with pytest.raises(MediaError):
        ng.decode_command(data)


@pytest.mark.parametrize("cookie", ["", "a b", "x" * 300])
def test_unusable_cookies(cookie: str) -> None:
    with pytest.raises(MediaError):
        ng.encode_command(cookie, ng.ping())


@given(st.binary(max_size=60))
def test_any_datagram_decodes_or_raises_the_documented_error(data: bytes) -> None:
    for read in (ng.decode_command, ng.decode_reply):
        for datagram in (data, b"k d" + data):
            try:
                assert isinstance(read(datagram)[1], dict)
            except MediaError:
                continue


def test_play_media_says_what_differs_from_the_usual_only() -> None:
    assert ng.play_media("c", "a", "/x.wav") == {
        "command": "play media", "call-id": "c", "from-tag": "a", "file": "/x.wav",
    }  # fmt: skip
    told = ng.play_media("c", "a", ["/x.wav"], repeat_times=0, play_id="", extra={"start-pos": 5})
    assert (told["files"], told["repeat-times"], told["play-id"], told["start-pos"]) == (["/x.wav"], 0, "", 5)
    assert ng.start_recording("c") == {"command": "start recording", "call-id": "c"}
