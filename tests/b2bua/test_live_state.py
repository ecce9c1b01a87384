"""What is going on right now: agents, channels, affinity, rates (routing.md 2.2, 2.6, 4.3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from routerd.b2bua.live_state import AFFINITY_PER_CALLER, AccountState, LiveView
from routerd.rules.facts import AffinityEntry
from routerd.sip.tokens import SeededTokens


class Bindings:
    """Who is registered from where."""

    def sources(self, account: str, extension: str) -> tuple[str, ...]:
        return (f"{account}/{extension}",)


def view(state: AccountState, call: str = "c1") -> LiveView:
    return LiveView(state, Bindings(), call, SeededTokens(1), {"pstn": 2.0}.get).at(100.0, 7)


def test_the_asking_call_does_not_count() -> None:
    state = AccountState("acme")
    state.occupy("asha", "c1")
    assert view(state).calls_of("asha") == 0
    assert view(state, "c2").calls_of("asha") == 1
    state.occupy("asha", "c1")
    assert not state.vacate("asha", "c1")
    assert state.vacate("asha", "c1")
    assert not state.vacate("asha", "c1")
    assert state.agent_calls == {}
    state.waiting["support"] = {"c1": 1.0, "c3": 2.0}
    assert view(state).waiting("support") == 1


def test_a_call_does_not_stand_in_its_own_way() -> None:
    state = AccountState("acme")
    state.count("trunk:pstn", 1)
    asking, other = view(state), view(state, "c2")
    asking.held.append("trunk:pstn")
    assert (asking.channels("trunk:pstn"), other.channels("trunk:pstn")) == (0, 1)


@given(st.lists(st.sampled_from([1, -1]), max_size=30))
def test_channels_never_go_below_none(changes: list[int]) -> None:
    state, level = AccountState("acme"), 0
    for change in changes:
        state.count("account", change)
        level = max(0, level + change)
        assert view(state).channels("account") == level
    assert bool(state.channels) is bool(level)


def test_a_rate_is_a_bucket_of_one_second() -> None:
    state = AccountState("acme")
    taken = [state.take_token("pstn", 2.0, 100.0) for _ in range(3)]
    assert taken == [True, True, False]
    assert not view(state).may_start("pstn")
    assert state.has_token("pstn", 2.0, 100.5)
    assert state.take_token("other", None, 0.0)
    assert view(state).may_start("other")


def test_affinity_is_newest_first_and_bounded() -> None:
    state = AccountState("acme")
    for index in range(AFFINITY_PER_CALLER + 3):
        state.remember("+911", AffinityEntry(f"a{index}", None, None, float(index), None))
    state.remember("+911", AffinityEntry("a5", None, None, 99.0, None))
    entries = view(state).affinity("+911")
    assert len(entries) == AFFINITY_PER_CALLER
    assert (entries[0].agent, entries[0].last_at) == ("a5", 99.0)
    assert len({entry.agent for entry in entries}) == len(entries)


def test_numbers_are_counted_by_the_day() -> None:
    state = AccountState("acme")
    state.use("+911", 7)
    state.use("+911", 7)
    assert view(state).used_today("+911") == 2
    assert view(state).at(0.0, 8).used_today("+911") == 0
    state.use("+911", 8)
    assert view(state).at(0.0, 8).used_today("+911") == 1


def test_the_plain_facts() -> None:
    state = AccountState("acme")
    state.sessions["asha"] = None  # type: ignore[assignment]
    state.breaks["ravi"] = "lunch"
    state.down.add("second")
    state.last_offered["support"] = "asha"
    state.idle_since["asha"] = 5.0
    state.wrap_up["asha", "support"] = 9.0
    seen = view(state)
    assert (seen.has_session("asha"), seen.has_session("ravi")) == (True, False)
    assert (seen.on_break("ravi"), seen.on_break("asha")) == (True, False)
    assert (seen.trunk_up("pstn"), seen.trunk_up("second")) == (True, False)
    assert (seen.last_offered("support"), seen.last_offered("none")) == ("asha", None)
    assert (seen.idle_since("asha"), seen.idle_since("ravi")) == (5.0, None)
    assert (seen.wrap_up_until("asha", "support"), seen.wrap_up_until("asha", "sales")) == (9.0, 0.0)
    assert seen.registered("2001") == ("acme/2001",)
    assert seen.draw(1) == 0
