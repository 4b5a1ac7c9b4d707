"""A directory of files served as it is: pages with trailing-slash URLs, their own 404 page, no listings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from twisted.web.error import UnsupportedMethod
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.static import File

from cloudsvc.web.errors import HTTPError, not_found
from cloudsvc.web.request import Request
from cloudsvc.web.responses import Response

_INDEX: Final = "index.html"
_NOT_FOUND: Final = "404.html"
_WELL_KNOWN: Final = ".well-known"
_UNNAMED: Final = "application/octet-stream"
_ARCHIVES: Final = {".gz": "application/gzip", ".bz2": "application/x-bzip2"}
"""Files that Twisted would unpack on the way, by a Content-Encoding: whoever asks for one wants it as it is."""

_ONE_RANGE: Final = re.compile(rb"bytes=(\d{1,18}-\d{0,18}|-\d{1,18})").fullmatch


class StaticFiles(Resource):
    """
    The files below a directory.

    ``dir/`` answers with its ``index.html``; what is not there, with the ``404.html`` of the directory served, if there
    is one. Hidden files (but for ``/.well-known/``, RFC 8615), and links that lead out of the directory, are not there.
    Twisted's ``File`` sends the content, with ranges and conditional requests; it does not find it, since a path has
    one meaning in this server. Files are found and opened in the reactor's thread: pages lie on a disk of this
    machine, whose folders the system remembers.
    """

    isLeaf = True

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._root = directory.resolve()
        self._page = b""
        self._page_status: tuple[int, ...] = ()

    def render(self, request: Request) -> bytes | int:
        """Send the file that the path names."""
        if request.method not in {b"GET", b"HEAD"}:
            raise UnsupportedMethod([b"GET", b"HEAD"])
        found = self._find(request.segments)
        if found is None:
            return self._send_not_found(request)
        if found.is_dir():
            # Relative, so that it cannot be wrong behind a proxy (RFC 9110 section 10.2.2).
            last = request.path.rpartition(b"/")[2]
            _, mark, query = request.uri.partition(b"?")
            location = b"./" + last + b"/" + mark + query
            raise HTTPError(308, "moved", "The path ends in a slash.", ((b"Location", location),))
        if not _asks_for_one_range(request):
            # The whole is always an answer (RFC 9110 section 14.2); a thousand ranges of it are an attack.
            request.requestHeaders.removeHeader(b"range")
        file = File(str(found))
        file.type, file.encoding = _type_of(found), None
        answer: bytes | int = file.render_GET(request)
        return answer

    def _find(self, segments: tuple[str, ...]) -> Path | None:
        """The file or directory that ``segments`` name; a trailing empty one names the index of a directory."""
        *parents, last = segments
        names = [*parents, last or _INDEX]
        if any(not name or name.startswith(".") for name in (names[1:] if names[0] == _WELL_KNOWN else names)):
            return None
        try:
            path = self._root.joinpath(*names).resolve(strict=True)
        except (OSError, ValueError):
            return None
        # Opening a pipe would wait for somebody to write to it.
        return path if path.is_relative_to(self._root) and (path.is_file() or path.is_dir()) else None

    def _send_not_found(self, request: Request) -> int:
        path = self._find((_NOT_FOUND,))
        if path is None:
            raise not_found()
        try:
            status = path.stat()
            present = (status.st_ino, status.st_mtime_ns, status.st_size)
            if present != self._page_status:
                self._page, self._page_status = path.read_bytes(), present
        except OSError:
            raise not_found() from None
        html = ((b"Content-Type", b"text/html; charset=utf-8"),)
        request.respond(Response(status=404, headers=html, body=self._page))
        return NOT_DONE_YET


def _asks_for_one_range(request: Request) -> bool:
    ranges = request.requestHeaders.getRawHeaders(b"range", ())
    return len(ranges) == 1 and _ONE_RANGE(ranges[0]) is not None


def _type_of(path: Path) -> str:
    suffix = path.suffix.lower()
    kind: str = _ARCHIVES.get(suffix) or File.contentTypes.get(suffix, _UNNAMED)
    is_text = kind.startswith("text/") or kind in {"application/javascript", "application/json", "image/svg+xml"}
    return f"{kind}; charset=utf-8" if is_text else kind
