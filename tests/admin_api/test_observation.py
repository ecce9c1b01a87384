from __future__ import annotations

from typing import Any

from routerd.admin_api.observation import Observation, observation_of
from routerd.app.observing import Observing


def test_the_control_process_has_all_that_handlers_use(backend: Any) -> None:
    wanted = {name for name in vars(Observation) if not name.startswith("_")}
    assert wanted
    assert wanted <= set(dir(Observing))
    state = type("State", (), {"backend": backend})()
    assert observation_of(state) is backend.observation
