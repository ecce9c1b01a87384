"""What all tests share: where the shared folder is, how random tests are bounded, which tests run one after another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

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

# What runs in one worker, one after another: real programs, and what measures real time. They wait more than they
# work, so there are two rows of them: the files of the second are named here.
SECOND = (
    "engines", "held_calls", "hijack", "media_leaks", "media_quality", "message_waiting", "phones", "queue_voices",
    "rules_live", "sipvicious", "tls", "transfer", "transports", "trunks", "voicemail", "voices_rtpengine", "websocket",
)  # fmt: skip
ONE_WORKER = {
    **{f"tests/interop/test_{name}.py": "second interop" for name in SECOND},
    "tests/interop/": "interop",
    "tests/corpus/test_live.py": "interop",
    "tests/attacks/test_streams.py": "interop",
    "tests/live/": "live_vectors",
}


def group_of(nodeid: str) -> str:
    """The tests of a group share a name here; any other test is a group of its own."""
    return next((group for path, group in ONE_WORKER.items() if nodeid.startswith(path)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Group by path: the ids of pytest 9.2 do not take the group marks of xdist 3.8, whose tests would run at once."""
    from xdist.scheduler import LoadGroupScheduling

    class ByPath(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByPath(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long runs only when asked for (make soak): they are no part of an ordinary run, so they do not skip in it."""
    if os.environ.get("ROUTERD_SOAK"):
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if not item.get_closest_marker("soak")]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the corpus and the vectors: ROUTERD_SHARED, or ``shared`` beside the repository."""
    folder = Path(os.environ.get("ROUTERD_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("no shared folder: set ROUTERD_SHARED")
    return folder
