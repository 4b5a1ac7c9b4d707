"""A directory of files served as it is: pages with trailing-slash URLs, their own 404 page, no listings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.python.filepath import FilePath
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.static import File, getTypeAndEncoding

from cloudsvc.web.errors import HTTPError
from cloudsvc.web.request import Request
from cloudsvc.web.resources import Missing
from cloudsvc.web.responses import Response

_NOT_FOUND_PAGE = "404.html"


class StaticFiles(File):
    """
    ``dir/`` answers with its ``index.html``; what is not there with the directory's ``404.html``, if there is one.

    Hidden files, and links that lead out of the directory, are not there.
    """

    root: FilePath[str]
    childNotFound: Any  # any resource will do, but Twisted declares the class of its own

    def __init__(self, path: str, defaultType: str = "application/octet-stream", **options: Any) -> None:
        super().__init__(path, defaultType, **options)
        self.indexNames = ["index.html"]
        self.childNotFound = Missing()

    @classmethod
    def at(cls, directory: Path) -> StaticFiles:
        """The files below ``directory``."""
        files = cls(str(directory))
        files.root = FilePath(str(directory.resolve()))
        files.childNotFound = _page_or_missing(directory / _NOT_FOUND_PAGE)
        return files

    def createSimilarFile(self, path: str) -> StaticFiles:
        """A file below this one, with the same rules."""
        similar: StaticFiles = super().createSimilarFile(path)
        similar.root = self.root
        similar.childNotFound = self.childNotFound
        return similar

    def getChild(self, path: bytes, request: Any) -> IResource:
        """The file named by one more segment of the path."""
        self.restat(reraise=False)
        if path.startswith(b".") or (path == b"" and not self.isdir()):
            return self._missing()
        child: IResource = super().getChild(path, request)
        if isinstance(child, StaticFiles):
            real = child.realpath()
            if real != self.root and self.root not in real.parents():
                return self._missing()
        return child

    def _missing(self) -> IResource:
        missing: IResource = self.childNotFound
        return missing

    def directoryListing(self) -> IResource:
        """A directory without an index is not there: its names are nobody's business."""
        return self._missing()

    def redirect(self, request: Request) -> bytes:
        """``dir`` is ``dir/``: a relative Location cannot be wrong behind a proxy (RFC 9110 section 10.2.2)."""
        raise HTTPError(
            308, "moved", "The path ends in a slash.", ((b"Location", request.path.rpartition(b"/")[2] + b"/"),)
        )

    def render_GET(self, request: Any) -> bytes | int:
        """The content, with the character set named where it is text."""
        self.restat(reraise=False)
        if not self.exists():
            answer: bytes | int = self.childNotFound.render(request)
            return answer
        if self.type is None:
            self.type, self.encoding = _typed(self)
        result: bytes | int = super().render_GET(request)
        return result

    render_HEAD = render_GET


class _NotFoundPage(Resource):
    isLeaf = True

    def __init__(self, page: Path) -> None:
        super().__init__()
        self._page = page

    def render(self, request: Request) -> int:
        """The page with status 404."""
        request.respond(
            Response(
                status=404, headers=((b"Content-Type", b"text/html; charset=utf-8"),), body=self._page.read_bytes()
            )
        )
        return NOT_DONE_YET


def _page_or_missing(page: Path) -> IResource:
    return _NotFoundPage(page) if page.is_file() else Missing()


def _typed(file: File) -> tuple[str, str | None]:
    kind, encoding = getTypeAndEncoding(file.basename(), file.contentTypes, file.contentEncodings, file.defaultType)
    if kind.startswith("text/") or kind in {"application/javascript", "application/json"}:
        kind += "; charset=utf-8"
    return kind, encoding
