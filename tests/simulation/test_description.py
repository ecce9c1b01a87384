from __future__ import annotations

import pytest

from routerd.media import offer_answer, sdp
from routerd.simulation import description


def test_an_offer_can_be_read() -> None:
    offer = description.describe("192.0.2.1", 4000, 1)
    offer_answer.check_offer(offer)
    assert sdp.parse(offer).media[0].port == 4000
    assert description.is_relayed(offer, "192.0.2.1")
    assert not description.is_relayed(offer, "192.0.2.2")


@pytest.mark.parametrize(
    ("offered", "answered"), [("sendonly", "recvonly"), ("sendrecv", "sendrecv"), ("inactive", "inactive")]
)
def test_an_answer_takes_the_formats_in_common_and_turns_the_direction(offered: str, answered: str) -> None:
    offer = description.describe("192.0.2.1", 4000, 1, offered, (b"0", b"101"))
    answer = description.answer(offer, "2001:db8::1", 5000, 2)
    assert b"m=audio 5000 RTP/AVP 0 101\r\n" in answer
    assert f"a={answered}\r\n".encode() in answer
    assert b"c=IN IP6 2001:db8::1" in answer


def test_a_refused_line_stays_refused() -> None:
    assert b"m=audio 0 " in description.answer(description.describe("192.0.2.1", 0, 1), "192.0.2.2", 5000, 1)
