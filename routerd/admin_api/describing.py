"""What a route takes and gives, said for the OpenAPI document where the handler's types do not say it.

The functions give a route's ``opt``; :mod:`routerd.admin_api.openapi` reads it. Schemas of a document's parts are made
of the same structs that judge documents.
"""

from __future__ import annotations

import typing
from typing import Any, Final

import msgspec

from routerd.config.document import Document
from routerd.config.editing import SECTIONS

BODY: Final = "openapi_body"
GIVES: Final = "openapi_gives"
ALSO: Final = "openapi_also"
ALSO_SAID: Final = {304: "As it was"}
REF: Final = "#/components/schemas/{name}"
JSON: Final = "application/json"
YAML: Final = "application/yaml"
MERGE: Final = "application/merge-patch+json"
WAV: Final = "audio/wav"
_PYTHON_END: Final = r"$(?!\n)"


def _kinds() -> dict[str, type]:
    hints = typing.get_type_hints(Document, include_extras=True)
    return {section: typing.get_args(typing.get_args(hints[section])[0])[0] for section in SECTIONS}


KINDS: Final = _kinds()


def kind_of(section: str) -> str:
    """Give the name of the schema of a list's entries."""
    return KINDS[section].__name__


def components() -> dict[str, Any]:
    """Give the schemas of a document and all its parts."""
    _, found = msgspec.json.schema_components([Document, *KINDS.values()], ref_template=REF)
    schemas: dict[str, Any] = _plain(found)
    return schemas


def _plain(value: Any) -> Any:
    """Write patterns as other languages read them: their ``$`` never matches before a line feed."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.replace(_PYTHON_END, "$") if isinstance(value, str) else value


def schema_of(kind: type) -> dict[str, Any]:
    """Give the schema of one flat struct of ours."""
    _, found = msgspec.json.schema_components([kind], ref_template=REF)
    schema: dict[str, Any] = _plain(found[kind.__name__])
    return schema


def ref(kind: str) -> dict[str, Any]:
    """Give the reference to a schema."""
    return {"$ref": REF.format(name=kind)}


def takes(kind: str) -> dict[str, Any]:
    """Say that a route takes JSON of a kind."""
    return {BODY: {JSON: {"schema": ref(kind), "example": EXAMPLES.get(kind)}}}


def takes_schema(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    """Say that a route takes JSON of a schema."""
    return {BODY: {JSON: {"schema": schema, "example": example}}}


def takes_patch(kind: str) -> dict[str, Any]:
    """Say that a route takes a merge patch of a kind."""
    patch = {"type": "object", "description": f"The keys of {kind} that change; null removes a key."}
    return {BODY: {MERGE: {"schema": patch, "example": PATCHES.get(kind, {})}, JSON: {"schema": patch}}}


def takes_document() -> dict[str, Any]:
    """Say that a route takes a whole document."""
    example = EXAMPLES["Document"]
    return {BODY: {JSON: {"schema": ref("Document"), "example": example}, YAML: {"schema": {"type": "string"}}}}


def takes_file(media: str) -> dict[str, Any]:
    """Say that a route takes a file, or a JSON object of a kind."""
    return {BODY: {media: {"schema": {"type": "string", "contentMediaType": media}}}}


def gives(kind: str) -> dict[str, Any]:
    """Say that a route gives JSON of a kind, secrets hidden."""
    return {GIVES: {JSON: {"schema": {"type": "object", "description": f"A {kind} as it was written."}}}}


def gives_document(*also: int) -> dict[str, Any]:
    """Say that a route gives a whole document, and with which other statuses it may answer."""
    said = {"type": "object", "description": "The document as it was written: see the schema Document."}
    given = {JSON: {"schema": said, "example": EXAMPLES["Document"]}, YAML: {"schema": {"type": "string"}}}
    return {GIVES: given, ALSO: also}


EXAMPLES: Final[dict[str, Any]] = {
    "Document": {
        "schema": 1,
        "account": {"id": "acme", "name": "Acme", "country": "IN", "domains": ["acme.test"]},
        "numbers": [{"number": "+918069651170", "destination": {"type": "agent", "id": "asha"}}],
        "agents": [{"id": "asha", "name": "Asha Rao", "extension": "2001"}],
        "extensions": [{"id": "2001", "username": "2001", "password": {"env": "ROUTERD_SECRET_2001"}}],
    },
    "Agent": {"id": "asha", "name": "Asha Rao", "extension": "2001", "ring_timeout_s": 20},
    "Number": {"number": "+918069651170", "destination": {"type": "agent", "id": "asha"}},
    "Extension": {"id": "2001", "username": "2001", "password": {"env": "ROUTERD_SECRET_2001"}},
    "Trunk": {"id": "pstn", "target": "sip:192.0.2.10:5060;transport=udp", "addresses": ["192.0.2.0/28"]},
    "Department": {"id": "support", "name": "Support", "members": [{"agent": "asha", "timeout_s": 20}]},
    "BlockedCaller": {"number": "+919999999999"},
    "OutboundRoute": {"prefix": "+91", "trunks": ["pstn"]},
}
PATCHES: Final[dict[str, Any]] = {
    "Document": {"account": {"max_channels": 30}},
    "Agent": {"do_not_disturb": True, "failover": None},
    "Number": {"status": "suspended"},
    "TimeCondition": {"override": "unmatched"},
}
__all__ = ["BODY", "GIVES", "KINDS", "components", "kind_of"]
