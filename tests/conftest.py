"""What all tests share: where the shared folder is, how random tests are bounded, which tests run one after another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile(
    "house",
    max_examples=60,
    deadline=None,  # two busy cores: time is not what a property says
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real programs run one test after another, in one worker; long runs only when asked for."""
    for item in items:
        if "interop" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("interop"))
        if item.get_closest_marker("soak") and not os.environ.get("ROUTERD_SOAK"):
            item.add_marker(pytest.mark.skip(reason="a long run: make soak"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the corpus and the vectors: ROUTERD_SHARED, or ``shared`` beside the repository."""
    folder = Path(os.environ.get("ROUTERD_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("no shared folder: set ROUTERD_SHARED")
    return folder
