"""Enumeration and guessing: known and unknown users look alike; guessers are shut out, their victims are not."""

from __future__ import annotations

import random
import re
import time

import pytest
from b2bua_kit.peer import Peer, Phone
from b2bua_kit.wire import Wire

from routerd.b2bua import effects as fx
from routerd.b2bua.settings import Limits
from routerd.sip import build, digest
from routerd.sip.message import Response
from routerd.sip.serializer import serialize

TRIES = [50, pytest.param(1000, marks=pytest.mark.soak)]
PATIENT = Limits(failures_before_ban=10**6, requests_per_second_by_source=1e9, request_burst_by_source=10**9)


def guess(peer: Peer, method: str, user: str, password: str = "wrong") -> list[Response]:
    """One try, challenge answered; both answers."""
    uri = "sip:acme.test" if method == "REGISTER" else "sip:1001@acme.test"
    extra = [("Contact", peer.contact)]
    who = f"<sip:{user}@acme.test>"
    answers: list[Response] = []
    for _ in range(2):
        first = peer.request(method, uri, extra, from_=who, to=who)
        response = peer.inbox.pop()
        assert isinstance(response, Response)
        if method == "INVITE":
            peer.send(build.ack_for_failure(first, response))
        answers.append(response)
        if response.status != 401:
            break
        challenge = digest.choose_challenge(response.get_all("WWW-Authenticate"), None)
        assert challenge is not None
        value = digest.authorization(
            challenge, method=method, uri=uri, username=user, password=password, cnonce="c", nc=1
        )
        extra = [*extra, ("Authorization", value)]
    return answers


def shape(response: Response) -> tuple[int, tuple[str, ...], str]:
    """All of an answer that is not chance: numbers and nonces blotted out."""
    blotted = [re.sub(r'nonce="[^"]*"|tag=[^;]*|branch=[^;]*|id-\S+', "", value) for _, value in response.fields]
    text = re.sub(r"\b\d{4}@|: \d+ ", "", "\n".join(blotted))
    return response.status, tuple(name for name, _ in response.fields), re.sub(r"\d+", "", text)


@pytest.mark.parametrize("tries", TRIES)
@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE"])
def test_known_and_unknown_users_get_the_same_answers(method: str, tries: int) -> None:
    wire = Wire(limits=PATIENT)
    peer = Peer(wire, "203.0.113.50")
    shapes = set()
    sizes = set()
    for _ in range(tries):
        for user in ("2001", "2999"):
            answers = guess(peer, method, user)
            shapes.add(tuple(shape(answer) for answer in answers))
            sizes.add(tuple(len(re.sub(rb"id-\S+|tag-\S+|branch=\S+", b"", serialize(answer))) for answer in answers))
    assert len(shapes) == 1, shapes
    assert len(sizes) == 1
    wire.assert_quiet()


@pytest.mark.soak
def test_known_and_unknown_users_take_the_same_time() -> None:
    """The area under the ROC curve: how well the time tells a known user from an unknown one; a coin's is 0.5."""
    wire = Wire(limits=PATIENT)
    peer = Peer(wire, "203.0.113.50")
    taken: dict[str, list[float]] = {"2001": [], "2999": []}
    chance = random.Random(7)
    for _ in range(1000):
        for user in chance.sample(list(taken), 2):
            began = time.perf_counter()
            guess(peer, "REGISTER", user)
            taken[user].append(time.perf_counter() - began)
    wins = sum(known > unknown for known in taken["2001"] for unknown in taken["2999"])
    area = wins / (len(taken["2001"]) * len(taken["2999"]))
    print(f"\narea under the ROC curve: {area:.3f}")
    assert 0.45 <= area <= 0.55


def test_a_guesser_is_shut_out_before_the_right_password_comes() -> None:
    wire = Wire()
    thief = Peer(wire, "203.0.113.66")
    answers = [guess(thief, "REGISTER", "2001", f"try-{number}") for number in range(25)]
    assert {answer[-1].status for answer in answers} == {401, 403}
    assert guess(thief, "REGISTER", "2001", "secret-2001")[-1].status == 403
    bans = [effect for effect in wire.effects if isinstance(effect, fx.Ban)]
    assert [(ban.address, ban.reason) for ban in bans] == [("203.0.113.66", "guessing")]


def test_a_user_whose_password_is_guessed_from_many_places_stays_reachable_from_his_own() -> None:
    wire = Wire()
    phone = Phone(wire, "2001", "198.51.100.1", register=False)
    register = ("REGISTER", "sip:acme.test", [("Contact", phone.contact)])
    assert phone.authorized(*register, to="<sip:2001@acme.test>").status == 200
    for number in range(60):
        guess(Peer(wire, f"203.0.113.{number}"), "REGISTER", "2001")
    late = Peer(wire, "203.0.113.200")
    assert guess(late, "REGISTER", "2001", "secret-2001")[-1].status == 401
    assert phone.authorized(*register, to="<sip:2001@acme.test>").status == 200
    wire.wait(400)
    assert guess(late, "REGISTER", "2001", "secret-2001")[-1].status == 200


def test_a_spoofed_source_locks_nobody_out() -> None:
    """Who cannot hear the challenge has no seal of that address: his failures are not that address's."""
    wire = Wire()
    phone = Phone(wire, "2001", "198.51.100.1", register=False)
    deaf = Peer(wire, "203.0.113.66")
    for number in range(100):
        challenge = deaf.request("REGISTER", "sip:acme.test", to="<sip:2001@acme.test>") and deaf.inbox.pop()
        assert isinstance(challenge, Response)
        found = digest.choose_challenge(challenge.get_all("WWW-Authenticate"), None)
        assert found is not None
        value = digest.authorization(
            found, method="REGISTER", uri="sip:acme.test", username="2001", password=f"x{number}", cnonce="c", nc=1
        )
        forged = build.request(
            "REGISTER",
            "sip:acme.test",
            via=phone.branch(),
            from_="<sip:2001@acme.test>;tag=f",
            to="<sip:2001@acme.test>",
            call_id=f"forged-{number}",
            cseq=1,
            extra=[("Authorization", value)],
        )
        wire.receive(serialize(forged), phone.flow)
        phone.inbox.clear()
    register = ("REGISTER", "sip:acme.test", [("Contact", phone.contact)])
    assert phone.authorized(*register, to="<sip:2001@acme.test>").status == 200
    assert not [effect for effect in wire.effects if isinstance(effect, fx.Ban) and effect.address == phone.address[0]]
