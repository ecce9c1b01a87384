from __future__ import annotations

import asyncio
import signal

from routerd.admin_api.server import AdminServer
from routerd.edge.stream import bind_stream


async def test_it_serves_on_a_bound_socket_and_leaves_signals_alone() -> None:
    async def application(_scope: object, _receive: object, send: object) -> None:
        assert callable(send)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    listening = bind_stream("127.0.0.1", 0)
    listening.listen(8)
    before = signal.getsignal(signal.SIGTERM)
    server = AdminServer(application, "127.0.0.1", 0)
    serving = asyncio.get_running_loop().create_task(server.serve([listening]))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 204")
    assert signal.getsignal(signal.SIGTERM) is before
    writer.close()
    server.should_exit = True
    await serving
