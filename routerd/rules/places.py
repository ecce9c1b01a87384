"""What can go on at a node over several steps: a department's round (with its queue), and an IVR's entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import field
from msgspec.structs import replace

from routerd.rules.decision import NEVER, Place

if TYPE_CHECKING:
    from routerd.rules.tables import Member


class DepartmentPlace(Place, gc=False):
    """A department's round.

    ``order`` and ``cursor`` say who comes next (no queue); ``gates`` and ``strongest`` what was found; ``retry`` from
    when (UTC seconds) a member may be offered this call again; ``deadline`` when the wait in the queue ends.
    """

    order: tuple[Member, ...] = ()
    cursor: int = 0
    strongest: int = 0
    gates: dict[str, str] = field(default_factory=dict)
    retry: dict[str, float] = field(default_factory=dict)
    deadline: float = NEVER

    def fork(self) -> DepartmentPlace:
        """Return a copy that can be changed without changing this one."""
        return replace(self, gates=self.gates.copy(), retry=self.retry.copy())


class IvrPlace(Place, gc=False):
    """An IVR's entry: the digits so far, the faults so far, and which prompt is still to come after this one."""

    digits: str = ""
    invalid: int = 0
    timeouts: int = 0
    then_prompt: bool = False
