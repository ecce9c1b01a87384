"""Alice (440 Hz) has called Bob (600 Hz) by their phones, and both are heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit.tone import seconds_of, wait_heard

if TYPE_CHECKING:
    from kit.baresip import Baresip
    from kit.daemon import Daemon

ALICE, BOB = 440, 600


class Talk:
    """Made when both hear each other; ``hang_up`` gives the record."""

    def __init__(self, daemon: Daemon, alice: Baresip, bob: Baresip) -> None:
        self.daemon, self.alice, self.bob = daemon, alice, bob
        for phone in (alice, bob):
            phone.wait_registered()
        self._dial()

    def _dial(self) -> None:
        self.records = len(self.daemon.records())
        since = self.bob.mark()
        self.alice.dial("sip:1002@acme.test")
        self.bob.wait_event("CALL_ESTABLISHED", after=since)
        self.assert_alive()

    def assert_alive(self, seconds: float = 0.5) -> None:
        """Each hears more of the other's tone than there was."""
        for phone, frequency in ((self.bob, ALICE), (self.alice, BOB)):
            before = sum(seconds_of(path, frequency) for path in phone.recordings()[-1:])
            wait_heard(phone.recordings, frequency, seconds=before + seconds, timeout_s=30)

    def hang_up(self) -> dict[str, Any]:
        since = self.bob.mark()
        self.alice.hang_up()
        self.bob.wait_event("CALL_CLOSED", after=since)
        record: dict[str, Any] = self.daemon.wait_records(self.records + 1)[-1]
        return record

    def again(self) -> dict[str, Any]:
        """Another call between the same two, and its record."""
        self._dial()
        return self.hang_up()
