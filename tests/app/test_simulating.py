from __future__ import annotations

import json

import pytest

from routerd.app.simulating import results, stage_of, tables_of
from routerd.config.problems import DocumentErrors
from routerd.simulation.play import play
from routerd.simulation.scenario import read

DOCUMENT = {
    "schema": 1,
    "account": {"id": "acme", "name": "Acme", "country": "IN"},
    "trunks": [{"id": "pstn", "target": "sip:192.0.2.10", "addresses": ["192.0.2.0/28"]}],
    "numbers": [{"number": "+918069651170"}],
}
CALL = {"kind": "inbound", "trunk": "pstn", "from": "+919812345678", "to": "+918069651170"}
SCENARIO = {"at": "2026-11-23T06:30:00Z", "seed": 1, "call": CALL}


def test_a_call_is_played() -> None:
    stage = stage_of(json.dumps(DOCUMENT).encode())
    assert play(stage, read(json.dumps(SCENARIO).encode()))["reason"] == "no_destination"
    assert tables_of(json.dumps(DOCUMENT).encode()).version == 1


def test_a_wrong_document_is_not() -> None:
    with pytest.raises(DocumentErrors):
        stage_of(b'{"schema": 9}')


def test_lines_are_played_and_wrong_ones_say_why() -> None:
    good = json.dumps({"document": DOCUMENT, "scenario": SCENARIO}).encode()
    first, second, third = results([good, b"{", b"\n", good])
    assert first == third
    assert "error" in second
