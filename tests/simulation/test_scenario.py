from __future__ import annotations

import json
from typing import Any

import pytest

from routerd.errors import ConfigError
from routerd.simulation.scenario import read, seconds

CALL = {"kind": "inbound", "trunk": "pstn", "from": "+919812345678", "to": "+918069651170"}


def scenario(**changes: Any) -> bytes:
    return json.dumps({"at": "2026-11-23T06:30:00Z", "call": CALL, **changes}).encode()


def test_what_is_left_out_has_its_default() -> None:
    read_ = read(scenario(phones={"extension:2001": {"answer_after_s": 4, "trunks": {"pstn": {"status": 486}}}}))
    assert read_.begin == 1795415400.0
    assert read_.call.from_ == "+919812345678"
    assert read_.phones["extension:2001"].ring_after_s == 0.0
    assert read_.phones["extension:2001"].trunks["pstn"].status == 486
    assert read_.state.registered == {}
    assert read_.events == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"speed": 1}, "unknown field `speed`"),
        ({"state": {"regstered": {}}}, "unknown field `regstered`"),
        ({"phones": {"+91": {"anser_after_s": 1}}}, "unknown field `anser_after_s`"),
        ({"phones": {"+91": {"answer_after_s": "soon"}}}, "phones"),
        ({"events": [{"at_s": 1, "do": "dance"}]}, "dance"),
        ({"events": [{"at_s": -1, "do": "caller_hangup"}]}, "negative"),
        ({"events": [{"at_s": 1, "do": "logout"}]}, "needs an agent"),
        ({"events": [{"at_s": 1, "do": "digits", "digits": "x"}]}, "digits are"),
        ({"at": "2026-11-23T06:30:00"}, "no instant with its offset"),
        ({"at": "yesterday"}, "no instant"),
        ({"call": {"kind": "inbound", "to": "1"}}, "needs trunk"),
        ({"call": {"kind": "softphone", "to": "1"}}, "needs from"),
        ({"call": {"kind": "click_to_call", "to": "1"}}, "needs agent"),
        ({"call": {"kind": "carrier_pigeon", "to": "1"}}, "carrier_pigeon"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read(scenario(**changes))


def test_instants_have_offsets() -> None:
    assert seconds("2026-11-23T12:00:00+05:30") == seconds("2026-11-23T06:30:00Z")
