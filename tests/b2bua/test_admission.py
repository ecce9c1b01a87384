from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import pytest

from routerd.b2bua import effects as fx
from routerd.b2bua.settings import Limits
from routerd.sip.flow import Flow
from routerd.sip.serializer import serialize
from routerd.sip.transaction_layer import stateless_tag

if TYPE_CHECKING:
    from routerd.b2bua.admission import Party

TRUNK_AT = "203.0.113.10"
NUMBERS = [{"number": "+918069651170"}]


def trunk(name: str = "pstn", **more: Any) -> dict[str, Any]:
    return {"id": name, "target": f"sip:{TRUNK_AT}:5080", "addresses": [f"{TRUNK_AT}/32"], **more}


def party_of(world: Any) -> Party:
    return world.parties[-1]


# -- challenges


@pytest.mark.parametrize(
    "method", ["INVITE", "REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH", "INFO", "UPDATE", "FOO"]
)
def test_every_method_without_credentials_is_challenged_and_leaves_nothing(world: Any, phone: Any, method: str) -> None:
    answer = phone.send(phone.request(method, "sip:2002@acme.test"))
    assert answer.status == 401
    values = answer.get_all("WWW-Authenticate")
    assert ["algorithm=SHA-256" in values[0], "algorithm=MD5" in values[1]] == [True, True]
    assert all('realm="acme.test"' in value and 'qop="auth"' in value for value in values)
    assert len(world.layer) == 0
    assert world.parties == []


def test_a_retransmission_gets_the_same_to_tag(phone: Any) -> None:
    request = phone.request("INVITE", "sip:2002@acme.test")
    first, second = phone.send(request), phone.send(request)
    assert first.to.tag == second.to.tag == stateless_tag(request)
    other = phone.send(phone.request("INVITE", "sip:2002@acme.test"))
    assert other.to.tag != first.to.tag


def test_the_answer_goes_to_where_the_request_came_from(world: Any, phone: Any) -> None:
    request = phone.request("INVITE", via="SIP/2.0/UDP 10.9.9.9:5060;rport;branch=z9hG4bKq")
    world.receive(serialize(request), phone.flow)
    answer = phone.send(request)
    assert (answer.via.received, answer.via.rport) == ("198.51.100.7", "5070")


def test_options_to_the_server_needs_no_credentials(world: Any, phone: Any) -> None:
    assert phone.send(phone.request("OPTIONS", "sip:192.0.2.1:5060")).status == 200
    assert party_of(world).kind == "anyone"
    assert phone.send(phone.request("OPTIONS", "sip:2002@acme.test")).status == 401


def test_both_algorithms_and_both_headers(world: Any, phone: Any) -> None:
    for algorithm in ("SHA-256", "MD5"):
        for header in ("Authorization", "Proxy-Authorization"):
            challenge = phone.send(phone.request("OPTIONS", "sip:x@acme.test"))
            again = phone.request("OPTIONS", "sip:x@acme.test")
            again.add(header, phone.answer(challenge, again, algorithm=algorithm))
            assert phone.send(again).status == 200
    assert (party_of(world).kind, party_of(world).extension.id) == ("extension", "2001")


def test_credentials_serve_once(world: Any, phone: Any) -> None:
    challenge = phone.send(phone.request("OPTIONS", "sip:x@acme.test"))
    first = phone.request("OPTIONS", "sip:x@acme.test")
    value = phone.answer(challenge, first)
    first.add("Authorization", value)
    assert phone.send(first).status == 200
    replayed = phone.request("OPTIONS", "sip:x@acme.test")
    replayed.add("Authorization", value)
    answer = phone.send(replayed)
    assert answer.status == 401
    assert "stale=true" in answer.get_all("WWW-Authenticate")[0]
    counted = phone.request("OPTIONS", "sip:x@acme.test")
    counted.add("Authorization", phone.answer(challenge, counted, nc=2))
    assert phone.send(counted).status == 200
    elsewhere = phone.request("OPTIONS", "sip:y@acme.test")
    elsewhere.add("Authorization", phone.answer(challenge, elsewhere, nc=3, uri="sip:x@acme.test"))
    assert phone.send(elsewhere).status == 401
    assert len(world.parties) == 2


def test_known_and_unknown_users_look_the_same(world: Any, make_phone: Any) -> None:
    def shape(user: str, password: str) -> tuple[Any, ...]:
        phone = make_phone(world, user, password, address=("198.51.100.7", 5070))
        phone.call_id = f"call-{password}"
        answer = phone.authenticated(phone.request("REGISTER", None, ("Contact", phone.contact)))
        return answer.status, answer.reason, [name for name, _ in answer.fields], len(serialize(answer))

    assert shape("2001", "wrong") == shape("9999", "wrong")


def test_known_and_unknown_users_cost_the_same(world: Any, make_phone: Any) -> None:
    """Counted in hashes asked for, since a clock would make this test guess."""
    asked: dict[str, list[int]] = {"2001": [], "9999": []}
    verify = world.challenger.verify
    for user, counts in asked.items():
        for _ in range(5):
            looked_up: list[str] = []

            def watched(header: str, method: str, uri: str, password: Any, realm: str, now: float) -> Any:
                def lookup(username: str) -> str | None:
                    looked_up.append(username)  # noqa: B023 - called before the next round
                    return password(username)

                return verify(header, method, uri, lookup, realm, now)

            world.admission._challenger = Spy(world.challenger, watched)
            phone = make_phone(world, user, "wrong")
            phone.authenticated(phone.request("OPTIONS", "sip:x@acme.test"))
            world.pass_time(40)
            counts.append(len(looked_up))
    assert statistics.mean(asked["2001"]) == statistics.mean(asked["9999"]) == 1


class Spy:
    def __init__(self, challenger: Any, verify: Any) -> None:
        self.challenges = challenger.challenges
        self.verify = verify


# -- accounts


def test_the_domain_names_the_account(make_world: Any, make_phone: Any, document: Any) -> None:
    world = make_world(document(), document("beta"))
    for port, domain in enumerate(("acme", "beta"), 5070):
        phone = make_phone(world, domain=f"{domain}.test", address=("198.51.100.7", port))
        assert phone.register().status == 200
        assert party_of(world).account.account.id == domain


def test_without_a_domain_the_username_finds_its_account(make_world: Any, make_phone: Any, document: Any) -> None:
    only = [{"id": "3001", "username": "bob", "password": "three"}]
    world = make_world(document(), document("beta", extensions=only))
    phone = make_phone(world, "bob", "three", domain="192.0.2.1")
    answer = phone.send(phone.request("REGISTER"))
    assert 'realm="routerd"' in answer.get_all("WWW-Authenticate")[0]
    assert phone.authenticated(phone.request("OPTIONS", "sip:x@192.0.2.1")).status == 200
    assert party_of(world).account.account.id == "beta"
    shared = make_phone(world, domain="192.0.2.1", address=("198.51.100.7", 9))
    assert shared.register(to="<sip:2001@192.0.2.1>").status == 200
    assert party_of(world).account.account.id == "acme"


def test_nobody_is_known_without_accounts(make_world: Any, make_phone: Any, document: Any) -> None:
    world = make_world()
    world.exchange.snapshot.accounts.clear()
    world.exchange.snapshot.account_by_domain.clear()
    phone = make_phone(world)
    assert phone.authenticated(phone.request("OPTIONS", "sip:x@acme.test")).status == 401
    assert phone.send(phone.request("OPTIONS", "sip:acme.test")).status == 200
    assert document()["account"]["id"] == "acme"


# -- trunks


def test_a_trunk_is_known_by_its_address(make_world: Any, make_phone: Any, document: Any) -> None:
    world = make_world(document(trunks=[trunk()], numbers=NUMBERS))
    provider = make_phone(world, "+919812345678", address=(TRUNK_AT, 5080), domain="provider.example")
    assert provider.send(provider.request("INVITE", "sip:+918069651170@192.0.2.1")).status == 200
    found = party_of(world)
    assert (found.kind, found.trunk.id, found.source) == ("trunk", "pstn", TRUNK_AT)
    stranger = make_phone(world, "+919812345678", address=("203.0.113.11", 5080), domain="provider.example")
    assert stranger.send(stranger.request("INVITE", "sip:+918069651170@192.0.2.1")).status == 401


@pytest.mark.parametrize("claim", ["2001@acme.test", "2002@192.0.2.1", "alice@ACME.test:5060"])
def test_who_claims_to_be_a_phone_must_prove_it(make_world: Any, make_phone: Any, document: Any, claim: str) -> None:
    world = make_world(document(trunks=[trunk()], numbers=NUMBERS))
    phone = make_phone(world, address=(TRUNK_AT, 5080))
    request = phone.request("INVITE", "sip:+918069651170@192.0.2.1", from_=f"<sip:{claim}>")
    assert phone.send(request).status == 401
    assert phone.send(phone.request("REGISTER")).status == 401
    assert phone.register().status == 200


def test_addresses_come_from_the_packet_alone(make_world: Any, make_phone: Any, document: Any) -> None:
    world = make_world(document(trunks=[trunk()], numbers=NUMBERS))
    liar = make_phone(world, "x", address=("198.51.100.66", 5080), domain="provider.example")
    request = liar.request(
        "INVITE",
        "sip:+918069651170@192.0.2.1",
        ("Contact", f"<sip:x@{TRUNK_AT}>"),
        ("Route", "<sip:192.0.2.1;lr>"),
        ("X-Forwarded-For", TRUNK_AT),
        ("Via", f"SIP/2.0/UDP {TRUNK_AT};branch=z9hG4bKx;received={TRUNK_AT}"),
    )
    assert liar.send(request).status == 401


def test_a_trusted_proxy_says_whom_it_speaks_for(make_world: Any, make_phone: Any, document: Any) -> None:
    world = make_world(document(trunks=[trunk()], numbers=NUMBERS), trusted_proxies=("10.0.0.0/8",))
    proxy = make_phone(world, "x", address=("10.1.2.3", 5060), domain="provider.example")
    via = ("Via", f"SIP/2.0/UDP host.invalid;branch=z9hG4bKx;received={TRUNK_AT}")
    proxy.send(proxy.request("INVITE", "sip:+918069651170@192.0.2.1", via))
    assert (party_of(world).kind, party_of(world).source) == ("trunk", TRUNK_AT)
    by_name = ("Via", "SIP/2.0/UDP host.invalid;branch=z9hG4bKx")
    assert proxy.send(proxy.request("INVITE", "sip:+918069651170@192.0.2.1", by_name)).status == 401


def test_trunks_at_one_address_are_told_apart(make_world: Any, make_phone: Any, document: Any) -> None:
    acme = document(trunks=[trunk("a"), trunk("b", target=f"sip:{TRUNK_AT}:5090")], numbers=NUMBERS)
    beta = document("beta", trunks=[trunk("c", number_source="to")], numbers=[{"number": "+918069651171"}])
    world = make_world(acme, beta)

    def chosen(port: int, uri: str, to: str | None = None) -> tuple[str, str]:
        provider = make_phone(world, "+919812345678", address=(TRUNK_AT, port), domain="provider.example")
        provider.call_id = f"call-{port}-{len(world.parties)}"
        assert provider.send(provider.request("INVITE", uri, to=to)).status == 200
        return party_of(world).account.account.id, party_of(world).trunk.id

    assert chosen(5080, "sip:+918069651170@192.0.2.1") == ("acme", "a")
    assert chosen(5090, "sip:08069651170@192.0.2.1") == ("acme", "b")
    assert chosen(7000, "sip:x@192.0.2.1", "<sip:918069651171@192.0.2.1>") == ("beta", "c")
    assert chosen(5080, "sip:+15550000000@192.0.2.1") == ("acme", "a")


def test_a_trunk_by_digest(make_world: Any, make_phone: Any, document: Any) -> None:
    auth = {"username": "carrier", "password": "trunk-secret"}
    world = make_world(document(trunks=[trunk(addresses=[], auth=auth)], numbers=NUMBERS))
    provider = make_phone(world, "carrier", "trunk-secret", domain="acme.test")
    assert provider.authenticated(provider.request("INVITE", "sip:+918069651170@acme.test")).status == 200
    assert (party_of(world).kind, party_of(world).trunk.id) == ("trunk", "pstn")
    assert provider.authenticated(provider.request("INVITE", "sip:x@acme.test"), password="no").status == 401


def test_a_new_snapshot_brings_new_addresses(make_world: Any, make_phone: Any, document: Any) -> None:
    world = make_world(document())
    provider = make_phone(world, "x", address=(TRUNK_AT, 5080), domain="provider.example")
    assert provider.send(provider.request("INVITE")).status == 401
    world.install(document(trunks=[trunk()]))
    assert provider.send(provider.request("INVITE")).status == 200


# -- limits and bans


def guess(world: Any, make_phone: Any, times: int, port: int = 1, host: str = "198.51.100.66", **change: str) -> Any:
    phone = make_phone(world, address=(host, port))
    for turn in range(times):
        phone.call_id = f"guess-{host}-{port}-{turn}"
        answer = phone.authenticated(phone.request("OPTIONS", "sip:x@acme.test"), password=f"no{turn}", **change)
        assert answer.status == 401
    return phone


def test_guessing_bans_the_source(make_world: Any, make_phone: Any) -> None:
    world = make_world(limits=Limits(failures_before_ban=5, ban_s=300))
    phone = guess(world, make_phone, 5)
    assert [e for e in world.effects if isinstance(e, fx.Ban)] == [fx.Ban("198.51.100.66", 300, "guessing")]
    assert {"address": "198.51.100.66", "for_s": 300.0, "reason": "guessing", "proven": True} in world.published(
        "security.ban"
    )
    assert phone.send(phone.request("OPTIONS", "sip:192.0.2.1")).status == 403
    assert world.admission.bans(world.now)[0]["address"] == "198.51.100.66"
    world.pass_time(301)
    assert phone.send(phone.request("OPTIONS", "sip:192.0.2.1")).status == 200


def test_the_right_password_in_time_forgives(make_world: Any, make_phone: Any) -> None:
    world = make_world(limits=Limits(failures_before_ban=3))
    for turn in range(4):
        phone = guess(world, make_phone, 2)
        world.pass_time(40)
        phone.call_id = f"remembered-{turn}"
        assert phone.register().status == 200
    assert world.admission.bans(world.now) == []


def test_a_nonce_that_is_not_ours_is_no_guess(make_world: Any, make_phone: Any) -> None:
    world = make_world(limits=Limits(failures_before_ban=2))
    elsewhere = make_world(limits=Limits(failures_before_ban=2))
    elsewhere.challenger._secret = b"another secret!!"
    for turn in range(6):
        phone = make_phone(elsewhere)
        challenge = phone.send(phone.request("OPTIONS", "sip:x@acme.test"))
        mine = make_phone(world)
        mine.call_id = f"kept-{turn}"
        request = mine.request("OPTIONS", "sip:x@acme.test")
        request.add("Authorization", mine.answer(challenge, request))
        assert mine.send(request).status == 401
    assert world.admission.bans(world.now) == []


def test_a_forged_source_locks_nobody_out(make_world: Any, make_phone: Any) -> None:
    """The attacker has a nonce of his own and writes the victim's address into his packets."""
    world = make_world(limits=Limits(failures_before_ban=3))
    victim = make_phone(world)
    assert victim.register().status == 200
    attacker = make_phone(world, address=("198.51.100.66", 1))
    for turn in range(20):
        attacker.call_id = f"forged-{turn}"
        challenge = attacker.send(attacker.request("OPTIONS", "sip:x@acme.test"))
        forged = attacker.request("OPTIONS", "sip:x@acme.test")
        forged.add("Authorization", attacker.answer(challenge, forged, password="no"))
        world.receive(serialize(forged), victim.flow)
    assert [e for e in world.effects if isinstance(e, fx.Ban)] == []
    world.pass_time(40)
    assert victim.register().status == 200
    elsewhere = make_phone(world, address=("198.51.100.8", 1))
    assert elsewhere.register().status == 200


def test_who_never_returns_the_seal_is_shut_out_apart(make_world: Any, make_phone: Any) -> None:
    world = make_world(limits=Limits(failures_before_ban=3))
    phone = make_phone(world)

    def unsealed(turn: int, **change: str) -> int:
        phone.call_id = f"unsealed-{turn}"
        challenge = phone.send(phone.request("OPTIONS", "sip:x@acme.test"))
        for at, (name, value) in enumerate(challenge.fields):
            if name == "WWW-Authenticate":
                challenge.fields[at] = (name, value.partition(", opaque")[0])
        request = phone.request("OPTIONS", "sip:x@acme.test")
        request.add("Authorization", phone.answer(challenge, request, **change))
        return phone.send(request).status

    assert unsealed(0) == 200
    assert [unsealed(turn, password="no") for turn in (1, 2, 3)] == [401] * 3
    assert unsealed(4) == 401
    assert world.published("security.ban")[0]["proven"] is False
    world.pass_time(40)
    assert phone.register().status == 200
    world.pass_time(300)
    assert unsealed(5) == 200


def test_guessing_from_many_places_does_not_lock_the_user_out(make_world: Any, make_phone: Any) -> None:
    world = make_world(limits=Limits(failures_before_ban=5))
    phone = make_phone(world)
    assert phone.register().status == 200
    for turn in range(6):
        guess(world, make_phone, 1, host=f"198.51.100.{100 + turn}")
    assert {"account": "acme", "user": "2001", "for_s": 300.0, "reason": "guessing"} in world.published("security.ban")
    world.pass_time(40)
    assert phone.register().status == 200
    lucky = make_phone(world, address=("198.51.100.200", 1))
    assert lucky.register().status == 401
    world.pass_time(300)
    lucky.call_id = "later"
    assert lucky.register().status == 200


def test_a_trunk_address_is_not_banned_for_a_guesser_behind_it(make_world: Any, make_phone: Any, document: Any) -> None:
    world = make_world(document(trunks=[trunk()], numbers=NUMBERS), limits=Limits(failures_before_ban=3))
    phone = guess(world, make_phone, 4, host=TRUNK_AT)
    assert [e for e in world.effects if isinstance(e, fx.Ban)] == []
    assert phone.register().status == 401
    provider = make_phone(world, "+919812345678", address=(TRUNK_AT, 5080), domain="provider.example")
    assert provider.send(provider.request("INVITE", "sip:+918069651170@192.0.2.1")).status == 200


def test_too_many_requests_of_one_source(make_world: Any, make_phone: Any, document: Any) -> None:
    limits = Limits(requests_per_second_by_source=1, request_burst_by_source=3)
    world = make_world(document(trunks=[trunk()]), limits=limits)
    phone = make_phone(world)
    answers = [phone.send(phone.request("OPTIONS", "sip:192.0.2.1")) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 503, 503]
    assert answers[-1].get("Retry-After") == "5"
    world.pass_time(2)
    assert phone.send(phone.request("OPTIONS", "sip:192.0.2.1")).status == 200
    provider = make_phone(world, "x", address=(TRUNK_AT, 5080), domain="provider.example")
    assert {provider.send(provider.request("INVITE")).status for _ in range(9)} == {200}


def test_an_admin_bans_and_lifts(world: Any, phone: Any) -> None:
    world.admission.ban("198.51.100.7", 60, "admin", world.now)
    assert phone.send(phone.request("OPTIONS", "sip:192.0.2.1")).status == 403
    assert world.admission.unban("198.51.100.7")
    assert not world.admission.unban("198.51.100.7")
    assert phone.send(phone.request("OPTIONS", "sip:192.0.2.1")).status == 200
    assert fx.Ban("198.51.100.7", 0.0, "lifted") in world.effects


def test_a_malformed_address_is_400_and_no_crash(world: Any, phone: Any) -> None:
    request = phone.request("REGISTER", to="<sip:%zz@acme.test>")
    refusal = world.admission.quick(request, phone.flow, world.now)
    assert refusal.status == 400
    assert isinstance(phone.flow, Flow)
