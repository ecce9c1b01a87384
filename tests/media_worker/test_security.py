"""Secured parties at the engine, without sockets: phones with keys in their descriptions, browsers, attackers."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from routerd.media import ng, profiles, rtp, sdes, sdp, stun
from routerd.media.profiles import Carriage, Ice
from routerd.media.relay_session import RTCP, RTP
from routerd.media_worker.addresses import Addresses
from routerd.media_worker.dtls import Dtls, Identity
from routerd.media_worker.engine import Engine
from routerd.media_worker.ports import PortPool
from routerd.media_worker.relay_sockets import LinePorts
from routerd.media_worker.security import Security, SideGuard
from routerd.media_worker.srtp import Srtp

if TYPE_CHECKING:
    from routerd.media.relay_lane import Address
    from routerd.media.relay_session import RelaySession
    from routerd.media_worker.path import Path

HOST = "127.0.0.1"
PHONE, TRUNK, BROWSER, MALLORY = ("192.0.2.1", 4000), ("192.0.2.2", 5000), ("192.0.2.3", 6000), ("198.51.100.9", 7000)
HEAD = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\n"
REPORT = bytes([0x80, 201, 0, 1, 0, 0, 0, 8])


class Opener:
    def __init__(self) -> None:
        self.pool = PortPool(20000, 20099)
        self.path: Path | None = None
        self.sent: list[tuple[int, int, bytes, Address]] = []

    def open(self, session: RelaySession) -> LinePorts:
        del session
        return LinePorts(self.pool.take(), self.pool.take())

    def close(self, ports: LinePorts) -> None:
        for port in ports:
            self.pool.give_back(port)

    def treat(self, ports: LinePorts, path: Path | None) -> None:
        assert ports
        self.path = path

    def send(self, ports: LinePorts, side: int, component: int, data: bytes, destination: Address) -> None:
        assert ports
        self.sent.append((side, component, data, destination))

    def take(self) -> list[tuple[int, int, bytes, Address]]:
        sent, self.sent = self.sent, []
        return sent


class House:
    """An engine with security, and one call on it."""

    def __init__(self) -> None:
        self.opener = Opener()
        self.engine = Engine(Addresses(HOST, ()), self.opener, self._drop, started="i", extensions=(Security,))
        self.now = 100.0
        self._cookie = 0

    def _drop(self, data: bytes, destination: Address) -> None:
        """Nobody asks for events here."""

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        self._cookie += 1
        reply = self.engine.handle(ng.encode_command(str(self._cookie), command), (HOST, 1), self.now)
        assert reply is not None
        return ng.decode_reply(reply)[1]

    def offer(self, body: str, protocol: str = "", ice: str = "remove", tag: str = "a", **extra: Any) -> str:
        named = {"transport-protocol": protocol} if protocol else {}
        reply = self.ask(ng.offer("c", tag, body.encode(), ice=ice, extra={**named, **extra}))
        assert ng.is_ok(reply), reply
        return str(reply["sdp"].decode())

    def answer(self, body: str, ice: str = "remove", tags: tuple[str, str] = ("a", "b"), **extra: Any) -> str:
        reply = self.ask(ng.answer("c", *tags, body.encode(), ice=ice, extra=extra))
        assert ng.is_ok(reply), reply
        return str(reply["sdp"].decode())

    def hear(
        self, side: int, data: bytes, source: Address, component: int = RTP
    ) -> list[tuple[int, int, bytes, Address]]:
        """What leaves when this comes."""
        assert self.opener.path is not None, "not on the treated path"
        self.now += 0.02
        self.opener.path.take(side, component, data, source, self.now)
        return self.opener.take()

    def guard(self, side: int) -> SideGuard:
        assert self.opener.path is not None
        guard = self.opener.path.guards[side]
        assert isinstance(guard, SideGuard)
        return guard


def plain(address: Address = TRUNK, direction: str = "sendrecv") -> str:
    return HEAD.format(address[0]) + f"m=audio {address[1]} RTP/AVP 8\r\na={direction}\r\n"


def packet(sequence: int, ssrc: int = 1) -> bytes:
    return rtp.build(8, sequence, sequence * 160, ssrc, bytes(range(160)))


def said(body: str) -> Carriage:
    session = sdp.parse(body.encode())
    return profiles.read(session, session.media[0])


class Secured:
    """A phone with keys in its description."""

    def __init__(self, address: Address = PHONE, suite: str = "AES_CM_128_HMAC_SHA1_80") -> None:
        self.address = address
        size = sdes.SUITES[suite].secret_bytes
        self.crypto = sdes.Crypto(1, sdes.SUITES[suite], random.Random(address[1]).randbytes(size))
        self.srtp: Srtp

    def body(self) -> str:
        line = f"m=audio {self.address[1]} RTP/SAVP 8\r\na=crypto:{self.crypto.value}\r\n"
        return HEAD.format(self.address[0]) + line

    def meet(self, body: str) -> None:
        theirs = next(one for one in sdes.offered(said(body).cryptos) if one.tag == self.crypto.tag)
        self.srtp = Srtp(theirs.suite.name, theirs.secret, self.crypto.secret)

    def answer_to(self, body: str, tag: int = 1) -> str:
        theirs = next(one for one in sdes.offered(said(body).cryptos) if one.tag == tag)
        self.crypto = sdes.Crypto(tag, theirs.suite, bytes(range(theirs.suite.secret_bytes)))
        self.meet(body)
        return self.body()


class Browser:
    """DTLS, ICE as the controlling side, one port for RTP and RTCP."""

    def __init__(self, address: Address = BROWSER, ufrag: str = "bbbb") -> None:
        self.address = address
        self.ice = Ice(ufrag, "browserbrowserbrowser00")
        self.dtls = Dtls(Identity.make())
        self.remote: Carriage | None = None
        self.srtp: Srtp
        self.with_ice = True

    def body(self, setup: str = "actpass", direction: str = "sendrecv") -> str:
        digest = self.dtls.identity.fingerprint[1].hex(":").upper()
        lines = "a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 8\r\nc=IN IP4 0.0.0.0\r\n"
        if self.with_ice:
            lines += f"a=ice-ufrag:{self.ice.ufrag}\r\na=ice-pwd:{self.ice.password}\r\na=ice-options:trickle\r\n"
        else:
            lines = lines.replace("audio 9", f"audio {self.address[1]}").replace("0.0.0.0", self.address[0])
        lines += f"a=fingerprint:sha-256 {digest}\r\na=setup:{setup}\r\na=mid:0\r\na=rtcp-mux\r\na={direction}\r\n"
        return HEAD.format("0.0.0.0") + lines + "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"

    def meet(self, body: str, *, server: bool) -> None:
        self.remote = said(body)
        self.dtls.meet(self.remote.fingerprints, server=server)

    def check(self, *, nominate: bool = True) -> bytes:
        assert self.remote is not None
        assert self.remote.ice is not None
        name = f"{self.remote.ice.ufrag}:{self.ice.ufrag}"
        return stun.binding_request(
            b"123456789012", name, self.remote.ice.password.encode(), priority=1, nominate=nominate
        )

    def connect(self, house: House, side: int) -> None:
        """Checks, then the handshake, then keys."""
        pending = [self.check()] if self.with_ice else self.dtls.begin((HOST, 1))
        for _ in range(20):
            answers = [sent for data in pending for sent in house.hear(side, data, self.address)]
            pending = []
            for of, component, data, destination in answers:
                assert (of, component, destination) == (side, RTP, self.address)
                pending += [] if stun.is_stun(data) else self.dtls.take(data, (HOST, 1), proven=True)
            pending += self.dtls.begin((HOST, 1))
            if not pending and self.dtls.keys is not None:
                break
        keys = self.dtls.keys
        assert keys is not None
        self.srtp = Srtp(keys.suite, keys.theirs, keys.ours)


def assert_talking(house: House, side: int, party: Secured | Browser, other: Address, start: int = 1) -> None:
    """Both ways between a secured party and a plain one."""
    secured = party.srtp.protect(packet(start), rtcp=False)
    assert secured is not None
    assert house.hear(side, secured, party.address) == [(1 - side, RTP, packet(start), other)]
    ((of, _, data, destination),) = house.hear(1 - side, packet(start, 2), other)
    assert (of, destination) == (side, party.address)
    assert data != packet(start, 2)
    assert party.srtp.unprotect(data, rtcp=False) == packet(start, 2)


# -- keys in descriptions --


@pytest.mark.parametrize("suite", sorted(sdes.SUITES))
def test_a_secured_phone_calls_a_plain_trunk(suite: str) -> None:
    house, phone = House(), Secured(suite=suite)
    to_trunk = house.offer(phone.body(), "RTP/AVP")
    assert said(to_trunk) == Carriage("RTP/AVP")
    to_phone = house.answer(plain())
    assert said(to_phone).protocol == "RTP/SAVP"
    assert len(said(to_phone).cryptos) == 1
    phone.meet(to_phone)
    assert_talking(house, 0, phone, TRUNK)
    report = phone.srtp.protect(REPORT, rtcp=True)
    assert report is not None
    assert house.hear(0, report, (PHONE[0], PHONE[1] + 1), RTCP) == [(1, RTCP, REPORT, (TRUNK[0], TRUNK[1] + 1))]


@pytest.mark.parametrize("tag", [1, 2, 3, 4])
def test_a_plain_trunk_calls_a_secured_phone(tag: int) -> None:
    house, phone = House(), Secured()
    to_phone = house.offer(plain(), "RTP/SAVP")
    assert len(said(to_phone).cryptos) == 4
    to_trunk = house.answer(phone.answer_to(to_phone, tag))
    assert said(to_trunk) == Carriage("RTP/AVP")
    assert_talking(house, 1, phone, TRUNK)


def test_two_secured_phones_have_keys_of_their_own() -> None:
    house, alice, bob = House(), Secured(), Secured(TRUNK)
    to_bob = house.offer(alice.body(), "RTP/SAVP")
    to_alice = house.answer(bob.answer_to(to_bob, 2))
    alice.meet(to_alice)
    secured = alice.srtp.protect(packet(1), rtcp=False)
    assert secured is not None
    ((side, _, data, destination),) = house.hear(0, secured, alice.address)
    assert (side, destination) == (1, bob.address)
    assert data != secured
    assert bob.srtp.unprotect(data, rtcp=False) == packet(1)
    keys = {alice.crypto.secret, bob.crypto.secret, *(one.secret for one in sdes.offered(said(to_alice).cryptos))}
    assert len(keys | {one.secret for one in sdes.offered(said(to_bob).cryptos)}) == 7


def test_a_renegotiation_keeps_keys_and_what_was_counted() -> None:
    house, phone = House(), Secured()
    house.offer(phone.body(), "RTP/AVP")
    to_phone = house.answer(plain())
    phone.meet(to_phone)
    assert_talking(house, 0, phone, TRUNK)
    replayed = phone.srtp.protect(packet(2), rtcp=False)
    assert replayed is not None
    assert house.hear(0, replayed, PHONE)
    house.offer(phone.body().replace("8\r\n", "8\r\na=sendonly\r\n", 1), "RTP/AVP")
    held = house.answer(plain(direction="recvonly"))
    assert said(held).cryptos == said(to_phone).cryptos
    assert house.hear(0, replayed, PHONE) == []
    assert_talking(house, 0, phone, TRUNK, 3)
    again = house.offer(plain(), "RTP/SAVP", tag="b")  # the trunk asks this time
    house.answer(phone.answer_to(again), tags=("b", "a"))
    assert_talking(house, 0, phone, TRUNK, 4)


def test_what_cannot_be_secured_is_refused() -> None:
    house, phone = House(), Secured()
    unusable = phone.body().replace("AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80")
    reply = house.ask(ng.offer("c", "a", unusable.encode(), extra={"transport-protocol": "RTP/AVP"}))
    assert not ng.is_ok(reply)
    assert len(house.engine) == 0
    to_phone = house.offer(plain(), "RTP/SAVP")
    for body in (plain(PHONE), phone.body().replace("a=crypto:1", "a=crypto:9"), Browser().body("active")):
        assert not ng.is_ok(house.ask(ng.answer("c", "a", "b", body.encode())))
    house.answer(phone.answer_to(to_phone))
    assert_talking(house, 1, phone, TRUNK)


def test_who_does_not_ask_for_it_is_passed_as_before() -> None:
    house, phone = House(), Secured()
    offered = house.offer(phone.body())
    assert said(offered).cryptos == (phone.crypto.value,)
    house.answer(phone.body())
    assert house.opener.path is None
    house = House()
    assert "RTP/AVP" in house.offer(plain(), "RTP/AVP")
    house.answer(plain())
    assert house.opener.path is None


def test_a_spoofed_source_without_the_key_is_never_learnt() -> None:
    house, phone = House(), Secured()
    house.offer(phone.body(), "RTP/AVP")
    phone.meet(house.answer(plain()))
    for sequence in range(400):  # eight seconds, the phone silent: plain RTP would be learnt by now
        assert house.hear(0, packet(sequence, 66), MALLORY) == []
    assert house.opener.path is not None
    assert house.opener.path.session.lane(0, RTP).settled is None
    assert house.opener.path.session.lane(0, RTP).target == PHONE
    assert house.opener.path.refused == 400
    assert_talking(house, 0, phone, TRUNK)


def test_ten_thousand_bad_packets_and_the_call_lives() -> None:
    house, phone = House(), Secured()
    house.offer(phone.body(), "RTP/AVP")
    phone.meet(house.answer(plain()))
    chance = random.Random(4)
    for index in range(10_000):
        size = chance.choice((0, 1, 12, 40, 172, 1500, 4000))
        data = (b"\x80\x08" + chance.randbytes(size))[:size] if index % 2 else chance.randbytes(size)
        assert house.hear(0, data, PHONE if index % 3 else MALLORY, index % 2) == []
    assert_talking(house, 0, phone, TRUNK)


# -- browsers --


def call_from(browser: Browser, house: House, **extra: Any) -> None:
    house.offer(browser.body(), "RTP/AVP")
    body = house.answer(plain(), ice="force", **extra)
    browser.meet(body, server=said(body).setup == "active")


@pytest.mark.parametrize("role", ["passive", "active"])
def test_a_browser_calls_a_plain_trunk(role: str) -> None:
    house, browser = House(), Browser()
    to_trunk = house.offer(browser.body(), "RTP/AVP")
    assert said(to_trunk) == Carriage("RTP/AVP")
    assert "c=IN IP4 0.0.0.0" not in to_trunk
    assert not [word for word in ("rtcp-fb", "mid", "group", "fingerprint", "ice", "invalid") if word in to_trunk]
    body = house.answer(plain(), ice="force", DTLS=role)
    answer = said(body)
    assert (answer.protocol, answer.setup, answer.rtcp_mux, answer.mid) == ("UDP/TLS/RTP/SAVPF", role, True, "0")
    assert answer.ice is not None
    assert answer.ice.lite
    assert f"a=candidate:1 1 UDP 2130706431 {HOST} " in body
    browser.meet(body, server=role == "active")
    assert house.hear(1, packet(1, 2), TRUNK) == []  # no keys, no address yet
    browser.connect(house, 0)
    assert_talking(house, 0, browser, TRUNK, 2)
    report = browser.srtp.protect(REPORT, rtcp=True)
    assert report is not None
    assert house.hear(0, report, BROWSER) == [(1, RTCP, REPORT, (TRUNK[0], TRUNK[1] + 1))]
    ((side, component, data, destination),) = house.hear(1, REPORT, (TRUNK[0], TRUNK[1] + 1), RTCP)
    assert (side, component, destination) == (0, RTP, BROWSER)
    assert browser.srtp.unprotect(data, rtcp=True) == REPORT


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_a_plain_trunk_calls_a_browser(setup: str) -> None:
    house, browser = House(), Browser()
    offered = house.offer(plain(), "UDP/TLS/RTP/SAVPF", ice="force")
    assert (said(offered).setup, said(offered).rtcp_mux, said(offered).cryptos) == ("actpass", True, ())
    browser.meet(offered, server=setup == "passive")
    to_trunk = house.answer(browser.body(setup))
    assert said(to_trunk) == Carriage("RTP/AVP")
    browser.connect(house, 1)
    assert_talking(house, 1, browser, TRUNK)


@pytest.mark.parametrize("role", ["passive", "active"])
def test_dtls_without_ice(role: str) -> None:
    house, phone = House(), Browser()
    phone.with_ice = False
    call_from(phone, house, DTLS=role)
    assert phone.remote is not None
    assert phone.remote.ice is None
    if role == "active":
        assert house.opener.path is not None
        house.opener.path.tick(house.now)
        for side, _, data, destination in house.opener.take():
            assert (side, destination) == (0, BROWSER)
            for answer in phone.dtls.take(data, (HOST, 1), proven=False):
                house.opener.path.take(0, RTP, answer, BROWSER, house.now)
        for _ in range(6):
            for _, _, data, _ in house.opener.take():
                for answer in phone.dtls.take(data, (HOST, 1), proven=False):
                    house.opener.path.take(0, RTP, answer, BROWSER, house.now)
        assert phone.dtls.keys is not None
        phone.srtp = Srtp(phone.dtls.keys.suite, phone.dtls.keys.theirs, phone.dtls.keys.ours)
    else:
        phone.connect(house, 0)
    assert_talking(house, 0, phone, TRUNK)


def test_a_browser_holds_and_comes_back() -> None:
    house, browser = House(), Browser()
    call_from(browser, house)
    browser.connect(house, 0)
    first = browser.remote
    for start, direction in ((1, "sendonly"), (2, "sendrecv")):
        to_trunk = house.offer(browser.body(direction=direction), "RTP/AVP")
        assert f"a={direction}" in to_trunk
        assert "c=IN IP4 0.0.0.0" not in to_trunk
        body = house.answer(plain(direction={"sendonly": "recvonly"}.get(direction, direction)), ice="force")
        assert said(body) == first  # credentials, fingerprint and role as they were
        assert_talking(house, 0, browser, TRUNK, start)
    again = house.offer(plain(), "UDP/TLS/RTP/SAVPF", ice="force", tag="b")
    assert said(again).setup == "actpass"
    assert said(again)._replace(setup="passive", mid="0") == first
    house.answer(browser.body("active"), tags=("b", "a"))
    assert_talking(house, 0, browser, TRUNK, 3)


def test_a_browser_that_begins_anew_gets_new_credentials_and_is_heard_meanwhile() -> None:
    house, browser = House(), Browser()
    call_from(browser, house)
    browser.connect(house, 0)
    assert browser.remote is not None
    before = browser.remote.ice
    browser.ice = Ice("cccc", browser.ice.password)
    call_from(browser, house)
    assert browser.remote.ice != before
    assert_talking(house, 0, browser, TRUNK)
    browser.address = ("192.0.2.33", 6001)
    ((_, _, answer, destination),) = house.hear(0, browser.check(), browser.address)
    assert stun.is_stun(answer)
    assert destination == browser.address
    assert_talking(house, 0, browser, TRUNK, 2)


def test_another_browser_answers_late_and_is_the_one_that_is_heard() -> None:
    house, early, late = House(), Browser(), Browser(("192.0.2.4", 6100), "dddd")
    offered = house.offer(plain(), "UDP/TLS/RTP/SAVPF", ice="force")
    for browser, tag in ((early, "b"), (late, "d")):
        browser.meet(offered, server=False)
        house.answer(browser.body("active"), tags=("a", tag))
        browser.connect(house, 1)
        assert_talking(house, 1, browser, TRUNK, 1 if browser is early else 5)
    secured = early.srtp.protect(packet(9), rtcp=False)
    assert secured is not None
    assert house.hear(1, secured, early.address) == []


def test_a_fork_of_a_phone_a_secured_phone_and_a_browser() -> None:
    for answering in ("plain", "sdes", "dtls"):
        house, browser, phone = House(), Browser(), Secured()
        house.offer(plain(), "RTP/AVP")
        to_phone = house.offer(plain(), "RTP/SAVP")
        to_browser = house.offer(plain(), "UDP/TLS/RTP/SAVPF", ice="force")
        ports = {sdp.parse(body.encode()).media[0].port for body in (to_phone, to_browser)}
        assert len(ports) == 1
        if answering == "plain":
            house.answer(plain(PHONE))
            assert house.opener.path is None
        elif answering == "sdes":
            house.answer(phone.answer_to(to_phone))
            assert_talking(house, 1, phone, TRUNK)
        else:
            house.answer(plain(PHONE))  # early media of the plain one first
            browser.meet(to_browser, server=False)
            house.answer(browser.body("active"), tags=("a", "d"))
            browser.connect(house, 1)
            assert_talking(house, 1, browser, TRUNK)


def test_two_browsers() -> None:
    house, alice, bob = House(), Browser(), Browser(("192.0.2.4", 6100), "dddd")
    offered = house.offer(alice.body(), "UDP/TLS/RTP/SAVPF", ice="force")
    bob.meet(offered, server=False)
    alice.meet(house.answer(bob.body("active"), ice="force"), server=False)
    alice.connect(house, 0)
    bob.connect(house, 1)
    secured = alice.srtp.protect(packet(1), rtcp=False)
    assert secured is not None
    ((side, _, data, destination),) = house.hear(0, secured, alice.address)
    assert (side, destination) == (1, bob.address)
    assert bob.srtp.unprotect(data, rtcp=False) == packet(1)


def test_each_line_has_a_certificate_of_its_own() -> None:
    one, other = House(), House()
    bodies = [house.offer(plain(), "UDP/TLS/RTP/SAVPF", ice="force") for house in (one, other)]
    assert said(bodies[0]).fingerprints != said(bodies[1]).fingerprints
    assert said(bodies[0]).ice != said(bodies[1]).ice


# -- attackers --


def test_only_a_check_with_our_password_moves_a_browsers_line() -> None:
    house, browser = House(), Browser()
    call_from(browser, house)
    browser.connect(house, 0)
    assert browser.remote is not None
    assert browser.remote.ice is not None
    name = f"{browser.remote.ice.ufrag}:{browser.ice.ufrag}"
    forged = stun.binding_request(b"123456789012", name, b"guessed", priority=1, nominate=True)
    for data in (forged, forged[:-8], forged + bytes(2000), browser.check()[:-4] + b"xxxx", b"\0" * 1500):
        assert house.hear(0, data, MALLORY) == []
    for sequence in range(200):
        assert house.hear(0, packet(sequence, 66), MALLORY) == []
    counts = house.guard(0).counts()
    assert counts["wrong credentials"] == 1
    assert counts["garbage"] == 4
    assert counts["forged"] == 200
    told = house.ask(ng.query("c"))["tags"]
    assert told["a"]["medias"][0]["refused"] == counts
    assert told["b"]["medias"][0]["refused"] == {}
    assert_talking(house, 0, browser, TRUNK)


def test_a_foreign_hello_changes_nothing() -> None:
    house, browser, mallory = House(), Browser(), Dtls(Identity.make())
    call_from(browser, house)
    assert browser.remote is not None
    mallory.meet(browser.remote.fingerprints, server=False)
    (hello,) = mallory.begin((HOST, 1))
    assert house.hear(0, hello, MALLORY) == []
    browser.connect(house, 0)
    for source in (MALLORY, BROWSER):
        house.hear(0, hello, source)
    assert house.guard(0).counts()["foreign handshakes"] == 2
    assert_talking(house, 0, browser, TRUNK)


def test_a_foreign_hello_without_ice() -> None:
    house, phone, mallory = House(), Browser(), Browser(MALLORY)
    phone.with_ice = mallory.with_ice = False
    call_from(phone, house)
    mallory.remote = phone.remote
    assert phone.remote is not None
    mallory.dtls.meet(phone.remote.fingerprints, server=False)
    mallory.connect(house, 0)  # as it believes: its certificate is looked at when it is done
    forged = mallory.srtp.protect(packet(1), rtcp=False)
    assert forged is not None
    for source in (MALLORY, BROWSER):
        assert house.hear(0, forged, source) == []
    phone.connect(house, 0)
    assert_talking(house, 0, phone, TRUNK)
    for source in (MALLORY, BROWSER):
        assert house.hear(0, forged, source) == []


def test_nothing_is_left_of_a_call() -> None:
    house = House()
    call_from(Browser(), house)
    security = house.engine.extensions[0]
    assert isinstance(security, Security)
    assert security._sides
    house.ask(ng.delete("c"))
    assert not security._sides


def test_a_guard_without_keys_lets_nothing_through() -> None:
    house, browser = House(), Browser()
    call_from(browser, house)
    guard = house.guard(0)
    assert guard.protect(packet(1), rtcp=False) is None
    assert guard.unprotect(packet(1), rtcp=False) is None
    assert guard.take_other(b"\x40" + bytes(40), BROWSER, 1.0) == []
    assert guard.counts()["garbage"] == 1


def test_keys_are_in_no_error_and_no_repr() -> None:
    house, phone = House(), Secured()
    secret = phone.crypto.value.rpartition(":")[2]
    reply = house.ask(
        ng.offer(
            "c", "a", phone.body().replace("1 AES_CM", "x AES_CM").encode(), extra={"transport-protocol": "RTP/AVP"}
        )
    )
    assert secret not in str(reply)
    house.offer(phone.body(), "RTP/AVP")
    phone.meet(house.answer(plain()))
    assert secret not in repr(house.guard(0))


def test_the_process_of_calls_does_not_load_what_secures_media() -> None:
    script = "import sys, routerd.app.sip; sys.exit(bool({'OpenSSL', 'pylibsrtp', '_cffi_backend'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
