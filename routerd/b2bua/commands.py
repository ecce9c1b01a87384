"""What an admin or the control process may ask of the switch: log-ins, click-to-call, hang up, views, restored state.

Every command is answered by exactly one Reply: ``{"ok": true, ...}`` or ``{"ok": false, "error": {code, message}}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.b2bua import effects as fx
from routerd.b2bua import holding, recording, sessions, uas, views
from routerd.b2bua.accounting import so_far
from routerd.b2bua.mailboxes import Message
from routerd.b2bua.recording import NOT_RECORDING
from routerd.rules import plan
from routerd.rules.facts import AffinityEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.call import Call
    from routerd.b2bua.switch import Switch

Result = dict[str, Any]
HOLD_PROBLEMS: Final = {
    "not_connected": "only a call whose parties talk can be held",
    "direct_media": "the call's media do not pass through an engine of ours that can hold it",
    "already_held": "the call is held already",
    "not_held": "the call is not held",
}


def carry_out(switch: Switch, command: fx.Command, now: float) -> None:
    """Carry out one command and answer it."""
    verb = _VERBS.get(command.verb)
    if verb is None:
        result = refused("unknown_verb", f"no such command: {command.verb}")
    else:
        try:
            result = verb(switch, command.arguments, now)
        except KeyError as error:
            result = refused("missing_argument", f"the command needs {error}")
    switch.exchange.effects.append(fx.Reply(command.number, result))


def done(**facts: Any) -> Result:
    """Return the answer of a command that was carried out."""
    return {"ok": True, **facts}


def refused(code: str, message: str, status: int = 422) -> Result:
    """Return the answer of a command that was not; ``status`` is the API's."""
    return {"ok": False, "error": {"code": code, "message": message, "status": status}}


def _known_agent(switch: Switch, arguments: dict[str, Any]) -> Result | None:
    tables = switch.exchange.account(arguments["account"])
    if tables is None:
        return refused("unknown_account", f"no account {arguments['account']!r}", 404)
    if arguments["agent"] not in tables.agents:
        return refused("unknown_agent", f"no agent {arguments['agent']!r}", 404)
    return None


# -- sessions --


def _login(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    """Log in, or renew: a session with ``expires_s`` ends unless that happens in time."""
    problem = _known_agent(switch, arguments)
    if problem is not None:
        return problem
    given = arguments.get("expires_s")
    session = sessions.login(
        switch, arguments["account"], arguments["agent"], None if given is None else float(given), now
    )
    return done(since=session.since, expires_at=session.expires_at)


def _logout(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    problem = _known_agent(switch, arguments)
    if problem is None:
        sessions.logout(switch, arguments["account"], arguments["agent"], now)
    return problem or done()


def _break(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    problem = _known_agent(switch, arguments)
    if problem is None:
        reason = str(arguments.get("reason") or "")
        sessions.take_break(switch, arguments["account"], arguments["agent"], reason, now)
    return problem or done()


def _unbreak(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    problem = _known_agent(switch, arguments)
    if problem is None:
        sessions.end_break(switch, arguments["account"], arguments["agent"], now)
    return problem or done()


# -- calls --


def _originate(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    """Click-to-call (routing.md 4.2): the agent is rung first, then the customer."""
    problem = _known_agent(switch, arguments)
    if problem is not None:
        return problem
    tables = switch.exchange.account(arguments["account"])
    assert tables is not None
    if switch.draining or len(switch.call_by_id) >= switch.exchange.settings.limits.max_calls:
        return refused("limit_reached", "no new calls now", 429)
    attempt = plan.Attempt(
        kind="click_to_call",
        account=tables.account.id,
        at=switch.exchange.wall(now),
        dialled=str(arguments["to"]),
        agent=arguments["agent"],
        via=arguments.get("via"),
        caller_id=arguments.get("caller_id"),
    )
    call = uas.make_call(switch, tables, attempt, now)
    call.start(now)
    ending = call.ending
    if ending is not None and ending.outcome == "denied":
        return refused(ending.reason or "denied", "the call is not allowed", ending.api_status or 403)
    return done(call=call.id)


def _hang_up(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    call = switch.call_by_id.get(arguments["call"])
    if call is None:
        return refused("unknown_call", "no such call", 404)
    call.stop("hangup", 480, 16, now)
    return done()


def _transfer(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    call = switch.call_by_id.get(arguments["call"])
    if call is None:
        return refused("unknown_call", "no such call", 404)
    problem = switch.transfers.by_command(call, str(arguments.get("leg", "callee")), str(arguments["to"]), now)
    return done() if problem is None else refused(problem, "the transfer cannot be done now", 409)


def _hold(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    call = switch.call_by_id.get(arguments["call"])
    if call is None:
        return refused("unknown_call", "no such call", 404)
    return _held(holding.hold(call, arguments.get("leg"), now))


def _unhold(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    call = switch.call_by_id.get(arguments["call"])
    if call is None:
        return refused("unknown_call", "no such call", 404)
    return _held(holding.unhold(call, now))


def _record(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    return _recorded(switch, arguments, lambda call: recording.by_command(call, now))


def _pause_recording(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    return _recorded(switch, arguments, lambda call: NOT_RECORDING if (r := call.recording) is None else r.pause(now))


def _resume_recording(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    return _recorded(switch, arguments, lambda call: NOT_RECORDING if (r := call.recording) is None else r.resume(now))


def _stop_recording(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    return _recorded(switch, arguments, lambda call: NOT_RECORDING if (r := call.recording) is None else r.stop(now))


def _recorded(switch: Switch, arguments: dict[str, Any], change: Callable[[Call], str | None]) -> Result:
    call = switch.call_by_id.get(arguments["call"])
    if call is None:
        return refused("unknown_call", "no such call", 404)
    problem = change(call)
    return done() if problem is None else refused(problem, recording.PROBLEMS[problem], 409)


def _held(problem: str | None) -> Result:
    return done() if problem is None else refused(problem, HOLD_PROBLEMS[problem], 409)


def _drain(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    """Take no new calls and give up the registrations at providers."""
    switch.draining = bool(arguments.get("on", True))
    if switch.draining:
        switch.trunks.stop(now)
    else:
        switch.trunks.install(switch.exchange.snapshot, now)
    return done(calls=len(switch.call_by_id))


def _ban(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    switch.admission.ban(arguments["address"], float(arguments.get("for_s", 300.0)), "command", now)
    return done()


def _unban(switch: Switch, arguments: dict[str, Any], now: float) -> Result:  # noqa: ARG001
    switch.admission.unban(arguments["address"])
    return done()


# -- state that survived a restart --


def _restore_binding(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    switch.location.restore(arguments, now)
    return done()


def _restore_session(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    sessions.restore(switch, arguments, now)
    return done()


def _restore_affinity(switch: Switch, arguments: dict[str, Any], now: float) -> Result:  # noqa: ARG001
    entry = AffinityEntry(
        arguments["agent"],
        arguments.get("number"),
        arguments.get("department"),
        float(arguments["last_at"]),
        arguments.get("shown"),
    )
    switch.state_of(arguments["account"]).remember(arguments["caller"], entry)
    return done()


# -- mailboxes --


def _voicemail_read(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    """Mark the message ``account voicemail id`` as heard."""
    found = switch.mailboxes.mark_read(arguments["account"], arguments["voicemail"], arguments["id"], now)
    return done() if found else refused("unknown_message", "no such message", 404)


def _voicemail_delete(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    """Delete the message ``account voicemail id``; the control process removes its file."""
    found = switch.mailboxes.delete(arguments["account"], arguments["voicemail"], arguments["id"], now)
    return done() if found else refused("unknown_message", "no such message", 404)


def _voicemail_add(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    """Take a message whose call died before it could be kept: ``account voicemail message``."""
    message = _message_of(arguments["message"])
    if message is None:
        return refused("bad_message", "the message lacks what it is kept by")
    added = switch.mailboxes.keep(arguments["account"], arguments["voicemail"], message, now)
    return done() if added else refused("known_message", "there is such a message", 409)


def _restore_message(switch: Switch, arguments: dict[str, Any], now: float) -> Result:  # noqa: ARG001
    message = _message_of(arguments)
    if message is None:
        return refused("bad_message", "the message lacks what it is kept by")
    switch.mailboxes.restore(arguments["account"], arguments["voicemail"], message)
    return done()


def _message_of(arguments: dict[str, Any]) -> Message | None:
    try:
        return msgspec.convert(arguments, Message)
    except msgspec.ValidationError:
        return None


# -- views --


def _calls(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    rows, further = views.calls(switch, arguments.get("account"), now, arguments.get("next", 0))
    more = {} if further is None else {"next": further}
    return done(calls=rows, unsettled=len(switch.exchange.recordings), **more)


def _call(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    """One call: how it stands, and with ``record`` what its record would say by now."""
    call = switch.call_by_id.get(arguments["call"])
    if call is None or call.live.name != arguments.get("account", call.live.name):
        return refused("unknown_call", "no such call", 404)
    if arguments.get("record"):
        return done(record=so_far(call, now))
    return done(call=views.call_view(call, now))


def _bans(switch: Switch, arguments: dict[str, Any], now: float) -> Result:  # noqa: ARG001
    return done(bans=switch.admission.bans(now))


def _registrations(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    rows, further = switch.location.page(now, arguments.get("next", 0))
    return done(registrations=rows) if further is None else done(registrations=rows, next=further)


def _agents(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    rows, further = views.agents(switch, arguments["account"], now, arguments.get("next", 0))
    return done(agents=rows) if further is None else done(agents=rows, next=further)


def _agent(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    row = views.agent(switch, arguments["account"], arguments["agent"], now)
    return refused("unknown_agent", f"no agent {arguments['agent']!r}", 404) if row is None else done(agent=row)


def _waiting(switch: Switch, arguments: dict[str, Any], now: float) -> Result:  # noqa: ARG001
    return done(waiting=views.waiting(switch, now))


def _agent_states(switch: Switch, arguments: dict[str, Any], now: float) -> Result:
    return done(agent_states=views.agent_states(switch, arguments["account"], now))


def _trunks(switch: Switch, arguments: dict[str, Any], now: float) -> Result:  # noqa: ARG001
    return done(trunks=switch.trunks.views(now))


def _counters(switch: Switch, arguments: dict[str, Any], now: float) -> Result:  # noqa: ARG001
    return done(counters=views.counters(switch))


_VERBS: Final[dict[str, Callable[[Switch, dict[str, Any], float], Result]]] = {
    "login": _login,
    "logout": _logout,
    "break": _break,
    "unbreak": _unbreak,
    "originate": _originate,
    "hang_up": _hang_up,
    "transfer": _transfer,
    "hold": _hold,
    "unhold": _unhold,
    "record": _record,
    "pause_recording": _pause_recording,
    "resume_recording": _resume_recording,
    "stop_recording": _stop_recording,
    "drain": _drain,
    "ban": _ban,
    "unban": _unban,
    "restore_binding": _restore_binding,
    "restore_session": _restore_session,
    "restore_affinity": _restore_affinity,
    "restore_message": _restore_message,
    "voicemail_read": _voicemail_read,
    "voicemail_delete": _voicemail_delete,
    "voicemail_add": _voicemail_add,
    "bans": _bans,
    "calls": _calls,
    "call": _call,
    "registrations": _registrations,
    "agents": _agents,
    "agent": _agent,
    "agent_states": _agent_states,
    "waiting": _waiting,
    "trunks": _trunks,
    "counters": _counters,
}
