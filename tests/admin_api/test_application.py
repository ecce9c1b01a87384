from __future__ import annotations

from typing import Any

from routerd.admin_api.application import GROUPS


def test_every_route_below_v1_has_a_guard() -> None:
    for group in GROUPS:
        for route in group.ROUTES:
            if any(path.startswith("/v1") for path in route.paths):
                assert route.guards, route.paths


def test_unknown_paths_are_404(api: Any) -> None:
    assert api.get("/").status_code == 404
    assert api.get("/v2").status_code == 404
