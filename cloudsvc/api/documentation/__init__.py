"""The API's description, and a page to read and try it that works without the internet."""

from __future__ import annotations

from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final

import msgspec
from attrs import frozen

from cloudsvc.extend import Application, CloudError, Kind, Klein, NoSettings, Request, Response, Tools, route, throttled

_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI needs no more than this; nothing is inline, nothing is evaluated."""

_HTML: Final = {"text/html": {"type": "string"}}
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


@frozen(kw_only=True)
class _Asset:
    media_type: bytes
    content: bytes
    etag: bytes


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
        self._assets = {name: _load(ours / name, media) for name, media in _OURS.items()}
        self._assets |= {name: _load(swagger / name, media) for name, media in _SWAGGER.items()}
        self._description = b"{}"

    def publish(self, description: dict[str, Any]) -> None:
        """Serve ``description`` from now on."""
        self._description = msgspec.json.encode(description)

    @route(app, "GET", "/openapi.json", produces={"application/json": {"type": "object"}})
    @throttled("api")
    async def openapi(self, request: Request) -> Response:
        """Describe this API in OpenAPI 3.1."""
        return Response(headers=((b"Content-Type", b"application/json"),), body=self._description)

    @route(app, "GET", "/docs", produces=_HTML)
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
        headers = (
            (b"ETag", asset.etag),
            (b"Cache-Control", b"no-cache"),
            (b"Content-Security-Policy", _POLICY),
        )
        if request.getHeader(b"if-none-match") == asset.etag:
            return Response(status=304, headers=headers)
        return Response(headers=((b"Content-Type", asset.media_type), *headers), body=asset.content)


def _load(source: Path, media_type: bytes) -> _Asset:
    content = source.read_bytes()
    etag = f'"{sha256(content).hexdigest()[:32]}"'.encode("ascii")
    return _Asset(media_type=media_type, content=content, etag=etag)
