"""Section 1: the document as things that are looked up by id, with the defaults that the contract names."""

from __future__ import annotations

from typing import Any

Table = dict[str, Any]

ACCOUNT = {
    "timezone": "UTC", "pilot_number": None, "international_enabled": False, "emergency_numbers": None,
    "max_channels": None, "max_call_s": 14400, "ivr_agent_unavailable": "hangup",
}  # fmt: skip
TRUNK = {"auth": None, "forwarded_identity": "caller", "max_channels": None, "provisional_timeout_s": 4}
NUMBER = {"status": "active", "destination": None, "affinity": None, "max_channels": None, "department": None}
AGENT = {
    "status": "enabled", "calling_agent": True, "login_based_calling": False, "time_group": None, "failover": None,
    "failover_on": None, "call_forward_number": None, "alternate_numbers": [], "sip_address": None, "sticky": None,
    "ring_timeout_s": 30, "app_first": None, "call_waiting": False, "do_not_disturb": False,
    "confirm_external": False, "decline_ends_agent": False, "extension": None, "intercom": None,
    "click_to_call_route": "both", "block_outbound": "none", "international_outbound": False,
    "caller_ids": {}, "area_code_caller_ids": None, "max_calls": 1,
}  # fmt: skip
EXTENSION = {"addresses": None, "provisional_timeout_s": 4}
DEPARTMENT = {"strategy": "order", "failover": None, "queue": None, "affinity": None}
QUEUE = {"join_empty": False, "retry_after_s": 30, "wrap_up_s": 0}
IVR = {"dial_by_intercom": False}
CALLER_IDS = {"mode": "all", "numbers": [], "default": None}
EMERGENCY_OF = {"IN": ["112", "100", "101", "102", "108"], "US": ["911"], "GB": ["999", "112"]}


def with_defaults(defaults: Table, given: Table) -> Table:
    return {**defaults, **given}


class Book:
    """The document; every list as a dictionary in document order."""

    def __init__(self, document: Table) -> None:
        self.account = with_defaults(ACCOUNT, document["account"])
        self.country: str = self.account["country"]
        if self.account["emergency_numbers"] is None:
            self.account["emergency_numbers"] = EMERGENCY_OF.get(self.country, ["112"])
        self.trunks = self._by_id(document, "trunks", TRUNK)
        self.routes: list[Table] = document.get("outbound_routes") or []
        self.policy: Table | None = document.get("destination_policy")
        self.numbers = {n["number"]: with_defaults(NUMBER, n) for n in document.get("numbers") or []}
        self.blocked: list[Table] = document.get("blocked_callers") or []
        self.time_groups = self._by_id(document, "time_groups", {})
        self.time_conditions = self._by_id(document, "time_conditions", {"override": "auto"})
        self.routers = self._by_id(document, "routers", {})
        self.agents = self._by_id(document, "agents", AGENT)
        self.extensions = self._by_id(document, "extensions", EXTENSION)
        self.address_lists = self._by_id(document, "address_lists", {})
        self.area_codes = self._by_id(document, "area_code_caller_ids", {})
        self.ivrs = self._by_id(document, "ivrs", IVR)
        self.departments = self._by_id(document, "departments", DEPARTMENT)
        self.sounds = self._by_id(document, "sounds", {})
        for agent in self.agents.values():
            agent["caller_ids"] = with_defaults(CALLER_IDS, agent["caller_ids"] or {})
        for department in self.departments.values():
            if department["queue"] is not None:
                department["queue"] = with_defaults(QUEUE, department["queue"])

    @staticmethod
    def _by_id(document: Table, key: str, defaults: Table) -> dict[str, Table]:
        return {entry["id"]: with_defaults(defaults, entry) for entry in document.get(key) or []}

    def agent_of_extension(self, extension: str) -> Table | None:
        return next((agent for agent in self.agents.values() if agent["extension"] == extension), None)

    def agent_of_intercom(self, intercom: str) -> Table | None:
        return next((agent for agent in self.agents.values() if agent["intercom"] == intercom), None)

    def departments_of(self, agent: str) -> list[str]:
        return [
            department["id"]
            for department in self.departments.values()
            if any(member["agent"] == agent for member in department["members"])
        ]

    def trunks_towards(self, number: str) -> list[Table]:
        """Longest prefix of the number wins; trunks in order."""
        fitting = [route for route in self.routes if number.startswith(self._prefix(route["prefix"]))]
        if not fitting:
            return []
        best = max(fitting, key=lambda route: len(self._prefix(route["prefix"])))
        return [self.trunks[trunk] for trunk in best["trunks"]]

    @staticmethod
    def _prefix(prefix: str) -> str:
        return prefix

    def sound_s(self, sound: str | None) -> float:
        if sound is None:
            return 0.0
        return float(self.sounds.get(sound, {}).get("duration_s") or 0.0)
