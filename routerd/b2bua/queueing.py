"""A caller in a queue: the line they stand in, the music, and what they are told of their place and of the wait.

Theory of operation. Music is the department's, else the system's own, and plays from joining to leaving; a place in the
line is said over it, and the agent's answer interrupts both. How long it will take is guessed from how often somebody
was taken out of this line by an agent lately; without such experience nothing is said of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.b2bua import accounting, house
from routerd.b2bua.playing import SILENCE, Audio, prompt, sound
from routerd.media import prompts
from routerd.rules import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.call import Call
    from routerd.b2bua.live_state import AccountState

EXPERIENCE: Final = 10
"""Of how many callers who were taken the times are kept, a department."""
LEAST_EXPERIENCE: Final = 3
STALE_S: Final = 3600.0


def _join_queue(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.JoinQueue)
    call.live.waiting.setdefault(command.department, {})[call.id] = now
    call.exchange.publish("queue.joined", {"call": call.id, "department": command.department})
    house.music(call, _music(call, command.department), now)


def _music(call: Call, department: str) -> Audio:
    found = call.tables.departments.get(department)
    queue = found.queue if found is not None else None
    chosen = sound(call, queue.music) if queue is not None else SILENCE
    return chosen if chosen.path else prompt(call, "music")


def _leave_queue(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.LeaveQueue)
    accounting.leave_queue(call, command.department)
    step = call.step
    if step is not None and any(isinstance(one, plan.Bridge) for one in step.commands):
        _note_taken(call.live, command.department, now)  # the music goes on until the bridge: there may be a whisper
    else:
        house.music(call, SILENCE, now)


def _note_taken(live: AccountState, department: str, now: float) -> None:
    times = live.taken.setdefault(department, [])
    times.append(now)
    del times[:-EXPERIENCE]


def _say_position(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.SayPosition)
    waiting = list(call.live.waiting.get(command.department, ()))
    position = waiting.index(call.id) + 1 if call.id in waiting else 0
    facts = {"call": call.id, "department": command.department, "position": position}
    wait_s = expected_wait_s(call.live, command.department, position, now)
    if wait_s is not None:
        facts["wait_s"] = round(wait_s)
    call.exchange.publish("queue.position", facts)
    if position and call.exchange.settings.prompts_dir:
        said = [prompt(call, prompts.position_prompt(position))]
        said += [prompt(call, prompts.wait_prompt(wait_s))] if wait_s is not None else []
        house.play(call, said, now)


def expected_wait_s(live: AccountState, department: str, position: int, now: float) -> float | None:
    """Guess how long the caller at ``position`` (from 1) will wait; None where nothing is known or it is long ago."""
    times = live.taken.get(department, ())
    if len(times) < LEAST_EXPERIENCE or now - times[-1] > STALE_S:
        return None
    return position * (times[-1] - times[0]) / (len(times) - 1)


CARRIERS: Final[dict[type[plan.Command], Callable[[Call, plan.Command, float], None]]] = {
    plan.JoinQueue: _join_queue,
    plan.LeaveQueue: _leave_queue,
    plan.SayPosition: _say_position,
}
