from __future__ import annotations

import time

from routerd.edge.clock import monotonic, wall_offset


def test_the_offset_leads_from_monotonic_to_wall_time() -> None:
    offset = wall_offset()
    before = time.time()
    reached = monotonic() + offset
    after = time.time()
    assert before - 0.01 <= reached <= after + 0.01
