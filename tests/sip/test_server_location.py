from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routerd.sip.server_location import (
    MAX_QUESTIONS,
    MAX_RECORDS,
    MAX_TARGETS,
    DnsQuestion,
    Failover,
    Location,
    Target,
    is_ip_literal,
    numeric_target,
    order_srv,
)
from routerd.sip.tokens import SeededTokens
from routerd.sip.uri import Uri

Zone = dict[tuple[str, str], list[tuple[Any, ...]]]
EVERY = ("udp", "tcp", "tls", "ws", "wss")


def locate(uri: str, *, seed: int = 1, **options: Any) -> Location:
    return Location(Uri.parse(uri), SeededTokens(seed), **options)


def resolve(uri: str, zone: Zone, *, seed: int = 1, **options: Any) -> tuple[list[str], list[tuple[str, str]]]:
    """Play the resolver; give the targets as text and what was asked, in order."""
    location = locate(uri, seed=seed, **options)
    asked: list[tuple[str, str]] = []
    while not location.finished:
        questions = location.next_questions()
        assert questions, "neither finished nor asking"
        assert questions == location.questions()
        for question in questions:
            asked.append((question.name, question.kind))
            location.answer(question, zone.get((question.name, question.kind)))
    assert location.questions() == location.next_questions() == []
    return [f"{one.transport} {one.host} {one.port}" for one in location.targets()], asked


A = {("example.com", "A"): [("192.0.2.1",)]}
NAPTR_RFC3263 = [  # the example of RFC 3263 §4.1
    (50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com."),
    (90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"),
    (100, 50, "s", "SIP+D2U", "_sip._udp.example.com."),
]
SERVERS: Zone = {
    ("_sip._udp.example.com", "SRV"): [(0, 1, 5060, "server1.example.com.")],
    ("_sip._tcp.example.com", "SRV"): [(0, 1, 5070, "server1.example.com"), (0, 0, 5060, "server2.example.com")],
    ("_sips._tcp.example.com", "SRV"): [(0, 1, 5061, "Server1.Example.COM")],
    ("server1.example.com", "A"): [("192.0.2.1",)],
    ("server2.example.com", "A"): [("192.0.2.2",)],
}


# -- numeric hosts (§4.1: UDP for sip, TLS for sips; §4.2: the port given or the default) -----------------------------


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("sip:1@192.0.2.9", Target("udp", "192.0.2.9", 5060, "192.0.2.9")),
        ("sip:192.0.2.9:5080", Target("udp", "192.0.2.9", 5080, "192.0.2.9")),
        ("sip:192.0.2.9;transport=TCP", Target("tcp", "192.0.2.9", 5060, "192.0.2.9")),
        ("sip:192.0.2.9;transport=tls", Target("tls", "192.0.2.9", 5061, "192.0.2.9")),
        ("sip:192.0.2.9;transport=ws", Target("ws", "192.0.2.9", 80, "192.0.2.9")),
        ("sip:192.0.2.9;transport=wss", Target("wss", "192.0.2.9", 443, "192.0.2.9")),
        ("sips:192.0.2.9", Target("tls", "192.0.2.9", 5061, "192.0.2.9")),
        ("sips:192.0.2.9;transport=tcp", Target("tls", "192.0.2.9", 5061, "192.0.2.9")),
        ("sips:192.0.2.9;transport=ws", Target("wss", "192.0.2.9", 443, "192.0.2.9")),
        ("sip:[2001:DB8::1]", Target("udp", "2001:db8::1", 5060, "2001:db8::1")),
        ("sip:[2001:db8::1]:5070;transport=tcp", Target("tcp", "2001:db8::1", 5070, "2001:db8::1")),
        ("sip:example.com;maddr=192.0.2.9", Target("udp", "192.0.2.9", 5060, "example.com")),
        ("sip:example.com:5090;maddr=[2001:db8::2]", Target("udp", "2001:db8::2", 5090, "example.com")),
    ],
)
def test_numeric_hosts_need_no_question(uri: str, wanted: Target) -> None:
    assert numeric_target(Uri.parse(uri)) == wanted
    location = locate(uri, supported=EVERY)
    assert location.finished
    assert location.questions() == []
    assert location.targets() == [wanted]


@pytest.mark.parametrize(
    "uri",
    [
        "sip:192.0.2.9:0",
        "sips:192.0.2.9;transport=udp",
        "sip:192.0.2.9;transport=sctp",
        "tel:+431234",
        "urn:service:sos",
    ],
)
def test_what_cannot_be_reached_has_no_target(uri: str) -> None:
    assert numeric_target(Uri.parse(uri)) is None
    assert resolve(uri, A, supported=EVERY) == ([], [])


def test_a_name_is_no_numeric_target() -> None:
    assert numeric_target(Uri.parse("sip:example.com")) is None
    assert numeric_target(Uri.parse("sip:192.0.2.9;maddr=example.com")) is None


def test_a_numeric_host_keeps_to_what_we_speak() -> None:
    assert resolve("sip:192.0.2.9;transport=tls", {}, supported=("udp",)) == ([], [])
    assert resolve("sips:192.0.2.9", {}, supported=("udp", "tcp")) == ([], [])
    assert resolve("sip:[2001:db8::1]", {}, ipv6=False) == ([], [])
    assert resolve("sip:192.0.2.9", {}, supported=("tcp",)) == (["tcp 192.0.2.9 5060"], [])
    assert resolve("sip:192.0.2.9", {}, supported=("tcp", "udp")) == (["udp 192.0.2.9 5060"], [])


@pytest.mark.parametrize(
    ("host", "literal"),
    [
        ("192.0.2.1", True),
        ("2001:db8::1", True),
        ("256.0.2.1", False),
        ("1.2.3", False),
        ("1.2.3.4.5", False),
        ("1.2.3.x", False),
        ("1.2.3.\u0664", False),
        ("0001.2.3.4", False),
        ("x:y", False),
        ("", False),
    ],
)
def test_ip_literals(host: str, literal: bool) -> None:
    assert is_ip_literal(host) is literal


# -- a port and a name: addresses only --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "transport"),
    [
        ("sip:example.com:5080", "udp"),
        ("sip:example.com:5080;transport=tcp", "tcp"),
        ("sips:example.com:5080", "tls"),
        ("sips:example.com:5080;transport=tcp", "tls"),
    ],
)
def test_an_explicit_port_asks_for_addresses_only(uri: str, transport: str) -> None:
    targets, asked = resolve(uri, A)
    assert targets == [f"{transport} 192.0.2.1 5080"]
    assert asked == [("example.com", "AAAA"), ("example.com", "A")]


def test_the_port_5060_is_as_explicit_as_any() -> None:
    assert [kind for _, kind in resolve("sip:example.com:5060", A)[1]] == ["AAAA", "A"]


def test_maddr_takes_the_host_s_place_but_not_the_certificate_s_name() -> None:
    location = locate("sip:example.com:5060;maddr=gw.example.net")
    for question in location.next_questions():
        assert question.name == "gw.example.net"
        location.answer(question, [("192.0.2.7",)] if question.kind == "A" else None)
    assert location.targets() == [Target("udp", "192.0.2.7", 5060, "example.com")]


# -- a transport and a name: SRV --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "service", "wanted"),
    [
        ("sip:example.com;transport=udp", "_sip._udp.example.com", "udp 192.0.2.1 5060"),
        ("sip:example.com;transport=tls", "_sips._tcp.example.com", "tls 192.0.2.1 5061"),
        ("sips:example.com;transport=tcp", "_sips._tcp.example.com", "tls 192.0.2.1 5061"),
        ("sips:example.com;transport=tls", "_sips._tcp.example.com", "tls 192.0.2.1 5061"),
    ],
)
def test_an_explicit_transport_asks_for_its_srv(uri: str, service: str, wanted: str) -> None:
    targets, asked = resolve(uri, SERVERS)
    assert targets == [wanted]
    assert asked == [(service, "SRV"), ("server1.example.com", "AAAA"), ("server1.example.com", "A")]


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("sip:example.com;transport=udp", "udp 192.0.2.1 5060"),
        ("sip:example.com;transport=tcp", "tcp 192.0.2.1 5060"),
        ("sip:example.com;transport=tls", "tls 192.0.2.1 5061"),
        ("sips:example.com;transport=tcp", "tls 192.0.2.1 5061"),
    ],
)
def test_without_srv_the_name_itself_is_asked_with_the_default_port(uri: str, wanted: str) -> None:
    targets, asked = resolve(uri, A)
    assert targets == [wanted]
    assert [kind for _, kind in asked] == ["SRV", "AAAA", "A"]


def test_websockets_have_no_srv() -> None:
    assert resolve("sip:example.com;transport=wss", A, supported=EVERY) == (
        ["wss 192.0.2.1 443"],
        [("example.com", "AAAA"), ("example.com", "A")],
    )


def test_a_transport_that_we_do_not_speak_asks_nothing() -> None:
    assert resolve("sip:example.com;transport=tls", SERVERS, supported=("udp", "tcp")) == ([], [])
    assert resolve("sips:example.com", SERVERS, supported=("udp", "tcp")) == ([], [])
    assert resolve("sips:example.com;transport=udp", SERVERS) == ([], [])


def test_the_root_as_target_means_no_service_and_no_fallback() -> None:
    zone: Zone = {**A, ("_sip._tcp.example.com", "SRV"): [(0, 0, 0, ".")]}
    assert resolve("sip:example.com;transport=tcp", zone) == ([], [("_sip._tcp.example.com", "SRV")])


# -- a bare name: NAPTR -----------------------------------------------------------------------------------------------


def test_naptr_names_transport_and_service() -> None:
    targets, asked = resolve("sip:example.com", {**SERVERS, ("example.com", "NAPTR"): NAPTR_RFC3263})
    assert targets == ["tls 192.0.2.1 5061"]
    assert asked[:2] == [("example.com", "NAPTR"), ("_sips._tcp.example.com", "SRV")]
    assert len(asked) == 4


def test_naptr_services_that_we_do_not_speak_are_passed_over() -> None:
    zone = {**SERVERS, ("example.com", "NAPTR"): NAPTR_RFC3263}
    assert resolve("sip:example.com", zone, supported=("udp",))[0] == ["udp 192.0.2.1 5060"]
    tcp = resolve("sip:example.com", zone, supported=("udp", "tcp"))[0]
    assert set(tcp) == {"tcp 192.0.2.1 5070", "tcp 192.0.2.2 5060"}


def test_sips_takes_secure_services_only() -> None:
    records = [(1, 1, "s", "SIP+D2U", "_sip._udp.example.com"), (2, 1, "S", "sips+d2t", "_sips._tcp.example.com")]
    zone: Zone = {**SERVERS, ("example.com", "NAPTR"): records}
    assert resolve("sips:example.com", zone)[0] == ["tls 192.0.2.1 5061"]


def test_preference_orders_within_the_lowest_order() -> None:
    records = [
        (10, 20, "s", "SIP+D2T", "_sip._tcp.one.example"),
        (10, 10, "s", "SIP+D2U", "_sip._udp.one.example"),
        (20, 1, "s", "SIPS+D2T", "_sips._tcp.one.example"),
    ]
    zone: Zone = {
        ("example.com", "NAPTR"): records,
        ("_sip._udp.one.example", "SRV"): [(0, 0, 5060, "u.example")],
        ("_sip._tcp.one.example", "SRV"): [(0, 0, 5060, "t.example")],
        ("u.example", "A"): [("192.0.2.1",)],
        ("t.example", "A"): [("192.0.2.2",)],
    }
    targets, asked = resolve("sip:example.com", zone)
    assert targets == ["udp 192.0.2.1 5060", "tcp 192.0.2.2 5060"]
    assert ("_sips._tcp.one.example", "SRV") not in asked


def test_the_flag_a_names_a_host() -> None:
    zone: Zone = {
        ("example.com", "NAPTR"): [(1, 1, "A", "SIP+D2T", "host.example.com")],
        ("host.example.com", "A"): [("192.0.2.5",)],
    }
    targets, asked = resolve("sip:example.com", zone)
    assert targets == ["tcp 192.0.2.5 5060"]
    assert [kind for _, kind in asked] == ["NAPTR", "AAAA", "A"]


@pytest.mark.parametrize(
    "record",
    [
        (1, 1, "u", "SIP+D2U", "_sip._udp.evil.example"),
        (1, 1, "", "SIP+D2U", "_sip._udp.evil.example"),
        (1, 1, "s", "E2U+sip", "_sip._udp.evil.example"),
        (1, 1, "s", "SIP+D2S", "_sip._sctp.evil.example"),
        (1, 1, "s", "SIP+D2U", "."),
        (1, 1, "s", "SIP+D2U", "x" * 300),
        (1, 1, "s", "SIP+D2U", "a b"),
    ],
)
def test_useless_naptr_records_are_as_good_as_none(record: tuple[Any, ...]) -> None:
    zone: Zone = {**SERVERS, ("example.com", "NAPTR"): [record]}
    assert resolve("sip:example.com", zone) == resolve("sip:example.com", SERVERS)


def test_without_naptr_every_srv_of_ours_is_asked_at_once() -> None:
    location = locate("sip:example.com")
    location.answer(DnsQuestion("example.com", "NAPTR"), None)
    assert location.next_questions() == [
        DnsQuestion("_sip._udp.example.com", "SRV"),
        DnsQuestion("_sip._tcp.example.com", "SRV"),
    ]
    assert resolve("sip:example.com", SERVERS)[0][0] == "udp 192.0.2.1 5060"
    assert len(resolve("sip:example.com", SERVERS)[0]) == 3


def test_sips_without_naptr_asks_for_sips_over_tcp_only() -> None:
    targets, asked = resolve("sips:example.com", SERVERS)
    assert targets == ["tls 192.0.2.1 5061"]
    assert [name for name, kind in asked if kind == "SRV"] == ["_sips._tcp.example.com"]


def test_a_sip_uri_when_tls_is_all_that_we_speak() -> None:
    assert resolve("sip:example.com", SERVERS, supported=("tls",))[0] == ["tls 192.0.2.1 5061"]


@pytest.mark.parametrize(
    ("uri", "wanted"), [("sip:example.com", "udp 192.0.2.1 5060"), ("sips:example.com", "tls 192.0.2.1 5061")]
)
def test_with_neither_naptr_nor_srv_the_name_is_asked(uri: str, wanted: str) -> None:
    targets, asked = resolve(uri, A)
    assert targets == [wanted]
    assert asked[-2:] == [("example.com", "AAAA"), ("example.com", "A")]


def test_naptr_without_its_srv_falls_back_to_the_name_with_naptr_s_transport() -> None:
    zone: Zone = {**A, ("example.com", "NAPTR"): [(1, 1, "s", "SIP+D2T", "_sip._tcp.gone.example")]}
    assert resolve("sip:example.com", zone)[0] == ["tcp 192.0.2.1 5060"]


def test_one_transport_out_of_service_leaves_the_other() -> None:
    zone: Zone = {**SERVERS, ("_sip._udp.example.com", "SRV"): [(0, 0, 0, ".")]}
    assert {target.split()[0] for target in resolve("sip:example.com", zone)[0]} == {"tcp"}


def test_nothing_at_all_is_no_target() -> None:
    targets, asked = resolve("sip:example.com", {})
    assert targets == []
    assert [kind for _, kind in asked] == ["NAPTR", "SRV", "SRV", "AAAA", "A"]


# -- addresses --------------------------------------------------------------------------------------------------------


def test_the_families_take_turns_ipv6_first() -> None:
    zone: Zone = {
        ("example.com", "A"): [("192.0.2.1",), ("192.0.2.2",), ("192.0.2.3",)],
        ("example.com", "AAAA"): [("2001:db8::1",), ("2001:db8::2",)],
    }
    hosts = [target.split()[1] for target in resolve("sip:example.com:5060", zone)[0]]
    assert hosts == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3"]


def test_without_ipv6_only_a_is_asked() -> None:
    zone: Zone = {**A, ("example.com", "AAAA"): [("2001:db8::1",)]}
    assert resolve("sip:example.com:5060", zone, ipv6=False) == (["udp 192.0.2.1 5060"], [("example.com", "A")])


def test_duplicates_are_removed() -> None:
    zone: Zone = {
        ("_sip._udp.example.com", "SRV"): [
            (0, 0, 5060, "a.example"),
            (1, 0, 5060, "b.example"),
            (2, 0, 5060, "a.example"),
        ],
        ("a.example", "A"): [("192.0.2.1",), ("192.0.2.1",)],
        ("b.example", "A"): [("192.0.2.1",), ("192.0.2.2",)],
    }
    targets, asked = resolve("sip:example.com;transport=udp", zone)
    assert targets == ["udp 192.0.2.1 5060", "udp 192.0.2.2 5060"]
    assert len(asked) == len(set(asked)) == 5


@pytest.mark.parametrize("address", ["", "x", "1.2.3", "2001:db8::1", "192.0.2.1\r\n", "[::1]"])
def test_an_address_record_that_is_none_is_dropped(address: str) -> None:
    zone: Zone = {("example.com", "A"): [(address,), ("192.0.2.1",)]}
    assert resolve("sip:example.com:5060", zone)[0] == ["udp 192.0.2.1 5060"]


def test_an_address_as_srv_target_is_used_as_it_is() -> None:
    zone: Zone = {("_sip._udp.example.com", "SRV"): [(0, 0, 5062, "192.0.2.8")]}
    assert resolve("sip:example.com;transport=udp", zone) == (
        ["udp 192.0.2.8 5062"],
        [("_sip._udp.example.com", "SRV")],
    )


# -- the order of answers ---------------------------------------------------------------------------------------------


def test_questions_stay_until_answered_and_next_questions_come_once() -> None:
    location = locate("sip:example.com:5060")
    both = location.questions()
    assert location.next_questions() == both
    assert location.next_questions() == []
    location.answer(both[0], None)
    assert location.questions() == both[1:]
    assert not location.finished
    assert location.targets() == []
    location.answer(both[1], [("192.0.2.1",)])
    assert location.finished
    assert location.questions() == []


def test_a_question_answered_before_it_was_given_out_is_not_given_out() -> None:
    location = locate("sip:example.com:5060")
    location.answer(DnsQuestion("example.com", "AAAA"), None)
    assert location.next_questions() == [DnsQuestion("example.com", "A")]


def test_second_and_foreign_answers_are_ignored() -> None:
    location = locate("sip:example.com:5060")
    v6, v4 = location.next_questions()
    location.answer(DnsQuestion("evil.example", "A"), [("203.0.113.1",)])
    location.answer(v6, None)
    location.answer(v6, [("2001:db8::bad",)])
    location.answer(v4, [("192.0.2.1",)])
    location.answer(v4, [("203.0.113.1",)])
    assert [target.host for target in location.targets()] == ["192.0.2.1"]


def test_the_order_of_answers_does_not_matter() -> None:
    found = set()
    for order in itertools.permutations(range(2)):
        location = locate("sip:example.com", seed=3)
        while not location.finished:
            questions = location.next_questions()
            indexes = order if len(questions) == len(order) else range(len(questions))
            for index in indexes:
                question = questions[index]
                location.answer(question, SERVERS.get((question.name, question.kind)))
        found.add(tuple(location.targets()))
    assert len(found) == 1


# -- SRV order (RFC 2782) ---------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100)), max_size=32), st.integers(0, 2**32))
def test_every_record_once_and_by_priority(drawn: list[tuple[int, int]], seed: int) -> None:
    records = [(priority, weight, 5060, f"h{index}") for index, (priority, weight) in enumerate(drawn)]
    ordered = order_srv(records, SeededTokens(seed))
    priority_of = {name: priority for priority, _, _, name in records}
    assert sorted(ordered) == sorted((name, 5060) for name in priority_of)
    priorities = [priority_of[name] for name, _ in ordered]
    assert priorities == sorted(priorities)


@given(st.permutations([(priority, 0, 5060, f"h{priority}") for priority in range(8)]))
def test_priorities_ascend(records: list[tuple[int, int, int, str]]) -> None:
    assert [name for name, _ in order_srv(records, SeededTokens(1))] == [f"h{priority}" for priority in range(8)]


def test_weights_draw_in_proportion() -> None:
    tokens = SeededTokens(2026)
    records = [(0, 10, 1, "ten"), (0, 30, 1, "thirty"), (0, 60, 1, "sixty")]
    firsts = Counter(order_srv(records, tokens)[0][0] for _ in range(6000))
    assert 500 < firsts["ten"] < 750  # RFC 2782 draws 0…sum inclusive: 11/101, 30/101, 60/101
    assert 1600 < firsts["thirty"] < 1970
    assert 3350 < firsts["sixty"] < 3780


def test_the_number_drawn_may_be_the_sum_of_the_weights() -> None:
    bounds: list[int] = []

    class Highest(SeededTokens):
        def number(self, below: int) -> int:
            bounds.append(below)
            return below - 1

    records = [(0, 10, 1, "ten"), (0, 30, 1, "thirty"), (0, 60, 1, "sixty")]
    assert [name for name, _ in order_srv(records, Highest(1))] == ["sixty", "thirty", "ten"]
    assert bounds == [101, 41]  # 0…sum inclusive; one record alone needs no chance


def test_a_weight_of_zero_has_a_small_chance() -> None:
    tokens = SeededTokens(7)
    records = [(0, 0, 1, "zero"), (0, 19, 1, "rest")]
    firsts = Counter(order_srv(records, tokens)[0][0] for _ in range(4000))
    assert 130 < firsts["zero"] < 280  # 1/20


def test_equal_seeds_give_equal_orders() -> None:
    records = [(0, weight, 5060, f"h{weight}") for weight in range(10)]
    orders = {tuple(order_srv(records, SeededTokens(seed))) for seed in range(20)}
    assert len(orders) > 10
    assert order_srv(records, SeededTokens(3)) == order_srv(records[::-1], SeededTokens(3))


@pytest.mark.parametrize(
    "record", [(0, 0, 5060, "."), (0, 0, 5060, ""), (0, 0, 0, "a"), (0, 0, 70000, "a"), (0, 0, 1, "a b")]
)
def test_unusable_srv_records_are_left_out(record: tuple[int, int, int, str]) -> None:
    assert order_srv([record, (1, 0, 5060, "Good.Example.")], SeededTokens(1)) == [("good.example", 5060)]


# -- bounds -----------------------------------------------------------------------------------------------------------


def test_an_answer_counts_up_to_its_bound() -> None:
    many = [(index, 0, 5060, f"h{index}.example") for index in range(1000)]
    assert order_srv(many, SeededTokens(1)) == [(f"h{index}.example", 5060) for index in range(MAX_RECORDS)]
    zone: Zone = {("example.com", "A"): [(f"192.0.2.{index}",) for index in range(250)]}
    assert len(resolve("sip:example.com:5060", zone)[0]) == MAX_RECORDS


class Hostile:
    """A zone that answers everything with as much as it can."""

    def get(self, question: DnsQuestion, size: int) -> list[tuple[Any, ...]]:
        if question.kind == "NAPTR":
            services = ("SIP+D2U", "SIP+D2T", "SIPS+D2T")
            return [(1, i, "s", services[i % 3], f"_s{i}.{question.name}") for i in range(size)]
        if question.kind == "SRV":
            return [(i, i, 5060 + i, f"h{i}.{question.name}") for i in range(size)]
        if question.kind == "A":
            return [(f"10.{i // 256}.{i % 256}.1",) for i in range(size)]
        return [(f"2001:db8::{i:x}",) for i in range(size)]


@pytest.mark.parametrize("uri", ["sip:example.com", "sips:example.com", "sip:example.com;transport=tcp"])
def test_a_hostile_zone_is_bounded(uri: str) -> None:
    location = locate(uri)
    asked = 0
    while not location.finished:
        for question in location.next_questions():
            asked += 1
            location.answer(question, Hostile().get(question, 400))
    assert asked <= MAX_QUESTIONS
    assert 0 < len(location.targets()) <= MAX_TARGETS
    assert len(set(location.targets())) == len(location.targets())


LABELS = st.sampled_from(
    ["example.com", "a.example", "b.example", "_sip._udp.example.com", ".", "", "x" * 300, "192.0.2.4"]
)
RECORDS: dict[str, st.SearchStrategy[tuple[Any, ...]]] = {
    "NAPTR": st.tuples(
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from(["s", "S", "a", "u", "", "p"]),
        st.sampled_from(["SIP+D2U", "sip+d2t", "SIPS+D2T", "SIP+D2W", "E2U+sip", ""]),
        LABELS,
    ),
    "SRV": st.tuples(st.integers(0, 3), st.integers(0, 65535), st.integers(0, 65535), LABELS),
    "A": st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2", "::1", "", "junk"])),
    "AAAA": st.tuples(st.sampled_from(["2001:db8::1", "192.0.2.2", "", "junk"])),
}
URIS = st.builds(
    "{}:{}{}{}".format,
    st.sampled_from(["sip", "sips"]),
    st.sampled_from(["example.com", "192.0.2.4", "[2001:db8::4]", "a.example."]),
    st.sampled_from(["", ":5062"]),
    st.sampled_from(
        ["", ";transport=udp", ";transport=tcp", ";transport=tls", ";transport=ws", ";transport=x", ";maddr=b.example"]
    ),
)


@settings(max_examples=300)
@given(st.data())
def test_every_resolution_ends_bounded_and_clean(data: st.DataObject) -> None:
    uri = data.draw(URIS)
    supported = data.draw(st.lists(st.sampled_from(EVERY), unique=True))
    ipv6 = data.draw(st.booleans())
    location = locate(uri, supported=supported, ipv6=ipv6, seed=data.draw(st.integers(0, 99)))
    asked: list[DnsQuestion] = []
    while not location.finished:
        questions = location.next_questions()
        assert questions
        for question in questions:
            asked.append(question)
            records = data.draw(st.none() | st.lists(RECORDS[question.kind], max_size=6))
            location.answer(question, records)
    targets = location.targets()
    assert len(asked) == len(set(asked)) <= MAX_QUESTIONS
    assert len(targets) == len(set(targets)) <= MAX_TARGETS
    for target in targets:
        assert target.transport in supported
        assert is_ip_literal(target.host)
        assert ipv6 or ":" not in target.host
        assert 0 < target.port <= 65535
        assert not uri.startswith("sips") or target.transport in {"tls", "wss"}


# -- failover (§4.3) --------------------------------------------------------------------------------------------------


def test_failover_walks_once_through() -> None:
    targets = [Target("udp", f"192.0.2.{index}", 5060, "example.com") for index in (1, 2, 3)]
    failover = Failover(targets)
    assert failover.current == targets[0]
    assert failover.current == targets[0]
    assert [failover.next(), failover.next()] == targets[1:]
    assert failover.current == targets[2]
    assert failover.next() is None
    assert failover.next() is None
    assert failover.current is None


def test_failover_without_targets() -> None:
    assert Failover([]).current is None
    assert Failover([]).next() is None


def test_targets_are_equal_by_all_four() -> None:
    target = Target("udp", "192.0.2.1", 5060, "a")
    assert target == Target("udp", "192.0.2.1", 5060, "a")
    assert hash(target) == hash(Target("udp", "192.0.2.1", 5060, "a"))
    for other in (
        Target("tcp", "192.0.2.1", 5060, "a"),
        Target("udp", "192.0.2.2", 5060, "a"),
        Target("udp", "192.0.2.1", 5061, "a"),
        Target("udp", "192.0.2.1", 5060, "b"),
        "udp",
    ):
        assert target != other
    assert repr(target) == "udp:192.0.2.1:5060(a)"
