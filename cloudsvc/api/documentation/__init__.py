"""The API's description, and a documentation page to read and try it that works without the internet."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import msgspec

from cloudsvc.extend import (
    Application,
    CloudError,
    Document,
    Kind,
    Klein,
    NoSettings,
    Request,
    Response,
    Tools,
    route,
    throttled,
)

_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI needs no more than this; nothing is inline, nothing is evaluated."""

_CACHING: Final = (b"Cache-Control", b"no-cache")
"""Whoever keeps it asks every time whether it is still so, since an update of the server changes all of it."""

_DESCRIPTION: Final = b"application/json"
_HTML: Final = {"text/html": {"type": "string"}}
_CONSTANT: Final[Mapping[str, Any]] = {
    "headers": {
        "If-None-Match": "Entity tags that the client has: if this is still one of them, nothing is sent.",
        "If-Match": "Entity tags, of which this must have one.",
        "Range": "Which bytes to send, such as `bytes=0-99` (RFC 9110 section 14.2).",
        "If-Range": "The entity tag that this must have for `Range` to be honoured.",
    },
    "answers": {206: "The part that `Range` asks for.", 304: "It is still what the client has."},
    "errors": {412: "It has none of these entity tags.", 416: "There is none of these bytes."},
}
"""What is said of every answer that stays the same while the server runs."""

_OURS: Final = {
    "index.html": b"text/html; charset=utf-8",
    "page.css": b"text/css; charset=utf-8",
    "start.js": b"text/javascript; charset=utf-8",
}
_SWAGGER: Final = {
    "swagger-ui.css": b"text/css; charset=utf-8",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "favicon-32x32.png": b"image/png",
}


class Documentation(Application[NoSettings]):
    """``/api/openapi.json`` and ``/api/docs``."""

    name = "documentation"
    mounts = ("openapi.json", "docs")
    app = Klein()

    def __init__(self, settings: NoSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        ours = Path(__file__).parent
        # Found without importing the package, which would import Flask.
        swagger = Path(str(distribution("flask-swagger-ui").locate_file("flask_swagger_ui/dist")))
        # Packed at the start: 0.5 MB of gzip for as long as the server runs, and no waiting for whoever comes first.
        self._assets = {name: Document.of((ours / name).read_bytes(), media) for name, media in _OURS.items()}
        self._assets |= {name: Document.of((swagger / name).read_bytes(), media) for name, media in _SWAGGER.items()}
        self._description = Document.of(b"{}", _DESCRIPTION)

    def publish(self, description: dict[str, Any]) -> None:
        """Serve ``description`` from now on."""
        self._description = Document.of(msgspec.json.encode(description), _DESCRIPTION)

    @route(app, "GET", "/openapi.json", produces={"application/json": {"type": "object"}}, **_CONSTANT)
    @throttled("api")
    async def openapi(self, request: Request) -> Response:
        """Describe this API in OpenAPI 3.1."""
        return self._description.answer(request, kept=(_CACHING,))

    @route(app, "GET", "/docs", produces=_HTML, **_CONSTANT)
    @throttled("api")
    async def page(self, request: Request) -> Response:
        """Show this API on a page to read and try it."""
        return self._answer(request, "index.html")

    @route(app, "GET", "/docs/<string:name>", produces={"*/*": {}}, hidden=True)
    @throttled("transfer")
    async def asset(self, request: Request, name: str) -> Response:
        """Give one file of the page."""
        return self._answer(request, name)

    def _answer(self, request: Request, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            raise CloudError(Kind.NOT_FOUND, "not_found", "The documentation has no such file.")
        return asset.answer(request, kept=(_CACHING, (b"Content-Security-Policy", _POLICY)))
