"""Calls through the real switch in virtual time, of documents and scenarios as bytes (routing.md section 6).

What ``routerd simulate`` and the API's simulate both do: :func:`results` plays one scenario a line, :func:`stage_of`
makes a document ready for playing.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.app.host_files import placeholder, zone_data, zone_names
from routerd.config.compile import compile_account
from routerd.config.load import load, numbering
from routerd.config.problems import DocumentErrors
from routerd.errors import ConfigError
from routerd.simulation.play import Stage, play
from routerd.simulation.scenario import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from routerd.rules.tables import AccountTables

KEPT_DOCUMENTS: Final = 64


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of ``--lines``; its parts stay bytes until they are needed."""

    document: msgspec.Raw
    scenario: msgspec.Raw


_line = msgspec.json.Decoder(Line).decode


def tables_of(text: bytes, source: str = "document.json") -> AccountTables:
    """Compile a document. Raises DocumentErrors or ConfigError."""
    document = load(text, source=source, secrets=placeholder, zones=_zones())
    return compile_account(document, version=1, zone_data=_zone, sound_durations={}, numbering=numbering())


def stage_of(text: bytes, source: str = "document.json") -> Stage:
    """Make a document ready for playing. Raises DocumentErrors or ConfigError."""
    return Stage(tables_of(text, source))


_known_zones: list[frozenset[str]] = []
_zone_bytes: dict[str, bytes] = {}


def _zones() -> frozenset[str]:
    if not _known_zones:
        _known_zones.append(zone_names())
    return _known_zones[0]


def _zone(name: str) -> bytes:
    found = _zone_bytes.get(name)
    if found is None:
        found = _zone_bytes[name] = zone_data(name)
    return found


def results(source: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Give the result of each line; documents that come again are compiled once."""
    stages: OrderedDict[bytes, Stage] = OrderedDict()
    for line in source:
        if line.strip():
            yield _result(line, stages)


def _result(line: bytes, stages: OrderedDict[bytes, Stage]) -> dict[str, Any]:
    try:
        parts = _line(line)
        key = bytes(parts.document)
        stage = stages.get(key)
        if stage is None:
            stage = stages[key] = stage_of(key)
            if len(stages) > KEPT_DOCUMENTS:
                stages.popitem(last=False)
        else:
            stages.move_to_end(key)
        return play(stage, read(bytes(parts.scenario)))
    except DocumentErrors as error:
        return {"error": "; ".join(str(one) for one in error.errors), "errors": [_facts(one) for one in error.errors]}
    except ConfigError as error:
        return {"error": str(error)}
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        return {"error": f"the line is not {{document, scenario}}: {error}"}
    except AssertionError as error:
        return {"error": f"the switch broke a rule of its own: {error}"}


def _facts(error: ConfigError) -> dict[str, Any]:
    return {"message": error.message, "pointer": error.pointer, "line": error.line, "hint": error.hint}
