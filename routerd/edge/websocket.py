"""SIP over WebSocket (RFC 7118): the websockets package's sans-IO server on our connections.

The subprotocol ``sip`` is required (§4.1), one message stands in one WebSocket message, text or binary (§4.2); what we
send is text where it is UTF-8. The browser's Origin is not looked at: SIP has its own authentication (§7). A silent
peer is pinged, and given up when nothing at all comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from routerd.edge.metrics import count
from routerd.edge.stream import Connection

if TYPE_CHECKING:
    import asyncio

    from routerd.edge.stream import StreamTable
    from routerd.sip.flow import Address, Flow

LARGEST_MESSAGE_BYTES = 64 << 10
PING_AFTER_S = 25.0  # under the half minute after which middleboxes forget
GIVEN_UP_AFTER_S = 70.0
OPENING = (Opcode.TEXT, Opcode.BINARY)


class WebSocketConnection(Connection):
    """One ws or wss connection of a client; :func:`routerd.edge.stream.open_stream` makes it as ``kind``."""

    def __init__(self, table: StreamTable, transport_name: str, local: Address, flow: Flow | None = None) -> None:
        super().__init__(table, transport_name, local, flow)
        self._protocol = ServerProtocol(subprotocols=[Subprotocol("sip")], max_size=LARGEST_MESSAGE_BYTES)
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._pinged_at = 0.0

    def received(self, data: bytes, flow: Flow) -> None:
        """Take bytes of the handshake or of frames; each whole message goes to the switch."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._protocol.accept(event))
            elif isinstance(event, Frame):
                self._frame(event, flow)
        self._flush()

    def write(self, data: bytes, transport: asyncio.Transport) -> None:
        """Send one message as one WebSocket message."""
        _ = transport
        if self._protocol.state is not State.OPEN:
            self._table.driver.counters.dropped["no_connection"] += 1
            return
        try:
            data.decode()
        except UnicodeDecodeError:
            self._protocol.send_binary(data)
        else:
            self._protocol.send_text(data)
        self._flush()

    def close(self) -> None:
        """Say goodbye, then close."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
            self._flush()
        super().close()

    def sweep(self, now: float) -> None:
        """Ping a silent peer; give up one from which nothing comes back."""
        silent_s = now - self.heard_at
        if silent_s > GIVEN_UP_AFTER_S:
            self.end()
        elif silent_s > PING_AFTER_S and now - self._pinged_at > PING_AFTER_S and self._protocol.state is State.OPEN:
            self._pinged_at = now
            self._protocol.send_ping(b"")
            self._flush()
        super().sweep(now)

    def _frame(self, frame: Frame, flow: Flow) -> None:
        if frame.opcode in OPENING:
            self._parts = [bytes(frame.data)]
            self._parts_bytes = len(frame.data)
        elif frame.opcode is Opcode.CONT:
            self._parts.append(bytes(frame.data))
            self._parts_bytes += len(frame.data)
        else:
            return  # pings and closes are answered by the protocol
        if self._parts_bytes > LARGEST_MESSAGE_BYTES:
            self._protocol.fail(1009)
        elif frame.fin:
            message = b"".join(self._parts)
            self._parts = []
            count(self._meter, message)
            self._table.driver.datagram(message, flow)

    def _flush(self) -> None:
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        try:
            chunks = self._protocol.data_to_send()
        except ProtocolError:
            self.end()
            return
        for chunk in chunks:
            if chunk:
                transport.write(chunk)
            else:  # the protocol's end of stream
                transport.close()
        if self._protocol.close_expected() and not transport.is_closing():
            transport.close()
