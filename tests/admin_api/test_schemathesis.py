"""The served description against the running daemon: whatever is sent, no 500 and no status that is not described."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from kit.company import company, trunk
from kit.daemon import Daemon
from kit.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLES = int(os.environ.get("ROUTERD_SCHEMATHESIS", "4"))
BUDGET_S = float(os.environ.get("ROUTERD_SCHEMATHESIS_S", "40"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
KNOWN = {"account": ["acme"], "name": ["alice", "2001", "pstn", "default"], "version": [1], "agent": ["alice"]}
LEFT_OUT = {("/v1/drain", "post"), ("/v1/accounts/{account}/document", "delete")}  # they end what is under test


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    document = company(trunk("pstn", 5999))
    fast = {"admin": {"requests_per_second": 100_000, "request_burst": 100_000}}
    with Daemon(tmp_path_factory.mktemp("api"), document, settings=fast) as running:
        yield running


@pytest.fixture(scope="module")
def operations(daemon: Daemon) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"http://{HOST}:{daemon.admin_port}/schema")
    found = [result.ok() for result in schema.get_all_operations()]
    return [one for one in found if (one.path, one.method.lower()) not in LEFT_OUT]


def token_of(folder: Path) -> dict[str, str]:
    return {"Authorization": f"Bearer {(folder / 'admin.token').read_text().strip()}"}


def test_no_500_and_no_undocumented_status(daemon: Daemon, operations: list[Any]) -> None:
    assert len(operations) > 80
    headers = token_of(daemon.folder)
    chance = random.Random(1)
    chance.shuffle(operations)
    ends = time.monotonic() + BUDGET_S
    asked = 0
    failures: list[str] = []

    def ask(case: Any) -> None:
        nonlocal asked
        if time.monotonic() > ends:
            return
        for name, values in KNOWN.items():
            if name in (case.path_parameters or {}) and chance.random() < 0.8:
                case.path_parameters[name] = chance.choice(values)
        streams = case.operation.path.endswith("/events")
        response = case.call(headers=headers, timeout=10, stream=streams)
        asked += 1
        if not streams:
            case.validate_response(response, checks=CHECKS)

    for operation in operations:
        bounded = settings(
            max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate], database=None, derandomize=True,
            deadline=None, suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        try:
            bounded(given(case=operation.as_strategy())(ask))()
        except FailureGroup as group:
            failures.append(f"{operation.label}: {group}")
    assert not failures, "\n".join(failures)
    print(f"{asked} requests to {len(operations)} operations")
    assert asked > len(operations) / 2
    assert not daemon.tracebacks(), daemon.log_tail()
