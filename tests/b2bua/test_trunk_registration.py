from __future__ import annotations

from typing import Any

import pytest

from routerd.sip import build, digest
from routerd.sip.flow import Flow
from routerd.sip.serializer import serialize

PROVIDER = ("203.0.113.10", 5060)
FLOW = Flow("udp", ("192.0.2.1", 5060), PROVIDER)
TRUNK = {
    "id": "pstn",
    "target": "sip:203.0.113.10",
    "register": True,
    "auth": {"username": "acme", "password": "s3cret"},
}


class Provider:
    """The far end, played by the test."""

    def __init__(self, make_world: Any, document: Any, **more: Any) -> None:
        self.document = document
        self.world = make_world()
        self.world.install(document(trunks=[{**TRUNK, **more}]))

    def requests(self, seconds: float = 0) -> list[Any]:
        return list({m.via.branch: m for m, _ in self.world.pass_time(seconds)}.values())

    def reply(self, request: Any, status: int, *extra: tuple[str, str]) -> Any:
        """Answer; return what comes at once thereafter."""
        sent = self.world.receive(serialize(build.response(request, status, to_tag="p", extra=extra)), FLOW)
        return sent[0] if sent else None

    def view(self) -> dict[str, Any]:
        return self.world.upkeep.views(self.world.now)[0]["registration"]


@pytest.fixture
def provider(make_world: Any, document: Any) -> Provider:
    return Provider(make_world, document)


CHALLENGE = ("WWW-Authenticate", 'Digest realm="provider", nonce="abc", algorithm=MD5, qop="auth"')
STRONG = ("WWW-Authenticate", 'Digest realm="provider", nonce="def", algorithm=SHA-256, qop="auth"')


def test_it_registers_with_the_strongest_challenge_and_refreshes_in_time(provider: Provider) -> None:
    (first,) = provider.requests()
    assert (first.method, first.uri) == ("REGISTER", "sip:203.0.113.10")
    assert first.to.uri_text == first.from_.uri_text == "sip:acme@203.0.113.10"
    assert first.get("Contact") == "<sip:acme@192.0.2.1:5060>"
    assert first.get("Authorization") is None
    second = provider.reply(first, 401, CHALLENGE, STRONG)
    assert (second.cseq.number, second.call_id) == (first.cseq.number + 1, first.call_id)
    shown = digest.parse_parameters(second.get("Authorization") or "") or {}
    assert (shown["username"], shown["nonce"]) == ("acme", "def")
    assert provider.reply(second, 200, ("Contact", "<sip:acme@192.0.2.1:5060>;expires=100")) is None
    assert provider.view()["state"] == "registered"
    assert provider.requests(79) == []
    (third,) = provider.requests(11.5)
    assert third.get("Authorization") is None
    assert third.cseq.number == second.cseq.number + 1


def test_its_own_lifetime_is_read_among_others(provider: Provider) -> None:
    (first,) = provider.requests()
    contacts = "<sip:acme@192.0.2.99:5060>;expires=9999, <sip:acme@192.0.2.1>;expires=200"
    provider.reply(first, 200, ("Contact", contacts), ("Expires", "5000"))
    assert 160 <= provider.view()["next_try_in_s"] <= 180


def test_without_a_contact_the_expires_header_counts(provider: Provider) -> None:
    provider.reply(provider.requests()[0], 200, ("Expires", "500"))
    assert 400 <= provider.view()["next_try_in_s"] <= 450


def test_a_second_challenge_in_one_try_is_a_failure(provider: Provider) -> None:
    second = provider.reply(provider.requests()[0], 401, CHALLENGE)
    assert provider.reply(second, 401, CHALLENGE) is None
    assert provider.view()["state"] == "failed"
    assert provider.requests(20) == []
    assert len(provider.requests(20)) == 1


def test_credentials_are_for_the_configured_realm_only(make_world: Any, document: Any) -> None:
    auth = {"username": "acme", "password": "s3cret", "realm": "other"}
    provider = Provider(make_world, document, auth=auth)
    assert provider.reply(provider.requests()[0], 401, CHALLENGE) is None
    assert provider.view()["last"] == "401"


def test_a_proxy_is_answered_in_its_own_header(provider: Provider) -> None:
    second = provider.reply(provider.requests()[0], 407, ("Proxy-Authenticate", CHALLENGE[1]))
    assert second.get("Proxy-Authorization") is not None
    assert second.get("Authorization") is None


def test_min_expires_is_honoured_once_a_try(provider: Provider) -> None:
    (first,) = provider.requests()
    second = provider.reply(first, 423, ("Min-Expires", "7200"))
    assert second.get("Expires") == "7200"
    assert provider.reply(second, 423, ("Min-Expires", "9000")) is None
    assert provider.view()["last"] == "423"


@pytest.mark.parametrize("least", ["", "abc", "60", "99999999999"])
def test_a_senseless_min_expires_is_a_failure(provider: Provider, least: str) -> None:
    assert provider.reply(provider.requests()[0], 423, ("Min-Expires", least)) is None
    assert provider.view()["state"] == "failed"


def test_failures_wait_longer_each_time(provider: Provider) -> None:
    waits = []
    (request,) = provider.requests()
    for _ in range(7):
        provider.reply(request, 403)
        waits.append(provider.view()["next_try_in_s"])
        (request,) = provider.requests(waits[-1] + 0.1)
    for wait, nominal in zip(waits, (30, 60, 120, 240, 480, 600, 600), strict=True):
        assert 0.9 * nominal - 0.1 <= wait <= 1.1 * nominal + 0.1
    provider.reply(request, 200)
    assert provider.view()["failures"] == 0


def test_retry_after_is_heeded(provider: Provider) -> None:
    provider.reply(provider.requests()[0], 503, ("Retry-After", "300 (busy);duration=9"))
    assert provider.view()["next_try_in_s"] == 300


def test_silence_is_a_failure_and_the_old_binding_counts_to_its_end(provider: Provider) -> None:
    provider.reply(provider.requests()[0], 200, ("Expires", "1000"))
    provider.requests(940)
    assert provider.view()["state"] == "registered"
    provider.requests(61)
    assert provider.view()["state"] == "failed"
    assert provider.world.state_of("acme").down == set()


def test_stopping_takes_the_binding_back(provider: Provider) -> None:
    provider.reply(provider.requests()[0], 200, ("Expires", "1000"))
    provider.world.upkeep.stop(provider.world.now)
    (request,) = provider.requests()
    assert (request.get("Expires"), request.get("Contact")) == ("0", "<sip:acme@192.0.2.1:5060>")
    again = provider.reply(request, 401, CHALLENGE)
    assert again.get("Expires") == "0"
    assert provider.reply(again, 200) is None
    assert provider.requests(60) == []
    assert len(provider.world.exchange.timers) == 0
    assert len(provider.world.layer) == 0


def test_granted_nothing_is_a_failure(provider: Provider) -> None:
    provider.reply(provider.requests()[0], 200, ("Expires", "0"))
    assert provider.view()["state"] == "failed"


def test_a_lost_connection_is_registered_anew(make_world: Any, document: Any) -> None:
    provider = Provider(make_world, document, target="sip:203.0.113.10;transport=tcp")
    ((request, flow),) = provider.world.take()
    provider.world.receive(serialize(build.response(request, 200, to_tag="p")), flow)
    provider.world.exchange.flows.lose(flow)
    provider.world.layer.lose_flow(flow, provider.world.now)
    provider.world.upkeep.lose_flow(flow, provider.world.now)
    ((again, other),) = provider.world.pass_time(3)
    assert (again.method, again.call_id) == ("REGISTER", request.call_id)
    assert other != flow
