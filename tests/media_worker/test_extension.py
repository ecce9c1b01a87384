from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from routerd.media import sdp
from routerd.media_worker.call import MediaCall
from routerd.media_worker.extension import Extension, Negotiation

if TYPE_CHECKING:
    from collections.abc import Mapping


def test_an_extension_that_overrides_nothing_changes_nothing() -> None:
    extension = Extension()
    call = MediaCall("c", "a", ("127.0.0.1", 9), 1.0)
    command: Mapping[str, Any] = {}
    negotiation = Negotiation(True, call, 0, "a", command, 1.0)
    body = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4 RTP/AVP 8\r\n"
    session = sdp.parse(body)
    for step in (extension.read, extension.write):
        step(negotiation, session)
    extension.answered(negotiation)
    extension.ended(call)
    extension.close()
    assert session.serialise() == body
    assert (extension.commands(), list(extension.capabilities)) == ({}, [])
    assert cast("str", negotiation.address) == ""
