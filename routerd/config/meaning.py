"""Does what a document says make sense? Dates, networks, zones, own numbers as targets, clashes with emergencies."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

from routerd.config.problems import did_you_mean
from routerd.config.references import destinations
from routerd.config.secret import check_shape, map_secrets
from routerd.errors import ParseError
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from routerd.config.document import Document, Secret, Window
    from routerd.config.numbering import Numbering
    from routerd.config.problems import Problems


class Meaning:
    """One pass over a document; ``run`` notes every value that is well-formed and still wrong."""

    def __init__(
        self, document: Document, problems: Problems, numbering: Numbering, zones: Collection[str] | None
    ) -> None:
        self.document = document
        self.problems = problems
        self.numbering = numbering
        self.zones = zones

    def run(self) -> None:
        """Note all errors of meaning."""
        self._account()
        self._emergencies()
        self._own_numbers()
        self._networks()
        self._uris()
        self._times()
        self._sounds()
        self._secrets()

    def _account(self) -> None:
        account = self.document.account
        countries = self.numbering.countries()
        if account.country and account.country not in countries:
            self.problems.add(
                f'no country "{account.country}" is known', "/account/country", "ISO 3166, such as IN or GB"
            )
        self._zone(account.timezone, "/account/timezone")
        seen: set[str] = set()
        for place, domain in enumerate(account.domains):
            if domain.lower() in seen:
                self.problems.add(f'the domain "{domain}" stands twice', f"/account/domains/{place}")
            seen.add(domain.lower())

    def _zone(self, name: str | None, pointer: str) -> None:
        if name and name != "UTC" and self.zones is not None and name not in self.zones:
            self.problems.add(
                f'no time zone "{name}" is known', pointer, did_you_mean(name, self.zones) or "an IANA name"
            )

    def _emergencies(self) -> None:
        """Note dialled digits that would hide an emergency number (routing.md 1)."""
        account = self.document.account
        given = account.emergency_numbers
        numbers = set(self.numbering.emergency_numbers(account.country) if given is None else given)
        hint = "emergency numbers win: choose other digits" + (
            "" if given is not None else f"; those of {account.country} hold, as emergency_numbers is not given"
        )
        for pointer, digits in self._dialled():
            if digits in numbers:
                self.problems.add(f'"{digits}" is an emergency number', pointer, hint)

    def _dialled(self) -> Iterator[tuple[str, str]]:
        for place, agent in enumerate(self.document.agents):
            if agent.intercom:
                yield f"/agents/{place}/intercom", agent.intercom
        for place, extension in enumerate(self.document.extensions):
            yield f"/extensions/{place}/id", extension.id
            if extension.username != extension.id:
                yield f"/extensions/{place}/username", extension.username
        code = self.document.account.feature_codes.voicemail
        if code:
            yield "/account/feature_codes/voicemail", code

    def _own_numbers(self) -> None:
        """Note legs that would ring the account itself (routing.md 1, last sentence)."""
        own = {number.number for number in self.document.numbers if number.number}
        for pointer, number in self._rung():
            if number in own:
                self.problems.add(
                    f"{number} is the account's own number",
                    pointer,
                    "a leg to it would come back as a new call: name the number's destination instead",
                )

    def _rung(self) -> Iterator[tuple[str, str]]:
        for place, agent in enumerate(self.document.agents):
            if agent.call_forward_number:
                yield f"/agents/{place}/call_forward_number", agent.call_forward_number
            for index, number in enumerate(agent.alternate_numbers):
                yield f"/agents/{place}/alternate_numbers/{index}", number
        for pointer, destination in destinations(self.document):
            if destination.number:
                yield f"{pointer}/number", destination.number

    def _networks(self) -> None:
        for place, trunk in enumerate(self.document.trunks):
            for index, network in enumerate(trunk.addresses):
                self._network(network, f"/trunks/{place}/addresses/{index}")
        for place, addresses in enumerate(self.document.address_lists):
            for index, network in enumerate(addresses.addresses):
                self._network(network, f"/address_lists/{place}/addresses/{index}")

    def _network(self, text: str, pointer: str) -> None:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            if text:
                self.problems.add(f'"{text}" is not a network', pointer, _network_hint(text))

    def _uris(self) -> None:
        for place, trunk in enumerate(self.document.trunks):
            self._uri(trunk.target, f"/trunks/{place}/target")
            self._uri(trunk.outbound_proxy, f"/trunks/{place}/outbound_proxy")
        for place, agent in enumerate(self.document.agents):
            self._uri(agent.sip_address, f"/agents/{place}/sip_address")

    def _uri(self, text: str | None, pointer: str) -> None:
        if not text:
            return
        try:
            uri = Uri.parse(text)
        except ParseError as error:
            self.problems.add(f'"{text[:100]}" is not a SIP URI: {error}', pointer, 'such as "sip:192.0.2.10:5060"')
            return
        if uri.transport not in {None, "udp", "tcp", "tls", "ws", "wss"}:
            self.problems.add(f'no transport "{uri.transport}" is known', pointer, "udp, tcp, tls, ws or wss")

    def _times(self) -> None:
        for place, group in enumerate(self.document.time_groups):
            base = f"/time_groups/{place}"
            self._zone(group.timezone, f"{base}/timezone")
            for index, rule in enumerate(group.rules):
                self._windows(rule.windows, f"{base}/rules/{index}/windows")
            seen: set[str] = set()
            for index, exception in enumerate(group.exceptions):
                self._date(exception.date, seen, f"{base}/exceptions/{index}/date")
                self._windows(exception.windows, f"{base}/exceptions/{index}/windows")

    def _windows(self, windows: tuple[Window, ...] | None, pointer: str) -> None:
        for index, window in enumerate(windows or ()):
            if window.from_ == "00:00" and window.to == "00:00":
                continue  # from = to is the whole day
            if window.to == "24:00" and not window.from_:
                self.problems.add("a window needs its beginning", f"{pointer}/{index}/from")

    def _date(self, text: str, seen: set[str], pointer: str) -> None:
        if not text:
            return
        try:
            dt.date.fromisoformat(text)
        except ValueError:
            self.problems.add(f'"{text}" is not a day of the calendar', pointer, 'YYYY-MM-DD, such as "2026-12-25"')
            return
        if text in seen:
            self.problems.add(f"{text} has two exceptions", pointer, "put their windows into one")
        seen.add(text)

    def _sounds(self) -> None:
        for place, sound in enumerate(self.document.sounds):
            if sound.id and (sound.file is None) == (sound.text is None):
                self.problems.add(
                    "a sound has exactly one of file and text", f"/sounds/{place}", "a recording or words"
                )

    def _secrets(self) -> None:
        def look(secret: Secret, pointer: str, _key: str) -> Secret:
            check_shape(secret, pointer, self.problems)
            return secret

        map_secrets(self.document, look)


def _network_hint(text: str) -> str:
    """Say what was probably meant: the network of an address with host bits."""
    try:
        return f'did you mean "{ipaddress.ip_network(text, strict=False)}"?'
    except ValueError:
        return 'CIDR, such as "192.0.2.0/28" or "2001:db8::/32", or one address'
