"""``routerd agents``, ``login``, ``logout`` and ``call``: what agents do, and calls made for them."""

from __future__ import annotations

from typing import Annotated

import typer

from routerd.cli.client import DEFAULT_SETTINGS, AccountId, AsJson, Daemon, SettingsFile, account_path, tell
from routerd.cli.views import EverySeconds, fetch, watch

AgentId = Annotated[str, typer.Argument(metavar="AGENT", help="The agent's id.")]
COLUMNS = ("id", "name", "state", "break_reason", "calls", "session_since", "session_expires_at", "idle_since")
RING_S = 10.0


def agents(
    settings: SettingsFile = DEFAULT_SETTINGS,
    account: AccountId = "acme",
    json_: AsJson = False,
    every: EverySeconds = None,
) -> None:
    """What the agents do: logged out, available, ringing, in a call, wrapping up, on a break.

    Example: routerd agents --watch 2
    """
    watch(lambda: fetch(settings, account, "agents"), json_, COLUMNS, every)


def login(
    agent: AgentId, settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False
) -> None:
    """Log an agent in: calls may ring them from now on (login_based_calling).

    Exit status: 0 done, 1 said no, 2 wrong input. Example: routerd login asha
    """
    answer = Daemon(settings).ask("PUT", account_path(account, "agents", agent, "session"), body={})
    tell(answer.content, f"{agent} is logged in", as_json=json_)


def logout(
    agent: AgentId, settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False
) -> None:
    """Log an agent out: what rings them is taken back.

    Exit status: 0 done, 1 said no, 2 wrong input. Example: routerd logout asha
    """
    answer = Daemon(settings).ask("DELETE", account_path(account, "agents", agent, "session"))
    tell(answer.content, f"{agent} is logged out", as_json=json_)


def call(
    agent: AgentId,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Whom to call, as the agent would dial it.")],
    settings: SettingsFile = DEFAULT_SETTINGS,
    account: AccountId = "acme",
    via: Annotated[str, typer.Option(help="Ring the agent's extension or mobile first.")] = "",
    caller_id: Annotated[str, typer.Option(help="The number to be shown.")] = "",
    json_: AsJson = False,
) -> None:
    """Click-to-call: ring the agent, then the number, and join them. What came of it: routerd explain ID.

    Exit status: 0 it rings, 1 said no, 2 wrong input. Example: routerd call asha +919812345678 --via mobile
    """
    wish = {"agent": agent, "to": number, "via": via, "caller_id": caller_id}
    body = {name: value for name, value in wish.items() if value}
    answer = Daemon(settings).ask("POST", account_path(account, "calls"), body=body, timeout_s=RING_S)
    call_id = answer.content.get("id") or answer.content.get("call")
    tell(answer.content, f"{agent} is rung, then {number}: call {call_id}", as_json=json_)
