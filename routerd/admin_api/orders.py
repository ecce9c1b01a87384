"""What requests about calls, agents and webhooks hold: one struct each, read and described by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from routerd.admin_api import describing
from routerd.admin_api.bodies import JSON_TYPES, decode, need_type

if TYPE_CHECKING:
    from litestar import Request

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Dialled = Annotated[str, Meta(min_length=1, max_length=64)]
Address = Annotated[str, Meta(min_length=2, max_length=45)]
EventName = Annotated[str, Meta(min_length=1, max_length=40)]


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the structs."""


class NewCall(Order, frozen=True, kw_only=True):
    """A click-to-call: the agent is rung first, then ``to``. ``via``: which of the agent's phones."""

    agent: Name
    to: Dialled
    via: Literal["extension", "mobile"] | None = None
    caller_id: Annotated[str, Meta(max_length=32)] | None = None


class Transfer(Order, frozen=True, kw_only=True):
    """Who is sent (``leg``: the one that stays) to where; the other party leaves."""

    to: Dialled
    leg: Literal["caller", "callee"] = "callee"


class Hold(Order, frozen=True, kw_only=True):
    """Hold (``held``) or go on; ``leg`` is who hears the music, the customer where it is not said."""

    held: bool
    leg: Literal["caller", "callee"] | None = None


class Record(Order, frozen=True, kw_only=True):
    """Record a call (on, or on again after a pause), pause that, or end it."""

    recording: Literal["on", "paused", "off"]


class NewSession(Order, frozen=True, kw_only=True):
    """A log-in; with ``expires_s`` it ends unless it is sent again in time."""

    expires_s: Annotated[float, Meta(ge=5, le=604_800)] | None = None


class NewBreak(Order, frozen=True, kw_only=True):
    """A break and why."""

    reason: Annotated[str, Meta(max_length=100)] = ""


class NewDisposition(Order, frozen=True, kw_only=True):
    """What a call was about."""

    code: Annotated[str, Meta(min_length=1, max_length=64)]
    note: Annotated[str, Meta(max_length=2000)] = ""


class NewWebhook(Order, frozen=True, kw_only=True):
    """Who is to be told of which events; none named: of all."""

    url: Annotated[str, Meta(min_length=8, max_length=2000)]
    events: Annotated[list[EventName], Meta(max_length=50)] = []


class NewBan(Order, frozen=True, kw_only=True):
    """An address to be shut out, and for how long."""

    address: Address
    for_s: Annotated[float, Meta(gt=0, le=31_536_000)] = 3600


class Draining(Order, frozen=True, kw_only=True):
    """Take no new calls (``on``), or take calls again."""

    on: bool = True


Kind = TypeVar("Kind", bound=Order)


async def read_order(request: Request[Any, Any, Any], kind: type[Kind]) -> Kind:
    """Read what was sent; nothing at all stands for an empty object. Raises the 400 or 415."""
    need_type(request, JSON_TYPES)
    found: Kind = decode(await request.body() or b"{}", kind)
    return found


def takes_order(kind: type[Order], example: dict[str, Any]) -> dict[str, Any]:
    """Give the ``opt`` of a route that reads such a struct."""
    _, components = msgspec.json.schema_components([kind], ref_template=describing.REF)
    return describing.takes_schema(components[kind.__name__], example)
