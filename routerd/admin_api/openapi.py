"""The API described: OpenAPI 3.1 at ``/schema``, and a page made of it at ``/schema/page`` that needs no network.

Litestar describes what the handlers' types say; this adds what they do not: the bodies that handlers read themselves,
the schemas of a document's parts, and who may ask.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

import msgspec
from litestar import MediaType
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from routerd.admin_api import describing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litestar import Litestar, Request

TITLE: Final = "routerd"
VERSION: Final = "1"
SAID: Final = """Everything that admins and programs change and see.

Send `Authorization: Bearer …`; the first token stands in the token file of the settings. Errors have one form:
`{"error": {"code", "message", "pointer", "hint"}}`, a refused document `{"errors": [...]}` with a line each. Lists come
in pages: `next` of one is the `cursor` of the one after it. A POST with an `Idempotency-Key` is done once."""
METHODS: Final = ("get", "put", "post", "patch", "delete")


class Described(OpenAPIRenderPlugin):
    """Gives the description as JSON, or as a page."""

    def __init__(self, *, page: bool) -> None:
        super().__init__(path="/page" if page else "/openapi.json", media_type=_type(page))
        self._page = page
        self._made: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Give what is served; made once."""
        if self._made is None:
            told = complete(openapi_schema, request.app)
            self._made = page_of(told).encode() if self._page else msgspec.json.encode(told)
        return self._made


def _type(page: bool) -> MediaType:
    return MediaType.HTML if page else MediaType.JSON


def config() -> OpenAPIConfig:
    """Give Litestar's configuration of it."""
    return OpenAPIConfig(
        title=TITLE,
        version=VERSION,
        description=SAID,
        path="/schema",
        render_plugins=[Described(page=False), Described(page=True)],
        components=Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}),
        use_handler_docstrings=True,
    )


def complete(schema: dict[str, Any], app: Litestar) -> dict[str, Any]:
    """Add what handlers read and give by themselves, and what guards want."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(schema))
    schemas = told.setdefault("components", {}).setdefault("schemas", {})
    for name, one in describing.components().items():
        schemas.setdefault(name, one)
    for path, method, opt, guarded in _handlers(app):
        operation = told["paths"].get(path, {}).get(method)
        if operation is None:
            continue
        _describe(operation, opt)
        if guarded:
            operation["security"] = [{"bearer": []}]
        if method == "post":
            _describe_key(operation)
    return told


KEY_ANSWERS: Final = ("409", "422")
KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "description": "The same key with the same request is answered again and not done again, for a day.",
}


def _describe(operation: dict[str, Any], opt: dict[str, Any]) -> None:
    """Add what the handler reads and gives by itself."""
    if describing.BODY in opt:
        operation["requestBody"] = {"required": True, "content": _content(opt[describing.BODY])}
    if describing.GIVES in opt:
        good = next((code for code in operation["responses"] if code.startswith("2")), "200")
        operation["responses"][good]["content"] = _content(opt[describing.GIVES])
    for code in opt.get(describing.ALSO, ()):
        operation["responses"][str(code)] = {"description": describing.ALSO_SAID[code]}


def _describe_key(operation: dict[str, Any]) -> None:
    """Add what comes of an idempotency key."""
    operation.setdefault("parameters", []).append(KEY)
    for code in KEY_ANSWERS:
        if "400" in operation["responses"]:
            operation["responses"].setdefault(code, operation["responses"]["400"])


def _content(given: dict[str, Any]) -> dict[str, Any]:
    return {media: {key: value for key, value in said.items() if value is not None} for media, said in given.items()}


def _handlers(app: Litestar) -> Iterable[tuple[str, str, dict[str, Any], bool]]:
    """Give path, method, opt and whether a token is needed, of every handler."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            for method in getattr(handler, "http_methods", ()):
                yield route.path_format, method.lower(), dict(handler.opt), bool(handler.resolve_guards())


# -- the page --------------------------------------------------------------------------------------------------------

_STYLE: Final = """
:root{color-scheme:light dark}body{font:15px/1.45 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
code,pre{font:13px ui-monospace,monospace}pre{overflow:auto;padding:.6rem;border:1px solid #8884;border-radius:.4rem}
details{border:1px solid #8884;border-radius:.4rem;margin:.4rem 0;padding:.4rem .7rem}summary{cursor:pointer}
.m{display:inline-block;min-width:4.2rem;font-weight:600}td,th{text-align:left;padding:.15rem .8rem .15rem 0;
vertical-align:top}nav a{margin-right:1rem}"""


def page_of(told: dict[str, Any]) -> str:
    """Write the description as one page, which needs nothing but itself."""
    groups: dict[str, list[str]] = {}
    for path, operations in sorted(told["paths"].items()):
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                group = (operation.get("tags") or ["other"])[0]
                groups.setdefault(group, []).append(_operation(path, method, operation))
    links = "".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in groups)
    parts = "".join(f'<h2 id="{escape(name)}">{escape(name)}</h2>{"".join(rows)}' for name, rows in groups.items())
    info = told["info"]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(info['title'])}: the admin API</h1>"
        f"<p>{escape(info.get('description', ''))}</p><p>As OpenAPI {escape(told['openapi'])}: "
        f'<a href="/schema">/schema</a></p><nav>{links}</nav>{parts}<h2 id="schemas">schemas</h2>'
        f"{_schemas(told['components']['schemas'])}</body></html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(_kind(one.get('schema', {})))}</td><td>{escape(one.get('description') or '')}</td></tr>"
        for one in operation.get("parameters", ())
    )
    bodies = "".join(
        f"<p>takes <code>{escape(media)}</code>: {_shown(said)}</p>"
        for media, said in operation.get("requestBody", {}).get("content", {}).items()
    )
    answers = "".join(
        f"<tr><td>{escape(code)}</td><td>{escape(said.get('description') or '')}</td></tr>"
        for code, said in sorted(operation["responses"].items())
    )
    said = operation.get("description") or operation.get("summary") or ""
    return (
        f'<details><summary><span class="m">{method.upper()}</span> <code>{escape(path)}</code></summary>'
        f"<p>{escape(said)}</p>{f'<table>{parameters}</table>' if parameters else ''}{bodies}"
        f"<table>{answers}</table></details>"
    )


def _shown(said: dict[str, Any]) -> str:
    kind = escape(_kind(said.get("schema", {})))
    if "example" not in said:
        return kind
    example = msgspec.json.format(msgspec.json.encode(said["example"]), indent=2).decode()
    return f"{kind}<pre>{escape(example)}</pre>"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "oneOf" in schema or "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema.get("oneOf") or schema["anyOf"])
    return str(schema.get("type", "any"))


def _schemas(schemas: dict[str, Any]) -> str:
    return "".join(
        f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<pre>{escape(msgspec.json.format(msgspec.json.encode(one), indent=2).decode())}</pre></details>"
        for name, one in sorted(schemas.items())
    )
