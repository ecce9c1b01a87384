from __future__ import annotations

import inspect

import pytest

from routerd.admin_api import orders
from routerd.admin_api.describing import BODY
from routerd.admin_api.orders import Order, takes_order

KINDS = [
    kind for _, kind in inspect.getmembers(orders, inspect.isclass) if issubclass(kind, Order) and kind is not Order
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_order_is_described_whole(kind: type[Order]) -> None:
    said = takes_order(kind, {"a": 1})[BODY]["application/json"]
    assert set(said["schema"]["properties"]) == set(kind.__struct_fields__)
    assert said["schema"]["additionalProperties"] is False
    assert "$ref" not in str(said["schema"])
    assert said["example"] == {"a": 1}
