from __future__ import annotations

import asyncio
from typing import Any

import pytest

from routerd.edge.dtmf_log import DtmfLog, open_dtmf_log

# as Debian's rtpengine 10.5 writes it
REPORT = (
    b'{"callid":"c1","source_tag":"a","tags":["a","b"],"type":"DTMF","timestamp":1795313006,'
    b'"source_ip":"127.0.0.1","event":%d,"duration":120,"volume":10}'
)
ENGINES = [("192.0.2.1", 2223), ("192.0.2.2", 2223), ("192.0.2.2", 2224)]


@pytest.mark.parametrize(("number", "digit"), [(5, "5"), (10, "*"), (11, "#"), (15, "D")])
def test_a_report_is_a_digit(number: int, digit: str) -> None:
    told: list[Any] = []
    DtmfLog(ENGINES, told.append).datagram_received(REPORT % number, ("192.0.2.2", 40000))
    (event,) = told
    assert (event.number, event.event) == (1, "dtmf")
    assert event.facts == {"call-id": "c1", "tag": "a", "digit": digit, "duration-ms": 120, "source": "event"}


@pytest.mark.parametrize(
    ("data", "host"),
    [
        (REPORT % 5, "198.51.100.1"),
        (REPORT % 16, "192.0.2.1"),
        (REPORT.replace(b'"DTMF"', b'"RTCP"') % 5, "192.0.2.1"),
        (b"\xff\xfe", "192.0.2.1"),
        (b'{"callid": 7}', "192.0.2.1"),
        (b"[" * 4000, "192.0.2.1"),
        (REPORT % 5 + b" " * 5000, "192.0.2.1"),
    ],
)
def test_strangers_and_rubbish_are_dropped(data: bytes, host: str) -> None:
    told: list[Any] = []
    DtmfLog(ENGINES, told.append).datagram_received(data, (host, 40000))
    assert told == []


async def test_over_a_socket() -> None:
    told: asyncio.Queue[Any] = asyncio.Queue()
    opened = await open_dtmf_log(("127.0.0.1", 0), [("127.0.0.1", 2223)], told.put_nowait)
    address = opened.get_extra_info("sockname")
    loop = asyncio.get_running_loop()
    sender, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=address)
    sender.sendto(REPORT % 7)
    async with asyncio.timeout(10):
        assert (await told.get()).facts["digit"] == "7"
    sender.close()
    opened.close()
