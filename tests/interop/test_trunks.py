"""Trunks as they are met outside: a provider that wants a registration, trunks that refuse, trunks that say nothing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from kit import scenarios
from kit.baresip import Baresip
from kit.company import ALICE_NUMBER, CUSTOMER, TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.kamailio import Kamailio
from kit.ports import free_port
from kit.rtp import RtpPeer
from kit.sipp import Sipp
from kit.tone import wait_heard

if TYPE_CHECKING:
    from pathlib import Path

PROVIDER_HOST = "127.0.0.3"
SECOND_HOST = "127.0.0.4"
# What a provider does with a number of its customer: to the customer's registered contact, the number kept.
TO_CUSTOMER = """
    if ($rU =~ "^\\+91806965") {
        $var(number) = $rU;
        $rU = "acme";
        if (lookup("location")) { $rU = $var(number); t_relay(); exit; }
    }
    sl_send_reply("404", "Not Found");
"""


def test_a_registering_trunk_carries_calls_both_ways(tmp_path: Path) -> None:
    customer = CUSTOMER.removeprefix("+")
    secrets = {"acme": "trunk-secret", customer: "secret"}
    with Kamailio.provider(
        tmp_path, secrets, realm="provider.test", challenge_calls=True, otherwise=TO_CUSTOMER, host=PROVIDER_HOST
    ) as provider:
        auth = {"username": "acme", "password": "trunk-secret", "realm": "provider.test"}
        line = trunk(
            "provider", provider.port, PROVIDER_HOST, auth=auth, register=True, number_format="e164",
            from_domain="provider.test", from_user="acme",
        )  # fmt: skip
        with (
            Daemon(tmp_path, company(line)) as daemon,
            Baresip(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
            Baresip(
                tmp_path,
                customer,
                server=provider.port,
                server_host=PROVIDER_HOST,
                domain="provider.test",
                frequency=600,
            ) as outside,
        ):
            provider.wait_registered("acme")
            provider.wait_registered(customer)
            alice.wait_registered()
            for caller, target, called in (
                (alice, f"sip:{CUSTOMER}@acme.test", outside),
                (outside, f"sip:{ALICE_NUMBER}@provider.test", alice),
            ):
                since = caller.mark(), called.mark()
                assert caller.dial(target)["ok"]
                called.wait_event("CALL_RTPESTAB", after=since[1])
                wait_heard(caller.recordings, called.frequency)
                wait_heard(called.recordings, caller.frequency)
                caller.hang_up()
                called.wait_event("CALL_CLOSED", after=since[1])
                caller.wait_event("CALL_CLOSED", after=since[0])
            assert [record["outcome"] for record in daemon.wait_records(2)] == ["answered", "answered"]


@pytest.mark.parametrize("first", ["refuses", "is silent"])
def test_the_next_trunk_is_tried(tmp_path: Path, first: str) -> None:
    ports = free_port(), free_port()
    trunks = [
        trunk("first", ports[0], TRUNK_HOST, provisional_timeout_s=1),
        trunk("second", ports[1], SECOND_HOST, provisional_timeout_s=1),
    ]
    with (
        Daemon(tmp_path, company(*trunks)) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=440) as alice,
        RtpPeer(1000, SECOND_HOST) as voice,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent,
    ):
        alice.wait_registered()
        talk = scenarios.answer_call(voice.sdp) + scenarios.hung_up_by_peer()
        refusal = scenarios.refuse(503, "Service Unavailable")
        with Sipp(tmp_path, "second", talk, host=SECOND_HOST, port=ports[1]) as second:
            if first == "refuses":
                with Sipp(tmp_path, "first", refusal, host=TRUNK_HOST, port=ports[0]) as refusing:
                    assert alice.dial(f"sip:{CUSTOMER}@acme.test")["ok"]
                    refusing.finish().assert_clean(1)
            else:
                silent.bind((TRUNK_HOST, ports[0]))
                silent.settimeout(5)
                assert alice.dial(f"sip:{CUSTOMER}@acme.test")["ok"]
                assert silent.recv(65536).startswith(b"INVITE ")
            alice.wait_event("CALL_RTPESTAB")
            voice.wait_heard(440)
            alice.hang_up()
            second.finish().assert_clean(1)
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "answered", record


def test_when_every_trunk_refuses_the_caller_hears_so(tmp_path: Path) -> None:
    port = free_port()
    with (
        Daemon(tmp_path, company(trunk("only", port))) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port) as alice,
        Sipp(tmp_path, "only", scenarios.refuse(486, "Busy Here"), host=TRUNK_HOST, port=port) as refusing,
    ):
        alice.wait_registered()
        alice.dial(f"sip:{CUSTOMER}@acme.test")
        refusing.finish().assert_clean(1)
        closed = alice.wait_event("CALL_CLOSED")
        assert "486" in closed["param"], closed
        (record,) = daemon.wait_records(1)
        assert record["outcome"] == "rejected", record
