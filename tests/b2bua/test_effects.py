"""The border between the pure floors and the edge: plain values, comparable and cheap."""

from __future__ import annotations

import gc
import inspect

import pytest

from routerd.b2bua import effects as fx
from routerd.sip.flow import Flow

FLOW = Flow("udp", ("192.0.2.1", 5060), ("203.0.113.1", 5060))
KINDS = [kind for _, kind in inspect.getmembers(fx, inspect.isclass) if kind.__module__ == fx.__name__]


@pytest.mark.parametrize("kind", KINDS)
def test_every_effect_says_what_it_is_for(kind: type) -> None:
    assert kind.__doc__


@pytest.mark.parametrize(
    ("effect", "same"),
    [
        (fx.Transmit(FLOW, b"x"), fx.Transmit(FLOW, b"x")),
        (fx.Note("odd"), fx.Note("odd", "")),
        (fx.Journal("call.end", {}), fx.Journal("call.end", {}, urgent=False)),
        (fx.DnsAnswer(1, None), fx.DnsAnswer(1, None)),
        (fx.Command(1, "login", {"agent": "asha"}), fx.Command(1, "login", {"agent": "asha"})),
    ],
)
def test_effects_are_values(effect: object, same: object) -> None:
    assert effect == same
    assert not gc.is_tracked(effect), "nothing for the collector to look at"
