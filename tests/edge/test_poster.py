from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from routerd.edge.poster import LARGEST_HEAD_BYTES, Poster, PostError, place_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HERE = ("127.0.0.0/8",)


class Server:
    """Answers every request with ``answer``; keeps what it was sent."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        self.got: list[bytes] = []
        self.port = 0
        self.server: asyncio.Server | None = None

    async def serve(self, tls: ssl.SSLContext | None = None) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader: Any, writer: Any) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self.got.append(head + await reader.readexactly(length))
        writer.write(self.answer)
        if self.answer:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    await made.serve()
    yield made
    assert made.server is not None
    made.server.close()


async def test_a_body_is_posted(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}/hook?of=acme"
    assert await Poster(HERE).post(url, b'{"a":1}', {"webhook-id": "7"}) == 204
    (got,) = server.got
    assert got.startswith(b"POST /hook?of=acme HTTP/1.1\r\nHost: 127.0.0.1:")
    assert got.endswith(b'webhook-id: 7\r\n\r\n{"a":1}')


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"HTTP/1.1 500 No\r\n\r\n", 500),
        (b"HTTP/1.0 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", 302),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, 200),
    ],
)
async def test_the_status_is_all_that_is_read(server: Server, answer: bytes, found: int) -> None:
    server.answer = answer
    assert await Poster(HERE).post(f"http://127.0.0.1:{server.port}/", b"", {}) == found


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK", b"x" * (LARGEST_HEAD_BYTES + 10),
     b"HTTP/1.1 100 Continue\r\n\r\n" * 9],
)  # fmt: skip
async def test_what_is_no_answer(server: Server, answer: bytes) -> None:
    server.answer = answer
    with pytest.raises(PostError):
        await Poster(HERE, 5.0).post(f"http://127.0.0.1:{server.port}/", b"", {})


async def test_who_does_not_answer_in_time_has_failed(server: Server) -> None:
    server.answer = b""
    with pytest.raises(PostError, match=r"within 0\.1 s"):
        await Poster(HERE, 0.1).post(f"http://127.0.0.1:{server.port}/", b"", {})


async def test_private_networks_are_refused(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}/"
    poster = Poster(("10.0.0.0/8",))
    with pytest.raises(PostError, match="private"):
        await poster.post(url, b"", {})
    assert "private" in await poster.refuses(url)
    assert not await Poster(HERE).refuses(url)
    assert server.got == []


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("10.1.2.3", True), ("::ffff:10.1.2.3", True),
        ("192.168.1.1", False), ("127.0.0.1", False), ("169.254.169.254", False), ("0.0.0.0", False), ("::1", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("224.0.0.1", False), ("::ffff:127.0.0.1", False),
        ("100.64.0.1", False), ("ff0e::1", False),
    ],
)  # fmt: skip
def test_addresses(address: str, allowed: bool) -> None:
    assert Poster(("10.0.0.0/8",)).allows(address) is allowed


@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "file:///etc/passwd", "http:///x", "https://u:p@x/", "http://x y/", "http://x/\r\nA: b", "http://x:99999/",
     "https://" + "x" * 2000, "http://ü/", "http://[::1/", ""],
)  # fmt: skip
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(PostError):
        place_of(url)


def test_a_url_is_taken_apart() -> None:
    place = place_of("https://[2001:db8::1]:8443?a=b")
    assert (place.host, place.port, place.path, place.authority) == (
        "2001:db8::1", 8443, "/?a=b", "[2001:db8::1]:8443",
    )  # fmt: skip
    assert place_of("http://x.example").authority == "x.example"


async def test_a_certificate_that_nobody_vouches_for_is_refused(authority: Any) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("stranger", "127.0.0.1"))
    server = Server()
    await server.serve(context)
    with pytest.raises(PostError, match="certificate"):
        await Poster(HERE).post(f"https://127.0.0.1:{server.port}/", b"", {})
    assert server.got == []
    assert server.server is not None
    server.server.close()
