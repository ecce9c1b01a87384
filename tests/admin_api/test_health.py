from __future__ import annotations

from typing import Any


def test_health_and_metrics_need_no_token(api: Any, backend: Any) -> None:
    assert api.client.get("/health/live").status_code == 200
    assert api.client.get("/health/ready").status_code == 200
    backend.ready = False
    assert api.client.get("/health/ready").status_code == 503
    assert "routerd_bans_active 3" in api.client.get("/metrics").text
