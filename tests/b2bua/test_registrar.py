from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.b2bua.registrar import http_date

OUTBOUND = (("Supported", "path, outbound"),)
INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


def test_a_phone_registers_and_is_found_where_it_came_from(world: Any, phone: Any) -> None:
    answer = phone.register()
    assert answer.status == 200
    assert answer.get("Contact") == "<sip:2001@198.51.100.7:5070>;expires=3600"
    assert answer.get("Date") == "Mon, 23 Nov 2026 00:16:40 GMT"
    (binding,) = world.location.contacts("acme", "2001", world.now)
    assert (binding.flow, binding.uri, binding.source) == (phone.flow, phone.contact[1:-1], "198.51.100.7")
    assert [facts["extension"] for facts in world.published("registration.added")] == ["2001"]
    assert [(entry["action"], entry["uri"]) for entry in world.journalled()] == [("add", binding.uri)]


def test_a_refresh_is_no_new_registration(world: Any, phone: Any) -> None:
    phone.register()
    world.pass_time(1800)
    assert phone.register().status == 200
    assert len(world.location) == 1
    assert len(world.published("registration.added")) == 1
    assert world.published("registration.removed") == []
    world.pass_time(3599)
    assert len(world.location) == 1
    world.pass_time(2)
    assert len(world.location) == 0
    assert [facts["reason"] for facts in world.published("registration.removed")] == ["expired"]


def test_fetch_lists_all_with_q_and_instance(phone: Any) -> None:
    phone.register("<sip:a@198.51.100.7:1>;q=0.5;expires=120", f"<sip:b@198.51.100.7:2>;{INSTANCE}")
    answer = phone.register("")
    assert sorted(answer.get_all("Contact")) == [
        "<sip:a@198.51.100.7:1>;expires=120;q=0.5",
        f"<sip:b@198.51.100.7:2>;expires=3600;{INSTANCE}",
    ]


@pytest.mark.parametrize(
    "bad",
    [
        "<sip:c@198.51.100.7:3>;q=1.5",
        "<sip:c@198.51.100.7:3>;expires=5",
        f"<sip:{'c' * 2000}@198.51.100.7:3>",
        "<sips:c@198.51.100.7:3>",
    ],
)
def test_one_bad_contact_of_three_changes_nothing(world: Any, phone: Any, bad: str) -> None:
    phone.register("<sip:a@198.51.100.7:1>")
    before = world.location.page(world.now, 0)[0]
    answer = phone.register("<sip:a@198.51.100.7:1>;expires=0", "<sip:b@198.51.100.7:2>", bad)
    assert answer.status == (423 if "expires=5" in bad else 400)
    assert world.location.page(world.now, 0)[0] == before


def test_too_brief_names_the_least(phone: Any) -> None:
    answer = phone.register("<sip:a@198.51.100.7:1>", extra=(("Expires", "30"),))
    assert (answer.status, answer.get("Min-Expires")) == (423, "60")


@pytest.mark.parametrize(
    ("param", "header", "granted"),
    [("", None, 3600), (";expires=100", "200", 100), ("", "200", 200), (";expires=99999999999", None, 3600),
     (";expires=soon", None, 3600)],
)  # fmt: skip
def test_lifetimes(phone: Any, param: str, header: str | None, granted: int) -> None:
    extra = () if header is None else (("Expires", header),)
    answer = phone.register(f"<sip:a@198.51.100.7:1>{param}", extra=extra)
    assert answer.get("Contact") == f"<sip:a@198.51.100.7:1>;expires={granted}"


def test_star_removes_all_but_only_with_expires_0(world: Any, phone: Any) -> None:
    phone.register("<sip:a@198.51.100.7:1>", "<sip:b@198.51.100.7:2>")
    assert phone.register("*").status == 400
    assert phone.register("*", extra=(("Expires", "60"),)).status == 400
    assert len(world.location) == 2
    answer = phone.register("*", extra=(("Expires", "0"),))
    assert (answer.status, answer.get("Contact")) == (200, None)
    assert [entry["action"] for entry in world.journalled()] == ["add", "add", "remove", "remove"]


def test_what_is_older_than_known_is_refused_whole(world: Any, phone: Any) -> None:
    phone.register()
    world.pass_time(40)
    phone.cseq = 0
    assert phone.register("<sip:new@198.51.100.7:9>", phone.contact).status == 500
    world.pass_time(40)
    phone.cseq = 0
    assert phone.register("*", extra=(("Expires", "0"),)).status == 500
    assert [view["contact"] for view in world.location.page(world.now, 0)[0]] == [phone.contact[1:-1]]
    phone.call_id = "after-a-restart"
    phone.cseq = 0
    assert phone.register().status == 200


def test_the_oldest_contact_makes_room(world: Any, make_phone: Any) -> None:
    for port in (1, 2, 3, 4):
        assert make_phone(world, address=("198.51.100.7", port)).register().status == 200
    assert [binding.flow.remote[1] for binding in world.location.contacts("acme", "2001", world.now)] == [4, 3, 2]


def test_contacts_are_compared_as_uris(world: Any, phone: Any) -> None:
    phone.register("<sip:%61lice@Host.example.com;transport=udp>")
    phone.register("<sip:alice@host.EXAMPLE.com;Transport=UDP>")
    assert len(world.location) == 1
    phone.register("<sip:alice@host.example.com>")
    assert len(world.location) == 2


def test_other_schemes_are_listed_and_never_rung(world: Any, phone: Any) -> None:
    answer = phone.register("<tel:+1-972-555-2222>", "<mailto:a@example.com>")
    assert sorted(answer.get_all("Contact")) == [
        "<mailto:a@example.com>;expires=3600",
        "<tel:+1-972-555-2222>;expires=3600",
    ]
    assert world.location.contacts("acme", "2001", world.now) == []
    assert world.location.sources("acme", "2001") == ()
    assert len(world.keepalive) == 0


def test_only_oneself(world: Any, phone: Any) -> None:
    assert phone.register(to="<sip:alice@acme.test>").status == 403
    assert phone.register(to="<sip:nobody@acme.test>").status == 403
    assert phone.register(to="<sip:2001@elsewhere.example>").status == 404
    assert len(world.location) == 0


def test_the_same_user_of_another_account_is_somebody_else(make_world: Any, make_phone: Any, document: Any) -> None:
    world = make_world(document(), document("beta"))
    assert make_phone(world).register(to="<sip:2001@beta.test>").status == 403
    assert len(world.location) == 0


def test_the_address_of_record_is_unescaped(phone: Any) -> None:
    assert phone.register(to="<sip:%32001@ACME.test;x=y>").status == 200


def test_sips_by_tls_only(world: Any, make_phone: Any) -> None:
    phone = make_phone(world, transport="tls", connection=3)
    assert phone.register("<sips:a@198.51.100.7:1>", to="<sips:2001@acme.test>").status == 200
    assert len(world.location.contacts("acme", "2001", world.now)) == 1
    world.exchange.flows.lose(phone.flow)
    assert world.location.contacts("acme", "2001", world.now) == []


# -- Path, outbound, push


def test_path_is_stored_and_returned(world: Any, phone: Any) -> None:
    path = ("Path", "<sip:p1.example.com;lr>,<sip:p2.example.com;lr>")
    refused = phone.register(extra=(path,))
    assert (refused.status, refused.get("Require")) == (421, "path")
    answer = phone.register(extra=(path, ("Supported", "path")))
    assert answer.get_all("Path") == ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]
    (binding,) = world.location.contacts("acme", "2001", world.now)
    assert binding.path == ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")


def test_an_instance_with_its_flow_replaces(world: Any, phone: Any) -> None:
    first = phone.register(f"<sip:a@198.51.100.7:1>;{INSTANCE};reg-id=1", extra=OUTBOUND)
    assert (first.status, first.get("Require")) == (200, "outbound")
    phone.register(f"<sip:a@198.51.100.7:2>;{INSTANCE};reg-id=2", extra=OUTBOUND)
    assert len(world.location) == 2
    answer = phone.register(f"<sip:a@198.51.100.7:9>;{INSTANCE};reg-id=1", extra=OUTBOUND)
    assert answer.get_all("Contact") == [
        f"<sip:a@198.51.100.7:9>;expires=3600;{INSTANCE};reg-id=1",
        f"<sip:a@198.51.100.7:2>;expires=3600;{INSTANCE};reg-id=2",
    ]
    assert [facts["contact"] for facts in world.published("registration.removed")] == ["sip:a@198.51.100.7:1"]


def test_reg_id_has_its_rules(phone: Any) -> None:
    with_flow = f"<sip:a@198.51.100.7:1>;{INSTANCE};reg-id=1"
    assert phone.register(with_flow, "<sip:b@198.51.100.7:2>", extra=OUTBOUND).status == 400
    assert phone.register(f"<sip:a@198.51.100.7:1>;{INSTANCE};reg-id=x", extra=OUTBOUND).status == 400
    assert phone.register(with_flow, extra=(*OUTBOUND, ("Via", "SIP/2.0/UDP far.example.com"))).status == 439
    by_edge = (*OUTBOUND, ("Via", "SIP/2.0/UDP far.example.com"), ("Path", "<sip:edge.example.com;lr;ob>"))
    assert phone.register(with_flow, extra=by_edge).status == 200
    assert phone.register("<sip:c@198.51.100.7:1>;reg-id=1", extra=OUTBOUND).get("Require") is None


def test_a_phone_started_again_replaces_itself(world: Any, make_phone: Any) -> None:
    make_phone(world, address=("198.51.100.7", 1)).register(f"<sip:a@198.51.100.7:1>;{INSTANCE}")
    make_phone(world, address=("198.51.100.7", 2)).register(f"<sip:a@198.51.100.7:2>;{INSTANCE}")
    assert [view["contact"] for view in world.location.page(world.now, 0)[0]] == ["sip:a@198.51.100.7:2"]


def test_push_parameters_are_kept(world: Any, phone: Any) -> None:
    phone.register("<sip:a@198.51.100.7:1;pn-provider=apns;pn-prid=00fc13;other=1>")
    (binding,) = world.location.contacts("acme", "2001", world.now)
    assert binding.params == {"pn-provider": "apns", "pn-prid": "00fc13"}


def test_no_room_is_said(make_world: Any, make_phone: Any) -> None:
    from routerd.b2bua.settings import Limits

    world = make_world(limits=Limits(max_registrations=1))
    assert make_phone(world).register().status == 200
    answer = make_phone(world, "alice", "two").register()
    assert (answer.status, answer.get("Retry-After")) == (503, "30")
    assert len(world.location) == 1


# -- RFC 4475's registrar cases, remade for our domain


def test_escaped_nuls_are_different_contacts(world: Any, phone: Any) -> None:
    answer = phone.register("<sip:%00@host5.example.com>", "<sip:%00%00@host5.example.com>")
    assert answer.status == 200
    assert len(world.location) == 2
    assert sorted(answer.get_all("Contact")) == [
        "<sip:%00%00@host5.example.com>;expires=3600",
        "<sip:%00@host5.example.com>;expires=3600",
    ]


def test_an_escaped_route_stays_in_the_contact_and_goes_nowhere_else(world: Any, phone: Any) -> None:
    uri = "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    assert phone.register(f"<{uri}>").get("Contact") == f"<{uri}>;expires=3600"
    (binding,) = world.location.contacts("acme", "2001", world.now)
    assert (binding.uri, binding.target) == (uri, "sip:user@example.com")


def test_parameters_within_and_without_brackets(phone: Any) -> None:
    bare = phone.register("sip:+19725552222@gw1.example.net;unknownparam")
    assert bare.get("Contact") == "<sip:+19725552222@gw1.example.net>;expires=3600"
    within = phone.register("<sip:+19725552222@gw1.example.net;unknownparam>")
    assert within.get("Contact") == "<sip:+19725552222@gw1.example.net;unknownparam>;expires=3600"


def test_an_unknown_scheme_in_to_is_400_before_anything_else(world: Any, phone: Any) -> None:
    request = phone.request("REGISTER", None, ("Contact", "<name:John_Smith>"), to="isbn:2983792873")
    assert phone.send(request).status == 400
    assert len(world.layer) == 0


def test_dates() -> None:
    assert http_date(0.0) == "Thu, 01 Jan 1970 00:00:00 GMT"


CONTACTS = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0, 5, 60, 3600, 9999])), min_size=1, max_size=4)


@given(st.lists(CONTACTS, min_size=1, max_size=6))
def test_bindings_are_what_a_simple_model_says(make_world: Any, make_phone: Any, updates: Any) -> None:
    world = make_world()
    phone = make_phone(world)
    model: dict[int, int] = {}
    for update in updates:
        values = [f"<sip:u@198.51.100.7:{port}>;expires={expires}" for port, expires in update]
        answer = phone.register(*values)
        if any(expires == 5 for _, expires in update):
            assert answer.status == 423
            continue
        assert answer.status == 200
        for port, expires in update:
            model.pop(port, None)
            if expires:
                model[port] = min(expires, 3600)
        listed = {
            int(c.partition(">")[0].rpartition(":")[2]): int(c.rpartition("=")[2]) for c in answer.get_all("Contact")
        }
        assert len(listed) == min(3, len(model))
        assert listed.items() <= model.items()
        model = listed
    world.pass_time(4000)
    assert len(world.location) == 0
    assert len(world.exchange.timers) == 0
