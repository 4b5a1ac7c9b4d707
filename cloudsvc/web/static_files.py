"""Static files of a directory: pages with trailing-slash URLs, their own 404 page, no listings."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import evolve, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.error import UnsupportedMethod
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from cloudsvc.core.clock import WallClock
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.file_types import find_type
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.web.codings import VARIES, accepts_gzip, is_compressible
from cloudsvc.web.errors import HTTPError, not_found
from cloudsvc.web.http1.request import Request
from cloudsvc.web.packing import Packing
from cloudsvc.web.page_files import PageReader, open_settled
from cloudsvc.web.ranges import Span
from cloudsvc.web.representations import Representation, Selection
from cloudsvc.web.responses import HeaderList, Response

_INDEX: Final = "index.html"
_NOT_FOUND: Final = "404.html"
_WELL_KNOWN: Final = ".well-known"
_UNNAMED: Final = "application/octet-stream"
_TEXTS: Final = frozenset({"application/json", "application/manifest+json", "image/svg+xml"})
"""Types that are read as text, besides those called so."""

_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG})
"""What opening a file fails with where there is none, or something else."""


@frozen(kw_only=True)
class Pages:
    """
    What is served, and how.

    :ivar root: the directory.
    :ivar kept: fields of every answer: how it may be kept, and the policy of the pages where they have their own.
    :ivar threads: read what is large.
    """

    root: Path
    kept: HeaderList
    threads: ThreadRunner
    clock: IReactorTime
    now: WallClock


class StaticFiles(Resource):
    """
    The files below a directory.

    ``dir/`` answers with its ``index.html``; what is not there, with the ``404.html`` of the directory served, if there
    is one. Hidden files (but for ``/.well-known/``, RFC 8615), and links that lead out of the directory, are not there.
    Files are found and opened in the reactor's thread: pages lie on a disk of this host, whose folders the system
    remembers. What is large is read in others.
    """

    isLeaf = True

    def __init__(self, pages: Pages) -> None:
        super().__init__()
        self._pages = pages
        self._root = pages.root.resolve()
        self._packing = Packing(pages.threads)

    def render(self, request: Request) -> int:
        """Send the file that the path names."""
        if request.method not in {b"GET", b"HEAD"}:
            if request.method == b"OPTIONS" and self._find(request.segments) is None:
                raise not_found()
            raise UnsupportedMethod([b"GET", b"HEAD"])
        request.run(self._answer(request), 200)
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> Response:
        path = self._find(request.segments)
        if path is None:
            return await self._answer_not_found(request)
        if path.is_dir():
            # Relative, so that it cannot be wrong behind a proxy (RFC 9110 section 10.2.2).
            last = request.path.rpartition(b"/")[2]
            _, mark, query = request.uri.partition(b"?")
            location = b"./" + last + b"/" + mark + query
            raise HTTPError(308, "moved", "The path ends in a slash.", ((b"Location", location),))
        reader = await self._open(path)
        try:
            return await self._send(request, path, reader)
        except BaseException:
            await reader.close()
            raise

    async def _send(self, request: Request, path: Path, reader: PageReader) -> Response:
        media_type, file = _type_of(path), reader.file
        representation = Representation(
            content_type=media_type.encode("ascii"),
            size=file.size,
            validators=file.validators,
            kept=self._pages.kept,
        )
        if is_compressible(media_type):
            representation = evolve(representation, kept=VARIES + representation.kept)
            packed = await self._packing.pack(file, media_type) if accepts_gzip(request) else None
            if packed is not None:
                answer = representation.gzipped(len(packed)).select(request).cut(packed)
                await reader.close()
                return answer
        return await representation.select(request).read(request, reader)

    async def _answer_not_found(self, request: Request) -> Response:
        """The directory's own page for what is not there, without conditions or parts (RFC 9110 section 13.2.1)."""
        path = self._find((_NOT_FOUND,))
        if path is None or not path.is_file():
            raise not_found()
        reader = await self._open(path)
        headers = ((b"Content-Type", _type_of(path).encode("ascii")), *self._pages.kept)
        return await Selection(status=404, headers=headers, items=[Span(0, reader.file.size)]).read(request, reader)

    async def _open(self, path: Path) -> PageReader:
        with _translated():
            file = await open_settled(path, self._pages.clock, self._pages.now)
        return PageReader(file, self._pages.threads)

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
        return path if path.is_relative_to(self._root) and (path.is_file() or path.is_dir()) else None


@contextmanager
def _translated() -> Iterator[None]:
    """Why a file cannot be opened, in words for its client."""
    try:
        yield
    except PermissionError:
        raise CloudError(Kind.FORBIDDEN, "forbidden", "The server may not read this file.") from None
    except OSError as problem:
        if problem.errno in _ABSENT or problem.errno is None:
            raise not_found() from None
        text = f"The file cannot be read at the moment: {os.strerror(problem.errno)}."
        raise CloudError(Kind.UNAVAILABLE, "storage_failed", text) from problem


def _type_of(path: Path) -> str:
    kind = find_type(path.name) or _UNNAMED
    is_text = kind.startswith("text/") or kind in _TEXTS
    return f"{kind}; charset=utf-8" if is_text else kind
