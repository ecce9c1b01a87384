from __future__ import annotations

import pytest

from routerd.b2bua import media_profiles
from routerd.media.profiles import DTLS, PLAIN, SDES
from routerd.sip.flow import Flow

HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
PHONE = HEAD + b"m=audio 4000 RTP/AVP 8\r\n"
SECURED = HEAD + b"m=audio 4000 RTP/SAVP 8\r\na=crypto:1 X inline:y\r\n"
BROWSER = HEAD + b"m=audio 9 UDP/TLS/RTP/SAVPF 8\r\na=ice-ufrag:abcd\r\na=ice-pwd:x\r\n"


class Leg:
    def __init__(self, srtp: str = "auto", transport: str = "udp", remote_sdp: bytes = b"") -> None:
        flow = Flow(transport, ("192.0.2.9", 5060), ("192.0.2.1", 5060)) if transport else None
        self.profile = media_profiles.expected(srtp, flow)
        self.remote_sdp = remote_sdp


@pytest.mark.parametrize(
    ("leg", "profile"),
    [
        (Leg(), PLAIN),
        (Leg(transport=""), PLAIN),
        (Leg(transport="tls"), PLAIN),
        (Leg(transport="wss"), DTLS),
        (Leg(transport="ws"), DTLS),
        (Leg("off", "wss"), PLAIN),
        (Leg("sdes"), SDES),
        (Leg("dtls"), DTLS),
        (Leg("sdes", remote_sdp=PHONE), PLAIN),
        (Leg("off", remote_sdp=BROWSER), DTLS),
        (Leg(remote_sdp=SECURED), SDES),
        (Leg("sdes", remote_sdp=HEAD), SDES),
    ],
)
def test_the_profile_of_a_party(leg: Leg, profile: str) -> None:
    assert media_profiles.of_party(leg) == profile


def test_between_plain_parties_nothing_is_said() -> None:
    assert media_profiles.offer_words(PHONE, PLAIN) == ("remove", {})
    assert media_profiles.offer_words(HEAD, PLAIN) == ("remove", {})


@pytest.mark.parametrize(
    ("sdp", "wanted", "protocol", "ice"),
    [
        (BROWSER, PLAIN, "RTP/AVP", "remove"),
        (SECURED, PLAIN, "RTP/AVP", "remove"),
        (PHONE, SDES, "RTP/SAVP", "remove"),
        (SECURED, SDES, "RTP/SAVP", "remove"),
        (PHONE, DTLS, "UDP/TLS/RTP/SAVPF", "force"),
        (BROWSER, DTLS, "UDP/TLS/RTP/SAVPF", "force"),
    ],
)
def test_the_words_of_an_offer(sdp: bytes, wanted: str, protocol: str, ice: str) -> None:
    said, words = media_profiles.offer_words(sdp, wanted)
    assert (said, words["transport-protocol"]) == (ice, protocol)
    assert words["rtcp-mux"] == (["offer", "require"] if wanted == DTLS else ["demux"])


def test_who_offered_gets_the_answer_as_they_offered() -> None:
    whole = BROWSER.replace(b"ice-pwd:x", b"ice-pwd:" + b"x" * 22)
    assert media_profiles.answer_words(whole, PHONE) == ("force", {"transport-protocol": "UDP/TLS/RTP/SAVPF"})
    assert media_profiles.answer_words(SECURED, PHONE) == ("remove", {"transport-protocol": "RTP/SAVP"})
    assert media_profiles.answer_words(PHONE, whole) == ("remove", {"transport-protocol": "RTP/AVP"})
    assert media_profiles.answer_words(PHONE + b"a=ice-ufrag:abcd\r\n", PHONE) == ("remove", {})
    assert media_profiles.answer_words(b"", SECURED) == ("remove", {})
