"""Digits that rtpengines report: one JSON datagram a digit, sent to the address of their ``--dtmf-log-dest``.

An rtpengine tells a digit when it is over. It becomes the event ``dtmf`` that the embedded engine sends by itself.
Anybody can send a datagram here: only those from the host of an engine are read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.b2bua.effects import MediaEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.b2bua.effects import Answer
    from routerd.sip.flow import Address

DIGITS: Final = "0123456789*#ABCD"
MOST_BYTES: Final = 4096


class _Report(msgspec.Struct):
    """What is read of a report; ``duration`` is in milliseconds."""

    callid: str
    source_tag: str
    event: int
    duration: int = 0
    type: str = ""


class DtmfLog(asyncio.DatagramProtocol):
    """Hands reports of ``engines`` to ``answer``. Open with :func:`open_dtmf_log`; close the transport it gives."""

    def __init__(self, engines: Sequence[Address], answer: Callable[[Answer], None]) -> None:
        self._engine_by_host = {host: index for index, (host, _) in reversed(list(enumerate(engines)))}
        self._answer = answer
        self._decoder = msgspec.json.Decoder(_Report)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Take one report; whatever is none is dropped."""
        engine = self._engine_by_host.get(addr[0])
        if engine is None or len(data) > MOST_BYTES:
            return
        try:
            report = self._decoder.decode(data)
        except msgspec.DecodeError:
            return
        if report.type == "DTMF" and 0 <= report.event < len(DIGITS):
            facts = {
                "call-id": report.callid,
                "tag": report.source_tag,
                "digit": DIGITS[report.event],
                "duration-ms": report.duration,
                "source": "event",
            }
            self._answer(MediaEvent(engine, "dtmf", facts))


async def open_dtmf_log(
    listen: Address, engines: Sequence[Address], answer: Callable[[Answer], None]
) -> asyncio.DatagramTransport:
    """Listen for reports; raises ``OSError``."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: DtmfLog(engines, answer), local_addr=listen)
    return transport
