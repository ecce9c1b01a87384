"""Reading what was sent: of the right type, within bounds, in UTF-8; and which form an answer should have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.admin_api.problems import Problem

if TYPE_CHECKING:
    from litestar import Request

JSON_TYPES: Final = frozenset({"application/json", "text/json"})
MERGE_TYPES: Final = JSON_TYPES | {"application/merge-patch+json"}
YAML_TYPES: Final = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
YAML: Final = "application/yaml"
JSON: Final = "application/json"
_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def media_type(request: Request[Any, Any, Any]) -> str:
    """Give the type of what was sent, without parameters; raises the 415 of another coding or alphabet."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"identity", ""}:
        raise Problem(415, "a body is taken as it is", pointer="Content-Encoding", hint="send it uncompressed")
    name, *parameters = request.headers.get("content-type", "").lower().split(";")
    for parameter in parameters:
        key, _, value = parameter.strip().partition("=")
        if key == "charset" and value.strip('" ') not in _UTF8:
            raise Problem(415, "a body is UTF-8", pointer="Content-Type", hint="charset=utf-8")
    return name.strip()


def need_type(request: Request[Any, Any, Any], allowed: frozenset[str]) -> str:
    """Give the type of what was sent ("" when it does not say); raises the 415 when it is not allowed."""
    given = media_type(request)
    if given and given not in allowed:
        hint = " or ".join(sorted(allowed))
        raise Problem(415, f"{given[:100]} is not taken here", pointer="Content-Type", hint=hint)
    return given


async def read_document(request: Request[Any, Any, Any]) -> tuple[bytes, str]:
    """Give a document that was sent, and what it is called by in errors (its ending says the format)."""
    given = need_type(request, JSON_TYPES | YAML_TYPES)
    source = "api.json" if given in JSON_TYPES else "api.yaml" if given in YAML_TYPES else "api"
    text = await request.body()
    if not text.strip():
        raise Problem(400, "the document is missing", hint="send it as the body: JSON or YAML")
    return text, source


async def read_object(request: Request[Any, Any, Any], allowed: frozenset[str] = JSON_TYPES) -> dict[str, Any]:
    """Give the JSON object that was sent; raises the 400 or 415."""
    need_type(request, allowed)
    found = decode(await request.body(), Any)
    if not isinstance(found, dict):
        raise Problem(400, "a JSON object is expected")
    return found


def decode(text: bytes, kind: Any) -> Any:
    """Read JSON as a type of ours; raises the 400 with a pointer to what is wrong."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `")
        raise Problem(400, message, pointer=_pointer(place)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, f"not JSON: {error}" if text else "a JSON body is missing") from error
    except RecursionError as error:
        raise Problem(400, "nested too deep") from error


def _pointer(place: str) -> str:
    """Make a JSON pointer of msgspec's ``$.a[0].b`` (and a backtick)."""
    bare = place.rstrip("`").removeprefix("key` in `").removeprefix("$")
    return bare.replace("[", ".").replace("]", "").replace(".", "/")


def wants_yaml(request: Request[Any, Any, Any]) -> bool:
    """Say whether an answer should rather be YAML than JSON (RFC 9110 §12.5.1; no weights: who names it gets it)."""
    accepted = request.headers.get("accept", "").lower()
    named = [part.partition(";")[0].strip() for part in accepted.split(",")]
    return any(name in YAML_TYPES for name in named) and not any(name in JSON_TYPES for name in named)
