"""Do the names of a document name something, once, and without clashing? Ids, references, what phones dial.

Every check notes into ``problems`` and passes over blanks, which the slow pass puts where a value was unreadable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.config.problems import did_you_mean, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from routerd.config.document import Destination, Document
    from routerd.config.problems import Problems

# list of the document -> the attribute that names its objects
_NAMED: Final[dict[str, str]] = {
    "trunks": "id",
    "numbers": "number",
    "time_groups": "id",
    "time_conditions": "id",
    "routers": "id",
    "agents": "id",
    "extensions": "id",
    "address_lists": "id",
    "area_code_caller_ids": "id",
    "ivrs": "id",
    "departments": "id",
    "voicemails": "id",
    "sounds": "id",
}
# destination type -> list that its id names
LISTS: Final[dict[str, str]] = {
    "agent": "agents",
    "ivr": "ivrs",
    "department": "departments",
    "time_condition": "time_conditions",
    "router": "routers",
    "voicemail": "voicemails",
    "announcement": "sounds",
}


class References:
    """One pass over a document; ``run`` notes all errors of names."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self.document = document
        self.problems = problems
        broken = {error.pointer for error in problems.errors}
        self.known: dict[str, dict[str, int]] = {}
        for name, attribute in _NAMED.items():
            if f"/{name}" not in broken:  # an unreadable list knows everything
                self.known[name] = self._index(name, attribute)

    def run(self) -> None:
        """Note every duplicate, unknown name and clash."""
        self._account()
        self._numbers()
        self._routing()
        self._agents()
        self._menus()
        self._departments()
        self._unique_per_account()
        for pointer, destination in destinations(self.document):
            self._destination(destination, pointer)

    def _index(self, name: str, attribute: str) -> dict[str, int]:
        """Map each name to its place, noting those that stand twice."""
        result: dict[str, int] = {}
        for place, item in enumerate(getattr(self.document, name)):
            key = getattr(item, attribute)
            if key and key in result:
                self.problems.add(
                    f'"{key}" stands twice in {name}', f"/{name}/{place}/{attribute}", f"first at /{name}/{result[key]}"
                )
            result.setdefault(key, place)
        return result

    def _need(self, name: str, key: str | None, pointer: str) -> None:
        """Note a reference to something that is not there."""
        if not key or name not in self.known or key in self.known[name] or self.problems.full:
            return
        noun = name.removesuffix("s").replace("_", " ")
        self.problems.add(f'no {noun} has the id "{key}"', pointer, did_you_mean(key, self.known[name]))

    def _account(self) -> None:
        account = self.document.account
        self._need("sounds", account.music_on_hold, "/account/music_on_hold")
        self._need("sounds", account.ringback, "/account/ringback")
        self._need("sounds", account.recording.announcement, "/account/recording/announcement")

    def _numbers(self) -> None:
        for place, number in enumerate(self.document.numbers):
            self._need("departments", number.department, f"/numbers/{place}/department")
            self._need("sounds", number.whisper, f"/numbers/{place}/whisper")

    def _routing(self) -> None:
        document = self.document
        for place, route in enumerate(document.outbound_routes):
            for index, trunk in enumerate(route.trunks):
                self._need("trunks", trunk, f"/outbound_routes/{place}/trunks/{index}")
        for place, condition in enumerate(document.time_conditions):
            self._need("time_groups", condition.time_group, f"/time_conditions/{place}/time_group")
        for place, router in enumerate(document.routers):
            for index, rule in enumerate(router.rules):
                self._need("time_groups", rule.time_group, f"/routers/{place}/rules/{index}/time_group")

    def _agents(self) -> None:
        for place, agent in enumerate(self.document.agents):
            base = f"/agents/{place}"
            self._need("time_groups", agent.time_group, f"{base}/time_group")
            self._need("extensions", agent.extension, f"{base}/extension")
            self._need("area_code_caller_ids", agent.area_code_caller_ids, f"{base}/area_code_caller_ids")
        for place, extension in enumerate(self.document.extensions):
            self._need("address_lists", extension.addresses, f"/extensions/{place}/addresses")

    def _menus(self) -> None:
        for place, ivr in enumerate(self.document.ivrs):
            base = f"/ivrs/{place}"
            self._need("sounds", ivr.prompt, f"{base}/prompt")
            self._need("sounds", ivr.invalid.prompt, f"{base}/invalid/prompt")
            self._need("sounds", ivr.timeout.prompt, f"{base}/timeout/prompt")
        for place, box in enumerate(self.document.voicemails):
            self._need("sounds", box.greeting, f"/voicemails/{place}/greeting")
            self._need("agents", box.agent, f"/voicemails/{place}/agent")

    def _departments(self) -> None:
        for place, department in enumerate(self.document.departments):
            for index, member in enumerate(department.members):
                self._need("agents", member.agent, f"/departments/{place}/members/{index}/agent")
            self._need("sounds", department.whisper, f"/departments/{place}/whisper")
            if department.queue is not None:
                self._need("sounds", department.queue.music, f"/departments/{place}/queue/music")

    def _unique_per_account(self) -> None:
        """Note phones' names and dialled digits that would mean two things."""
        agents = self.document.agents
        self._once("extensions", "username", ((i, item.username) for i, item in enumerate(self.document.extensions)))
        self._once("agents", "extension", ((i, agent.extension) for i, agent in enumerate(agents)))
        self._once("agents", "intercom", ((i, agent.intercom) for i, agent in enumerate(agents)))
        extensions = self.known.get("extensions", {})
        for place, agent in enumerate(agents):
            if agent.intercom and agent.intercom in extensions and agent.intercom != agent.extension:
                self.problems.add(
                    f'the intercom "{agent.intercom}" is also the extension of somebody else',
                    f"/agents/{place}/intercom",
                    "phones could not tell whom to ring",
                )

    def _once(self, name: str, attribute: str, values: Iterable[tuple[int, str | None]]) -> None:
        seen: dict[str, int] = {}
        for place, value in values:
            if value and value in seen:
                self.problems.add(
                    f'the {attribute} "{value}" is used twice',
                    f"/{name}/{place}/{attribute}",
                    f"first at /{name}/{seen[value]}",
                )
            elif value:
                seen[value] = place

    def _destination(self, destination: Destination, pointer: str) -> None:
        """Note a destination that lacks its id or number, has one too many, or names nothing."""
        kind = destination.type
        if not kind:
            return
        wanted = "number" if kind == "external" else "id" if kind in LISTS else ""
        for key in ("id", "number"):
            given = getattr(destination, key)
            if key == wanted and given is None:
                self.problems.add(f'the destination {kind} needs "{key}"', pointer, "which one?")
            elif key != wanted and given is not None:
                self.problems.add(f'the destination {kind} has no "{key}"', join(pointer, key), "leave it out")
        if kind in LISTS:
            self._need(LISTS[kind], destination.id, f"{pointer}/id")


def destinations(document: Document) -> Iterator[tuple[str, Destination]]:
    """Give every destination of the document with its pointer, in document order."""
    for place, number in enumerate(document.numbers):
        if number.destination is not None:
            yield f"/numbers/{place}/destination", number.destination
    yield from _of_switches(document)
    for kind in ("agents", "departments"):
        holders: tuple[Any, ...] = getattr(document, kind)
        for place, holder in enumerate(holders):
            if holder.failover is not None:
                yield f"/{kind}/{place}/failover", holder.failover
    for place, ivr in enumerate(document.ivrs):
        for option, destination in ivr.options.items():
            yield join(f"/ivrs/{place}/options", option), destination
        yield f"/ivrs/{place}/invalid/destination", ivr.invalid.destination
        yield f"/ivrs/{place}/timeout/destination", ivr.timeout.destination


def _of_switches(document: Document) -> Iterator[tuple[str, Destination]]:
    """Give the destinations of time conditions and routers."""
    for place, condition in enumerate(document.time_conditions):
        yield f"/time_conditions/{place}/matched", condition.matched
        yield f"/time_conditions/{place}/unmatched", condition.unmatched
    for place, router in enumerate(document.routers):
        for index, rule in enumerate(router.rules):
            yield f"/routers/{place}/rules/{index}/destination", rule.destination
        if router.otherwise is not None:
            yield f"/routers/{place}/otherwise", router.otherwise
