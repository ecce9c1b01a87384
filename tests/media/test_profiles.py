from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.media import profiles, sdp
from routerd.media.profiles import DTLS, PLAIN, SDES, Carriage, Ice

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
DIGEST = bytes(range(32))
BROWSER = HEAD + (
    "a=group:BUNDLE 0\r\na=msid-semantic: WMS *\r\na=extmap-allow-mixed\r\na=setup:actpass\r\n"
    f"a=fingerprint:SHA-256 {DIGEST.hex(':').upper()}\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 8\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=ice-options:trickle\r\na=candidate:1 1 udp 5 x.local 4000 typ host\r\n"
    "a=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\na=msid:- 1\r\na=rtcp-mux\r\n"
    "a=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=ssrc:1 cname:x\r\n"
)
SECURED = HEAD + "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 X inline:y\r\na=ptime:20\r\n"
ORDINARY = HEAD + "m=audio 4000 RTP/AVP 8\r\na=ptime:20\r\n"


def line(body: str) -> tuple[sdp.SessionDescription, sdp.Media]:
    session = sdp.parse(body.encode())
    return session, session.media[0]


@pytest.mark.parametrize(
    ("body", "profile"),
    [
        (BROWSER, DTLS),
        (SECURED, SDES),
        (ORDINARY, PLAIN),
        (ORDINARY.replace("RTP/AVP", "RTP/AVPF"), PLAIN),
        (SECURED.replace("SAVP", "SAVPF"), SDES),
        (BROWSER.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"), DTLS),
        (HEAD + "m=image 4000 udptl t38\r\n" + ORDINARY[len(HEAD) :], PLAIN),
        (HEAD + "m=audio 0 RTP/SAVP 8\r\n" + ORDINARY[len(HEAD) :].replace("audio", "video"), PLAIN),
        (HEAD + "m=audio 0 RTP/SAVP 8\r\n", None),
        (HEAD, None),
        ("m=audio 5 RTP/SAVP 8\r\n", None),
    ],
)
def test_the_profile_of_a_description(body: str, profile: str | None) -> None:
    assert profiles.profile_of(body.encode()) == profile


def test_what_a_browser_says() -> None:
    carriage = profiles.read(*line(BROWSER))
    assert carriage == Carriage(
        "UDP/TLS/RTP/SAVPF",
        (),
        (("sha-256", DIGEST),),
        "actpass",
        Ice("abcd", "abcdefghijklmnopqrstuvwx"),
        rtcp_mux=True,
        mid="0",
    )
    assert carriage.profile == DTLS


def test_the_line_says_more_than_the_session() -> None:
    body = BROWSER.replace("a=mid:0", "a=setup:active\r\na=fingerprint:sha-512 00:11").replace(
        "t=0 0", "t=0 0\r\na=ice-lite"
    )
    carriage = profiles.read(*line(body))
    assert carriage.setup == "active"
    assert carriage.fingerprints == (("sha-512", b"\x00\x11"),)
    assert carriage.ice is not None
    assert carriage.ice.lite


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ice-ufrag:abcd", "ice-ufrag:a"),
        ("ice-pwd:abcdef", "ice-pwd:"),
        ("ice-ufrag:abcd", "ice-ufrag:ab d"),
        ("ice-pwd", "x"),
    ],
)
def test_malformed_credentials_are_none(old: str, new: str) -> None:
    assert profiles.read(*line(BROWSER.replace(old, new))).ice is None


def test_a_browsers_description_becomes_a_phones() -> None:
    session, media = line(BROWSER)
    profiles.strip(session)
    profiles.write(media, Carriage("RTP/AVP"))
    assert session.serialise().decode() == (
        HEAD + "m=audio 9 RTP/AVP 111 8\r\na=sendrecv\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n"
        "a=rtpmap:8 PCMA/8000\r\n"
    )


def test_a_phones_description_becomes_a_browsers() -> None:
    session, media = line(ORDINARY)
    ours = Carriage(
        "UDP/TLS/RTP/SAVPF",
        ("1 X inline:y",),
        (("sha-256", DIGEST),),
        "actpass",
        Ice("wxyz", "z" * 24, lite=True),
        rtcp_mux=True,
        mid="0",
    )
    profiles.strip(session)
    profiles.write(media, ours, [profiles.host_candidate("192.0.2.9", 20000)])
    session.add_attribute("ice-lite")
    assert "a=candidate:1 1 UDP 2130706431 192.0.2.9 20000 typ host" in session.media[0].lines
    assert profiles.read(*line(session.serialise().decode())) == ours


def test_lines_that_are_no_rtp_stay_as_they_are() -> None:
    body = HEAD + "m=image 4000 udptl t38\r\na=setup:actpass\r\na=T38FaxVersion:0\r\n"
    session, _ = line(body)
    profiles.strip(session)
    assert session.serialise().decode() == body


def test_secured_protocols() -> None:
    assert profiles.is_secured("udp/tls/rtp/savpf")
    assert profiles.is_secured("RTP/SAVP")
    assert not profiles.is_secured("RTP/AVPF")
    assert not profiles.is_secured("udptl")
    assert all(Carriage(protocol).profile == profile for profile, protocol in profiles.PROTOCOLS.items())


@given(st.text(alphabet=st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=60))
def test_reading_raises_nothing(text: str) -> None:
    for name in ("crypto", "fingerprint", "setup", "ice-ufrag", "ice-pwd", "mid"):
        session, media = line(SECURED)
        media.add_attribute(name, text)
        profiles.read(session, media)
