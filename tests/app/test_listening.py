from __future__ import annotations

import socket

import psutil
import pytest

from routerd.app.listening import check_addresses, who_listens


@pytest.mark.parametrize(("transport", "kind"), [("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)])
def test_who_has_a_port_is_named(transport: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen(1)
        port = other.getsockname()[1]
        (error,) = check_addresses([(transport, "127.0.0.1", port), ("udp", "127.0.0.1", 0)])
        assert f"{transport}:127.0.0.1:{port} is in use by pid {psutil.Process().pid} (" in str(error)
    assert check_addresses([(transport, "127.0.0.1", port)]) == []
    assert who_listens(transport, port) == ""


def test_an_address_of_another_machine_is_said() -> None:
    (error,) = check_addresses([("udp", "192.0.2.77", 5060)])
    assert "no interface" in str(error)
