"""One daemon for the scenes of a file: each scene has a folder of its own, and one call whose record it looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from kit import scenarios
from kit.api import Api
from kit.company import TRUNK_HOST, trunk
from kit.daemon import Daemon
from kit.ports import free_port
from kit.sipp import Sipp
from kit.voices import sounds, speaking_company

if TYPE_CHECKING:
    from pathlib import Path

OUT_HOST = "127.0.0.4"
MOBILE, LABEL_NUMBER = "+919812345670", "+918069651199"


class Stage:
    """The speaking company; a trunk calls in from TRUNK_HOST, another is called at OUT_HOST.

    Carol has a mobile phone, which must press 1, beside her extension; Bob hears a label before LABEL_NUMBER's calls.
    """

    def __init__(self, folder: Path, media: dict[str, Any] | None = None) -> None:
        self.folder, self.called_port, self.records = folder, free_port(), 0
        document = speaking_company(trunk("pstn", free_port()), trunk("out", self.called_port, OUT_HOST))
        document["outbound_routes"] = [{"prefix": "", "trunks": ["out"]}]
        document["numbers"].append(
            {"number": LABEL_NUMBER, "destination": {"type": "agent", "id": "bob"}, "whisper": "label"}
        )
        carol = next(agent for agent in document["agents"] if agent["id"] == "carol")
        carol.update(call_forward_number=MOBILE, confirm_external=True, app_first=False)
        self.daemon = Daemon(folder, document, media=media, settings=sounds(folder / "sounds"))

    def __enter__(self) -> Self:
        self.daemon.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.daemon.__exit__(kind, *rest)

    def begin(self, folder: Path) -> Self:
        """Begin the next scene in ``folder``."""
        self.folder, self.records = folder, len(self.daemon.records())
        return self

    @property
    def port(self) -> int:
        return self.daemon.port

    def calling(self, sdp: str, service: str, *after: str) -> Sipp:
        """Call in: a caller who does ``after`` when it is answered."""
        talk = scenarios.invite(sdp) + scenarios.expect_answer() + scenarios.ack() + "".join(after)
        return Sipp(self.folder, "caller", talk, host=TRUNK_HOST, remote=self.port, service=service)

    def called(self, scenario: str) -> Sipp:
        """Be called outside."""
        return Sipp(self.folder, "called", scenario, host=OUT_HOST, port=self.called_port)

    def hang_up(self) -> None:
        """End the scene's call by the API."""
        api = Api(self.daemon)
        (call,) = api.get("/calls")["calls"]
        api.order("DELETE", f"/calls/{call['id']}", None)

    def record(self) -> dict[str, Any]:
        """The record of the scene's call."""
        records = self.daemon.wait_records(self.records + 1)
        assert len(records) == self.records + 1
        record: dict[str, Any] = records[-1]
        return record
