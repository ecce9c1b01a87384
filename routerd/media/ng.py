"""The ng control protocol, both ends: one datagram is ``COOKIE SPACE BENCODED-DICTIONARY``.

The switch builds commands here (``offer``, ``answer``, ``delete`` …), encodes them with a fresh cookie each
(``encode_command``) and reads the reply with ``decode_reply``: its ``result`` is ``ok``, ``pong`` or ``error`` (then
``error-reason``). An engine answers a repeated cookie from its cache, so a command is retransmitted with the
cookie it had and never changed under it. Strings are text, only ``sdp`` is bytes.

The vocabulary is that of rtpengine 10.5, so either engine takes every command. The embedded one takes one key more,
``destination`` in ``extra``: where the reply's description will be sent, which chooses the address that it
advertises there. It adds: its ``pong``
carries ``capabilities`` and ``started`` (changes when it was restarted: all sessions are lost), and it sends
notifications: datagrams whose dictionary has ``event`` and no ``result`` (see ``EVENTS``):

- ``media-ended`` {call-id, tag, play-id}: what that party heard is over, not stopped;
- ``dtmf`` {call-id, tag, digit, duration-ms, source: ``event`` or ``inband``}: once a press, at its beginning, so
  ``duration-ms`` is what was heard of it until then;
- ``recording-ended`` {call-id, tag?, file, reason, duration-ms, size-bytes}; reason: digit, silence, limit, stopped,
  failed or gone;
- ``media-timeout``, ``one-way``, ``two-way``, ``session-reaped`` {call-id, from-tag}.

All bear ``started``. A caller alone with the engine is answered by the party ``HOUSE``, to which nothing is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.errors import MediaError
from routerd.media import bencode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_COOKIE_BYTES: Final = 255
COMMANDS: Final = frozenset(
    {
        "ping", "offer", "answer", "delete", "query", "list", "statistics",
        "block media", "unblock media", "play media", "stop media", "play DTMF", "block DTMF", "unblock DTMF",
        "start recording", "pause recording", "stop recording",
    }
)  # fmt: skip
EVENTS: Final = frozenset(
    {"media-timeout", "one-way", "two-way", "session-reaped", "media-ended", "dtmf", "recording-ended"}
)
HOUSE: Final = "house"  # the tag of the side that is the engine itself: a menu, a queue, a mailbox
REPLACE_ALL: Final = ("origin", "session connection")
_RAW: Final = frozenset({"sdp"})


def encode_command(cookie: str, command: Mapping[str, Any]) -> bytes:
    """One command's datagram. ``cookie`` is unique a command, without spaces; raises MediaError."""
    return _encode(cookie, command)


def encode_reply(cookie: str, reply: Mapping[str, Any]) -> bytes:
    """One reply's datagram, bearing its command's cookie."""
    return _encode(cookie, reply)


def decode_command(data: bytes) -> tuple[str, dict[str, Any]]:
    """Cookie and dictionary of a command; raises MediaError, also when it names no command."""
    cookie, command = _decode(data)
    if not isinstance(command.get("command"), str):
        raise MediaError("ng: no command")
    return cookie, command


def decode_reply(data: bytes) -> tuple[str, dict[str, Any]]:
    """Cookie and dictionary of a reply or a notification; raises MediaError. Next: ``is_notification``, ``is_ok``."""
    cookie, reply = _decode(data)
    if not isinstance(reply.get("result"), str) and not isinstance(reply.get("event"), str):
        raise MediaError("ng: neither result nor event")
    return cookie, reply


def is_notification(reply: Mapping[str, Any]) -> bool:
    """Whether this datagram was sent unasked by the engine."""
    return "event" in reply and "result" not in reply


def is_ok(reply: Mapping[str, Any]) -> bool:
    """Whether the command was done."""
    return reply.get("result") in {"ok", "pong"}


def error_reason(reply: Mapping[str, Any]) -> str:
    """Why it was not done, for a note; "" when it was."""
    return "" if is_ok(reply) else str(reply.get("error-reason", "refused without a reason"))


def ping() -> dict[str, Any]:
    """Ask whether the engine lives."""
    return {"command": "ping"}


def offer(
    call_id: str,
    from_tag: str,
    sdp: bytes,
    *,
    to_tag: str | None = None,
    ice: str | None = "remove",
    replace: Sequence[str] = REPLACE_ALL,
    direction: Sequence[str] | None = None,
    address_family: str | None = None,
    codec: Mapping[str, Sequence[str]] | None = None,
    media_address: str | None = None,
    received_from: tuple[str, str] | None = None,
    via_branch: str | None = None,
    flags: Sequence[str] = (),
    rtcp_mux: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Bring an offer of the party ``from_tag`` through the engine; the reply's ``sdp`` goes to the other party.

    ``codec`` maps ``mask``, ``strip``, ``except`` … to names; ``received_from`` is (``IP4``/``IP6``, address) of
    the signalling; ``address_family`` is ``IP4`` or ``IP6`` towards the other party. A re-offer bears both tags as
    its sender sees them.
    """
    command: dict[str, Any] = {"command": "offer", "call-id": call_id, "from-tag": from_tag, "sdp": sdp}
    if to_tag is not None:
        command["to-tag"] = to_tag
    _options(command, ice, replace, direction, address_family, codec, media_address, received_from, via_branch, flags)
    if rtcp_mux:
        command["rtcp-mux"] = list(rtcp_mux)
    command.update(extra or {})
    return command


def answer(
    call_id: str,
    from_tag: str,
    to_tag: str,
    sdp: bytes,
    *,
    ice: str | None = "remove",
    replace: Sequence[str] = REPLACE_ALL,
    direction: Sequence[str] | None = None,
    address_family: str | None = None,
    codec: Mapping[str, Sequence[str]] | None = None,
    media_address: str | None = None,
    received_from: tuple[str, str] | None = None,
    via_branch: str | None = None,
    flags: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Bring the answer of ``to_tag`` to the offer of ``from_tag`` through the engine; parameters as for ``offer``."""
    command: dict[str, Any] = {
        "command": "answer",
        "call-id": call_id,
        "from-tag": from_tag,
        "to-tag": to_tag,
        "sdp": sdp,
    }
    _options(command, ice, replace, direction, address_family, codec, media_address, received_from, via_branch, flags)
    command.update(extra or {})
    return command


def delete(
    call_id: str, from_tag: str | None = None, to_tag: str | None = None, *, via_branch: str | None = None
) -> dict[str, Any]:
    """End a call's media at once; without tags the whole call. The reply carries the final statistics."""
    command = _about("delete", call_id, from_tag, to_tag)
    if via_branch is not None:
        command["via-branch"] = via_branch
    command["delete-delay"] = 0
    return command


def query(call_id: str, from_tag: str | None = None, to_tag: str | None = None) -> dict[str, Any]:
    """Ask for a call's statistics."""
    return _about("query", call_id, from_tag, to_tag)


def list_calls(limit: int = 32) -> dict[str, Any]:
    """Ask for the Call-IDs that the engine holds, ``limit`` at most."""
    return {"command": "list", "limit": limit}


def statistics() -> dict[str, Any]:
    """Ask for the engine's own counters."""
    return {"command": "statistics"}


def block_media(call_id: str, from_tag: str | None = None) -> dict[str, Any]:
    """Stop relaying what ``from_tag`` sends (everybody without a tag)."""
    return _about("block media", call_id, from_tag, None)


def unblock_media(call_id: str, from_tag: str | None = None) -> dict[str, Any]:
    """Undo ``block_media``."""
    return _about("unblock media", call_id, from_tag, None)


def play_media(
    call_id: str,
    from_tag: str,
    file: str | Sequence[str],
    *,
    repeat_times: int = 1,
    play_id: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Let the party ``from_tag`` hear a WAV, in place of what the other party says; the reply has ``duration`` in ms.

    ``file`` is an absolute path, or several for the embedded engine. ``repeat_times`` 0 is for ever (embedded engine);
    ``play_id`` comes back in the event ``media-ended``. A later ``play media`` takes its place; next: ``stop_media``.
    """
    command = _about("play media", call_id, from_tag, None)
    if isinstance(file, str):
        command["file"] = file
    else:
        command["files"] = list(file)
    if repeat_times != 1:
        command["repeat-times"] = repeat_times
    if play_id is not None:
        command["play-id"] = play_id
    command.update(extra or {})
    return command


def stop_media(call_id: str, from_tag: str) -> dict[str, Any]:
    """Stop what ``from_tag`` hears at once: it hears the other party again. No ``media-ended`` is sent for it."""
    return _about("stop media", call_id, from_tag, None)


def play_dtmf(call_id: str, from_tag: str, code: str, *, duration_ms: int | None = None) -> dict[str, Any]:
    """Send one digit (0-9 * # A-D) to the other party as if ``from_tag`` had pressed it."""
    command = {**_about("play DTMF", call_id, from_tag, None), "code": code}
    if duration_ms is not None:
        command["duration"] = duration_ms
    return command


def block_dtmf(call_id: str, from_tag: str | None = None) -> dict[str, Any]:
    """Stop passing on the digits that ``from_tag`` presses (everybody without a tag); they are told all the same."""
    return _about("block DTMF", call_id, from_tag, None)


def unblock_dtmf(call_id: str, from_tag: str | None = None) -> dict[str, Any]:
    """Undo ``block_dtmf``."""
    return _about("unblock DTMF", call_id, from_tag, None)


def start_recording(
    call_id: str,
    file: str | None = None,
    *,
    from_tag: str | None = None,
    until_digits: str | None = None,
    silence_ms: int | None = None,
    max_ms: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write what is said into a WAV, or go on after ``pause_recording``.

    Without ``from_tag`` both parties in stereo (left: who offered first); with it that party alone, until one of
    ``until_digits``, a silence of ``silence_ms`` or ``max_ms``. The end comes as the event ``recording-ended``.
    """
    command = _about("start recording", call_id, from_tag, None)
    named = (("file", file), ("until-digits", until_digits), ("silence-ms", silence_ms), ("max-ms", max_ms))
    command.update({name: value for name, value in named if value is not None})
    command.update(extra or {})
    return command


def pause_recording(call_id: str, from_tag: str | None = None) -> dict[str, Any]:
    """Write nothing until ``start_recording`` (embedded engine)."""
    return _about("pause recording", call_id, from_tag, None)


def stop_recording(call_id: str, from_tag: str | None = None) -> dict[str, Any]:
    """End a recording; the embedded engine's reply has ``duration`` in ms."""
    return _about("stop recording", call_id, from_tag, None)


def _about(command: str, call_id: str, from_tag: str | None, to_tag: str | None) -> dict[str, Any]:
    built: dict[str, Any] = {"command": command, "call-id": call_id}
    if from_tag is not None:
        built["from-tag"] = from_tag
    if to_tag is not None:
        built["to-tag"] = to_tag
    return built


def _options(
    command: dict[str, Any],
    ice: str | None,
    replace: Sequence[str],
    direction: Sequence[str] | None,
    address_family: str | None,
    codec: Mapping[str, Sequence[str]] | None,
    media_address: str | None,
    received_from: tuple[str, str] | None,
    via_branch: str | None,
    flags: Sequence[str],
) -> None:
    named: tuple[tuple[str, Any], ...] = (
        ("ICE", ice),
        ("replace", list(replace)),
        ("direction", list(direction) if direction is not None else None),
        ("address family", address_family),
        ("codec", {name: list(names) for name, names in codec.items()} if codec is not None else None),
        ("media address", media_address),
        ("received from", list(received_from) if received_from is not None else None),
        ("via-branch", via_branch),
        ("flags", list(flags)),
    )
    command.update({name: value for name, value in named if value})


def _encode(cookie: str, content: Mapping[str, Any]) -> bytes:
    head = cookie.encode("utf-8", "surrogateescape")
    if not head or b" " in head or len(head) > MAX_COOKIE_BYTES:
        raise MediaError("ng: unusable cookie")
    return head + b" " + bencode.encode(dict(content))


def _decode(data: bytes) -> tuple[str, dict[str, Any]]:
    space = data.find(b" ", 0, MAX_COOKIE_BYTES + 1)
    if space < 1:
        raise MediaError("ng: no cookie")
    content = bencode.decode(data[space + 1 :], _RAW)
    if not isinstance(content, dict):
        raise MediaError("ng: not a dictionary")
    return data[:space].decode("utf-8", "surrogateescape"), content
