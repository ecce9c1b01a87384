from __future__ import annotations

import hashlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routerd.errors import LocalProtocolError, ParseError
from routerd.sip.digest import (
    HASHES,
    MAX_HEADER,
    Challenger,
    Outcome,
    Verdict,
    authorization,
    choose_challenge,
    choose_credentials,
    parse_parameters,
    same_uri,
)

SECRET = b"thirty-two bytes of test secret!"
REALM = "pbx.example.com"
URI = "sip:pbx.example.com"
PASSWORDS = {"alice": "wonderland", "bob": "builder"}


def challenger(**settings: object) -> Challenger:
    return Challenger(SECRET, **settings)  # type: ignore[arg-type]


def answer(
    challenge: str,
    *,
    username: str = "alice",
    password: str = "wonderland",
    uri: str = URI,
    method: str = "REGISTER",
    nc: int = 1,
) -> str:
    return authorization(
        challenge, method=method, uri=uri, username=username, password=password, cnonce="0a4f113b", nc=nc
    )


def judge(
    server: Challenger, header: str, now: float = 1.0, *, uri: str = URI, method: str = "REGISTER", realm: str = REALM
) -> Verdict:
    return server.verify(header, method, uri, PASSWORDS.get, realm, now)


def outcome(server: Challenger, header: str, now: float = 1.0) -> Outcome:
    return judge(server, header, now).outcome


def edited(header: str, old: str, new: str) -> str:
    assert old in header
    return header.replace(old, new)


# -- vectors ----------------------------------------------------------------------------------------------------------

RFC7616_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
RFC7616_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
RFC7616_OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    challenge = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{RFC7616_NONCE}", opaque="{RFC7616_OPAQUE}"'
    )
    header = authorization(
        challenge,
        method="GET",
        uri="/dir/index.html",
        username="Mufasa",
        password="Circle of Life",
        cnonce=RFC7616_CNONCE,
    )
    parameters = parse_parameters(header)
    assert parameters == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": RFC7616_NONCE,
        "nc": "00000001",
        "cnonce": RFC7616_CNONCE,
        "qop": "auth",
        "response": response,
        "opaque": RFC7616_OPAQUE,
    }


def test_the_example_of_rfc_2617_section_3_5() -> None:
    challenge = (
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    header = authorization(
        challenge,
        method="GET",
        uri="/dir/index.html",
        username="Mufasa",
        password="Circle Of Life",
        cnonce="0a4f113b",
    )
    parameters = parse_parameters(header)
    assert parameters is not None
    assert parameters["response"] == "6629fae49393a05397450978507c4ef1"
    assert "algorithm" not in parameters


def test_a_challenge_without_qop_gets_the_old_answer() -> None:
    challenge = 'Digest realm="r", nonce="n", algorithm=MD5'
    parameters = parse_parameters(answer(challenge))
    assert parameters is not None
    ha1 = hashlib.md5(b"alice:r:wonderland").hexdigest()
    ha2 = hashlib.md5(b"REGISTER:sip:pbx.example.com").hexdigest()
    assert parameters["response"] == hashlib.md5(f"{ha1}:n:{ha2}".encode()).hexdigest()
    assert not {"qop", "nc", "cnonce"} & parameters.keys()


def test_the_body_counts_where_only_auth_int_is_offered() -> None:
    challenge = 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth-int"'
    made = [
        parse_parameters(
            authorization(challenge, method="INVITE", uri=URI, username="a", password="b", cnonce="c", nc=2, body=body)
        )
        for body in (b"one", b"two")
    ]
    ha1 = hashlib.md5(b"a:r:b").hexdigest()
    ha2 = hashlib.md5(f"INVITE:{URI}:{hashlib.md5(b'one').hexdigest()}".encode()).hexdigest()
    assert made[0] is not None
    assert made[1] is not None
    assert made[0]["qop"] == "auth-int"
    assert made[0]["response"] == hashlib.md5(f"{ha1}:n:00000002:c:auth-int:{ha2}".encode()).hexdigest()
    assert made[0]["response"] != made[1]["response"]


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        'Basic realm="r"',
        'Digest realm="r"',
        'Digest nonce="n"',
        'Digest realm="r", nonce="n", algorithm=MD5-sess',
        'Digest realm="r", nonce="n", algorithm=CRC32',
        'Digest realm="r", nonce="n", qop="auth-conf"',
        'Digest realm="r, nonce="n"',
    ],
)
def test_a_challenge_that_cannot_be_answered(challenge: str) -> None:
    assert choose_challenge([challenge], None) is None
    with pytest.raises(ParseError):
        answer(challenge)


# -- challenges and good answers --------------------------------------------------------------------------------------


def test_one_challenge_an_algorithm_in_order_with_qop() -> None:
    first, second = challenger().challenges(REALM, 1.0)
    assert "algorithm=SHA-256" in first
    assert "algorithm=MD5" in second
    for challenge in (first, second):
        assert 'qop="auth"' in challenge
        assert "stale" not in challenge
        assert "userhash" not in challenge
    assert all(", stale=true" in challenge for challenge in challenger().challenges(REALM, 1.0, stale=True))


def test_no_nonce_is_given_twice_even_at_one_time() -> None:
    server = challenger()
    nonces = [
        (parse_parameters(challenge) or {})["nonce"] for _ in range(100) for challenge in server.challenges(REALM, 7.0)
    ]
    assert len(set(nonces)) == 200


@pytest.mark.parametrize("algorithm", list(HASHES))
def test_good_credentials_with_every_algorithm(algorithm: str) -> None:
    server = challenger(algorithms=(algorithm,))
    verdict = judge(server, answer(server.challenges(REALM, 1.0)[0]))
    assert verdict.good
    assert verdict.genuine
    assert not verdict.stale
    assert verdict.username == "alice"


def test_a_client_that_knows_only_md5_is_served() -> None:
    server = challenger()
    assert outcome(server, answer(server.challenges(REALM, 1.0)[1])) is Outcome.GOOD


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("algorithm=SHA-256", 'algorithm="SHA-256"'),
        ("algorithm=SHA-256", "algorithm=sha-256"),
        ("qop=auth", 'qop="auth"'),
        (", ", ","),
        (", ", "  ,\t "),
        (", ", " , , "),
        ("nc=", "NC = "),
        ("Digest ", "DIGEST   "),
        ("nc=00000001", 'nc="00000001"'),
    ],
)
def test_the_spellings_of_other_phones(old: str, new: str) -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0])
    assert outcome(server, edited(header, old, new)) is Outcome.GOOD


def test_upper_case_response() -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0])
    response = (parse_parameters(header) or {})["response"]
    assert outcome(server, edited(header, response, response.upper())) is Outcome.GOOD


def test_the_nonce_goes_on_with_a_growing_count() -> None:
    server = challenger()
    challenge = server.challenges(REALM, 1.0)[0]
    seen = [outcome(server, answer(challenge, nc=nc), 2.0) for nc in (1, 2, 3, 10, 0xFFFFFFFF)]
    assert seen == [Outcome.GOOD] * 5
    assert len(server) == 1


NAMES = st.text(min_size=1, max_size=20)


@settings(max_examples=150)
@given(username=NAMES, password=st.text(max_size=20), realm=NAMES, algorithm=st.sampled_from(list(HASHES)))
def test_what_the_client_side_answers_the_server_side_takes(
    username: str, password: str, realm: str, algorithm: str
) -> None:
    server = challenger(algorithms=(algorithm,))
    challenge = server.challenges(realm, 5.0)[0]
    assert choose_challenge([challenge], realm) == challenge
    header = answer(challenge, username=username, password=password)
    assert choose_credentials([header], realm) == header
    asked: list[str] = []

    def known(name: str) -> str:
        asked.append(name)
        return password

    verdict = server.verify(header, "REGISTER", URI, known, realm, 5.0)
    assert verdict.good
    assert asked == [username]


def test_a_phone_that_hashes_the_escaped_name() -> None:
    server = challenger(algorithms=("MD5",))
    nonce = (parse_parameters(server.challenges(REALM, 1.0)[0]) or {})["nonce"]
    escaped = 'al\\"ice'
    ha1 = hashlib.md5(f"{escaped}:{REALM}:pw".encode()).hexdigest()
    ha2 = hashlib.md5(f"REGISTER:{URI}".encode()).hexdigest()
    response = hashlib.md5(f"{ha1}:{nonce}:00000001:c:auth:{ha2}".encode()).hexdigest()
    header = (
        f'Digest username="{escaped}", realm="{REALM}", nonce="{nonce}", uri="{URI}", response="{response}", '
        'algorithm=MD5, qop=auth, nc=00000001, cnonce="c"'
    )
    verdict = server.verify(header, "REGISTER", URI, {'al"ice': "pw"}.get, REALM, 1.0)
    assert verdict.good
    assert verdict.username == 'al"ice'


def test_an_extended_user_name() -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0], username="Jäsøn Doe", password="pw")
    extended = edited(header, 'username="Jäsøn Doe"', "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe")
    verdict = server.verify(extended, "REGISTER", URI, {"Jäsøn Doe": "pw"}.get, REALM, 1.0)
    assert verdict.good
    assert verdict.username == "Jäsøn Doe"


@pytest.mark.parametrize(
    "extended", ["UTF-8''%C3", "UTF-8''%GG", "UTF-8''%1", "UTF-8''ä", "ISO-8859-1''x", "UTF-8'x", "x", "UTF-8''a%  "]
)
def test_a_broken_extended_user_name(extended: str) -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0])
    assert outcome(server, edited(header, 'username="alice"', f"username*={extended}")) is Outcome.MALFORMED


def test_two_user_names_are_none() -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0])
    assert outcome(server, header + ", username*=UTF-8''alice") is Outcome.MALFORMED


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_a_wrong_password() -> None:
    server = challenger()
    verdict = judge(server, answer(server.challenges(REALM, 1.0)[0], password="wrong"))
    assert (verdict.outcome, verdict.genuine, verdict.username) == (Outcome.BAD, True, "alice")
    assert len(server) == 0


def test_a_wrong_method() -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0], method="REGISTER")
    assert judge(server, header, method="INVITE").outcome is Outcome.BAD


def test_a_failure_does_not_use_the_nonce_up() -> None:
    server = challenger()
    challenge = server.challenges(REALM, 1.0)[0]
    assert outcome(server, answer(challenge, password="wrong")) is Outcome.BAD
    assert outcome(server, answer(challenge)) is Outcome.GOOD


def test_an_unknown_user_is_told_apart_inside_only() -> None:
    server = challenger()
    verdict = judge(server, answer(server.challenges(REALM, 1.0)[0], username="mallory"))
    assert (verdict.outcome, verdict.genuine, verdict.good, verdict.stale) == (Outcome.UNKNOWN_USER, True, False, False)


def test_an_unknown_user_costs_the_same_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    server = challenger()
    hashed: list[int] = []

    def counting(data: bytes) -> str:
        hashed.append(len(data))
        return hashlib.sha256(data).hexdigest()

    counts = []
    monkeypatch.setitem(HASHES, "SHA-256", counting)
    for username in ("alice", "nobody"):
        header = answer(server.challenges(REALM, 1.0)[0], username=username, password="wrong")
        hashed.clear()
        judge(server, header)
        counts.append(len(hashed))
    assert counts == [3, 3]


def test_the_dummy_password_lets_nobody_in() -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0], username="mallory", password=server._dummy)
    assert outcome(server, header) is Outcome.UNKNOWN_USER
    assert len(server) == 0


def test_replays_are_refused() -> None:
    server = challenger()
    challenge = server.challenges(REALM, 1.0)[0]
    assert outcome(server, answer(challenge, nc=5)) is Outcome.GOOD
    assert outcome(server, answer(challenge, nc=5)) is Outcome.REPLAY
    assert outcome(server, answer(challenge, nc=4)) is Outcome.REPLAY
    assert judge(server, answer(challenge, nc=5)).stale
    assert outcome(server, answer(challenge, nc=6)) is Outcome.GOOD


def test_a_replay_with_another_count_fails() -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0])
    assert outcome(server, header) is Outcome.GOOD
    assert outcome(server, edited(header, "nc=00000001", "nc=00000002")) is Outcome.BAD


def test_a_replay_to_another_uri_fails() -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0], method="INVITE", uri="sip:100@pbx.example.com")
    for other in ("sip:101@pbx.example.com", "sip:100@pbx.example.org", "sips:100@pbx.example.com", "tel:100"):
        assert judge(server, header, uri=other, method="INVITE").outcome is Outcome.BAD
    assert judge(server, header, uri="sip:100@pbx.example.com;user=phone", method="INVITE").outcome is Outcome.GOOD


def test_an_old_nonce_is_stale_only_for_who_knows_the_password() -> None:
    server = challenger(nonce_life_s=30)
    challenge = server.challenges(REALM, 100.0)[0]
    late = judge(server, answer(challenge), 130.1)
    assert late.outcome is Outcome.STALE
    assert late.stale
    assert outcome(server, answer(challenge, password="wrong"), 130.1) is Outcome.BAD
    assert outcome(server, answer(challenge, username="mallory"), 130.1) is Outcome.UNKNOWN_USER
    assert outcome(server, answer(challenge), 129.9) is Outcome.GOOD


def test_a_nonce_in_use_grows_old_too() -> None:
    server = challenger(nonce_life_s=30)
    challenge = server.challenges(REALM, 100.0)[0]
    assert outcome(server, answer(challenge, nc=1), 101.0) is Outcome.GOOD
    assert outcome(server, answer(challenge, nc=2), 131.0) is Outcome.STALE


def test_forged_nonces_are_plain_failures() -> None:
    server = challenger()
    genuine = server.challenges(REALM, 1.0)[0]
    nonce = (parse_parameters(genuine) or {})["nonce"]
    later = f"{int(nonce[:16], 16) + 10**9:016x}{nonce[16:]}"
    for forged in (later, nonce[:-1], nonce + "0", nonce.upper() + "x", "x", "ä" * 48, "0" * 48):
        verdict = judge(server, answer(edited(genuine, nonce, forged)))
        assert (verdict.outcome, verdict.genuine, verdict.stale) == (Outcome.BAD, False, False)


def test_nonces_of_another_secret_realm_or_algorithm_are_forged() -> None:
    server = challenger()
    other_secret = Challenger(b"another secret of some length...").challenges(REALM, 1.0)[0]
    other_realm = edited(server.challenges("elsewhere", 1.0)[0], '"elsewhere"', f'"{REALM}"')
    other_algorithm = edited(server.challenges(REALM, 1.0)[0], "SHA-256", "MD5")
    for challenge in (other_secret, other_realm, other_algorithm):
        assert outcome(server, answer(challenge)) is Outcome.BAD


def test_credentials_for_another_realm() -> None:
    server = challenger()
    header = answer(server.challenges("elsewhere", 1.0)[0])
    assert judge(server, header).outcome is Outcome.BAD
    assert judge(server, header, realm="elsewhere").outcome is Outcome.GOOD


def test_credentials_that_only_claim_another_realm() -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0])
    assert outcome(server, edited(header, f'realm="{REALM}"', 'realm="elsewhere"')) is Outcome.BAD


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Digest ", "Basic "),
        ("Digest ", "Digest"),
        ("qop=auth, ", ""),
        ("qop=auth", "qop=auth-int"),
        ("qop=auth", 'qop="auth,auth-int"'),
        ("nc=00000001, ", ""),
        ("nc=00000001", "nc=00000000"),
        ("nc=00000001", "nc=000000001"),
        ("nc=00000001", "nc=-0000001"),
        ("nc=00000001", "nc=0x000001"),
        ("nc=00000001", "nc="),
        (', cnonce="0a4f113b"', ""),
        ('cnonce="0a4f113b"', 'cnonce=""'),
        ("algorithm=SHA-256, ", "algorithm=SHA-256-sess, "),
        ("algorithm=SHA-256", "algorithm=SHA-512-256"),
        ('username="alice", ', ""),
        (f'uri="{URI}", ', ""),
        (f'realm="{REALM}"', ""),
        ("qop=auth", "qop=auth, userhash=true"),
        ("qop=auth", "qop=auth, qop=auth"),
        ('cnonce="0a4f113b"', 'cnonce="0a4f113b'),
        ('cnonce="0a4f113b"', 'cnonce="0a4f113b" x'),
        ("qop=auth", "qop=auth, oops"),
    ],
)
def test_what_is_not_offered_is_malformed(old: str, new: str) -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[0])
    assert outcome(server, edited(header, old, new)) is Outcome.MALFORMED


def test_no_algorithm_means_md5() -> None:
    md5_too = challenger()
    header = edited(answer(md5_too.challenges(REALM, 1.0)[1]), "algorithm=MD5, ", "")
    assert outcome(md5_too, header) is Outcome.GOOD
    assert outcome(challenger(algorithms=("SHA-256",)), header) is Outcome.MALFORMED


@pytest.mark.parametrize(
    "settings",
    [
        {"algorithms": ("SHA-1",)},
        {"algorithms": ()},
        {"algorithms": ("SHA-256", "MD5-sess")},
        {"table_size": 0},
        {"secret": b"short"},
    ],
)
def test_a_challenger_that_cannot_serve_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(LocalProtocolError):
        Challenger(**{"secret": SECRET, **settings})  # type: ignore[arg-type]


# -- the bounded table ------------------------------------------------------------------------------------------------


def test_an_evicted_nonce_never_comes_back() -> None:
    server = challenger(table_size=2)
    first, second, third = (server.challenges(REALM, now)[0] for now in (1.0, 2.0, 3.0))
    for challenge in (first, second, third):
        assert outcome(server, answer(challenge, nc=7), 4.0) is Outcome.GOOD
    assert len(server) == 2
    assert outcome(server, answer(first, nc=7), 4.0) is Outcome.STALE
    assert outcome(server, answer(first, nc=8), 4.0) is Outcome.STALE
    assert outcome(server, answer(second, nc=7), 4.0) is Outcome.REPLAY
    assert outcome(server, answer(second, nc=8), 4.0) is Outcome.GOOD


def test_unused_nonces_under_the_floor_are_stale_and_newer_ones_serve() -> None:
    server = challenger(table_size=1)
    unused_old, used, unused_new = (server.challenges(REALM, now)[0] for now in (1.0, 2.0, 3.0))
    assert outcome(server, answer(used), 4.0) is Outcome.GOOD
    assert outcome(server, answer(server.challenges(REALM, 4.0)[0]), 4.0) is Outcome.GOOD
    assert outcome(server, answer(unused_old), 4.0) is Outcome.STALE
    assert outcome(server, answer(unused_new), 4.0) is Outcome.GOOD


def test_the_nonce_unused_for_longest_leaves() -> None:
    server = challenger(table_size=2)
    first, second, third = (server.challenges(REALM, now)[0] for now in (1.0, 2.0, 3.0))
    for challenge, nc in ((first, 1), (second, 1), (first, 2), (third, 1)):
        assert outcome(server, answer(challenge, nc=nc), 4.0) is Outcome.GOOD
    assert outcome(server, answer(first, nc=3), 4.0) is Outcome.GOOD
    assert outcome(server, answer(second, nc=2), 4.0) is Outcome.STALE


def test_failures_leave_no_memory() -> None:
    server = challenger()
    for index in range(200):
        challenge = server.challenges(REALM, 1.0 + index)[0]
        outcome(server, answer(challenge, password="wrong"), 1.0 + index)
        outcome(server, answer(challenge, username="nobody"), 1.0 + index)
    assert len(server) == 0


@settings(max_examples=60)
@given(
    table_size=st.integers(min_value=1, max_value=4),
    uses=st.lists(st.tuples(st.integers(0, 7), st.integers(1, 4), st.floats(0, 3)), max_size=40),
)
def test_no_pair_of_nonce_and_count_is_ever_good_twice(table_size: int, uses: list[tuple[int, int, float]]) -> None:
    server = challenger(table_size=table_size, nonce_life_s=40, algorithms=("MD5",))
    challenges = [server.challenges(REALM, 1.0 + index)[0] for index in range(8)]
    highest: dict[int, int] = {}
    now = 10.0
    for index, nc, pause in uses:
        now += pause
        if outcome(server, answer(challenges[index], nc=nc), now) is Outcome.GOOD:
            assert nc > highest.get(index, 0)
            highest[index] = nc
        assert len(server) <= table_size


# -- choosing ---------------------------------------------------------------------------------------------------------


def test_the_strongest_challenge_is_chosen() -> None:
    made = {name: f'Digest realm="r", nonce="n", algorithm={name}, qop="auth"' for name in HASHES}
    assert choose_challenge(list(made.values())[::-1], "r") == made[next(iter(HASHES))]
    assert choose_challenge([made["MD5"], made["SHA-256"]], None) == made["SHA-256"]
    assert choose_challenge([made["MD5"], made["SHA-256"]], "other") is None
    assert choose_challenge([], "r") is None


def test_the_first_of_equals_is_chosen() -> None:
    first, second = (f'Digest realm="r", nonce="{nonce}", algorithm=MD5' for nonce in "ab")
    assert choose_challenge([first, second], "r") == first


def test_the_strength_order() -> None:
    assert [name for name in HASHES if name != "SHA-512-256"] == ["SHA-256", "MD5"]
    assert next(iter(HASHES)) in {"SHA-512-256", "SHA-256"}


def test_a_challenge_without_algorithm_is_md5() -> None:
    bare = 'Digest realm="r", nonce="n"'
    strong = 'Digest realm="r", nonce="n", algorithm=SHA-256'
    assert choose_challenge([bare], "r") == bare
    assert choose_challenge([bare, strong], "r") == strong


def test_credentials_are_chosen_by_realm() -> None:
    ours, theirs = (f'Digest username="a", realm="{realm}"' for realm in ("ours", "theirs"))
    assert choose_credentials(["Basic eA==", theirs, ours], "ours") == ours
    assert choose_credentials([theirs], "ours") is None


@pytest.mark.parametrize(
    ("given_uri", "requested", "same"),
    [
        ("sip:a@h", "sip:a@h", True),
        ("sip:a@h", "sip:a@H:5060;transport=udp", True),
        ("sips:a@h:5061", "sips:a@h", True),
        ("sip:%61@h", "sip:a@h", True),
        ("sip:a@h", "sip:A@h", False),
        ("sip:a@h", "sip:h", False),
        ("sip:a@h", "sip:a@h:5062", False),
        ("sip:a@h", "sips:a@h", False),
        ("sip:a@h:5061", "sips:a@h", False),
        ("sip:[2001:db8::1]", "sip:[2001:DB8::1]:5060", True),
        ("tel:+123", "tel:+123", True),
        ("tel:+123", "tel:+124", False),
        ("urn:service:sos", "urn:service:sos.police", False),
        ("", "sip:a@h", False),
        ("a@h", "sip:a@h", False),
        ("/", "sip:a@h", False),
    ],
)
def test_the_uri_of_credentials(given_uri: str, requested: str, same: bool) -> None:
    assert same_uri(given_uri, requested) is same


# -- the parser -------------------------------------------------------------------------------------------------------


def test_quoted_commas_and_escapes() -> None:
    assert parse_parameters(r'Digest a="x, y=\"z\"", b = c ,d="\\", e="\"",f=""') == {
        "a": r"x, y=\"z\"",
        "b": "c",
        "d": r"\\",
        "e": r"\"",
        "f": "",
    }


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Digest",
        "Digestx a=b",
        "Basic a=b",
        "Digest a",
        "Digest =b",
        'Digest a="',
        'Digest a="\\"',
        'Digest a="b"c',
        'Digest a=b"c"',
        "Digest a=b, A=c",
        "Digest a b=c",
        "Digest a=\ud800",
        "Digest a=" + "x" * MAX_HEADER,
        "Digest " + ",".join(f"p{index}=1" for index in range(33)),
    ],
)
def test_broken_headers_have_no_parameters(header: str) -> None:
    assert parse_parameters(header) is None
    assert challenger().verify(header, "REGISTER", URI, PASSWORDS.get, REALM, 1.0).outcome is Outcome.MALFORMED


@pytest.mark.parametrize(
    "piece", [" ", ",", ", ", "=", "a", '"', "\\", '\\"', 'a="', 'a="\\', "a= ", '"a', "a =", 'a=""']
)
@pytest.mark.parametrize("start", ["Digest ", 'Digest a="', "Digest a=", "Digest a"])
@pytest.mark.parametrize("end", ["", '"', '"x', "x"])
def test_the_parser_s_time_grows_with_the_length_only(start: str, piece: str, end: str) -> None:
    header = start + piece * ((MAX_HEADER - len(start + end)) // len(piece)) + end
    began = time.thread_time()
    for _ in range(50):
        parse_parameters(header)
    assert time.thread_time() - began < 0.25  # with any backtracking 8,000,000 steps a time: over half a second


VALUES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters='"\\'), max_size=20)
PARAMETER_NAMES = st.from_regex(r"[a-z][a-z0-9\-]{0,10}\*?", fullmatch=True)


@given(st.dictionaries(PARAMETER_NAMES, VALUES, min_size=1, max_size=10), st.sampled_from([",", ", ", " ,\t", " ,, "]))
def test_quoted_values_survive(wanted: dict[str, str], comma: str) -> None:
    header = "Digest " + comma.join(f'{name}="{value}"' for name, value in wanted.items())
    assert parse_parameters(header) == wanted


WORDS = ("Digest ", "username", "username*", "nonce", "nc", "uri", "realm", "qop", "response", "cnonce", "algorithm")
MARKS = ("=", "=", '"', '"', "\\", ",", ", ", " ", "\t", "%", "UTF-8''", "auth", "MD5", "00000001", "ä", "\udc80")
PIECES = st.sampled_from((*WORDS, *MARKS, REALM, URI))
ANY_TEXT = st.one_of(
    st.text(st.characters(), max_size=200),
    st.lists(PIECES, max_size=60).map("".join),
    st.lists(PIECES, max_size=60).map(lambda pieces: "Digest " + "".join(pieces)),
)


@settings(max_examples=400)
@given(ANY_TEXT)
def test_no_header_raises_or_gets_in(header: str) -> None:
    server = challenger()
    assert not server.verify(header, "REGISTER", URI, lambda _: "x", REALM, 1.0).good
    choose_credentials([header], REALM)
    if choose_challenge([header], None) is not None:
        assert parse_parameters(answer(header)) is not None


@settings(max_examples=300)
@given(st.data())
def test_no_damage_to_good_credentials_raises(data: st.DataObject) -> None:
    server = challenger()
    header = answer(server.challenges(REALM, 1.0)[1])
    start = data.draw(st.integers(0, len(header)))
    length = data.draw(st.integers(0, 12))
    damaged = header[:start] + data.draw(ANY_TEXT) + header[start + length :]
    verdict = judge(server, damaged)
    assert verdict.good is (verdict.outcome is Outcome.GOOD)
    if verdict.good:
        assert verdict.username == "alice"


def test_the_username_of_credentials_is_shown_in_records() -> None:
    assert repr(Verdict(Outcome.BAD, "alice", genuine=True)) == "Verdict(BAD, 'alice', genuine=True)"
