"""Lists of files anywhere in the tree, in any order, with any filter, each page in bounded time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from attrs import define, field, frozen

from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import File
from cloudsvc.drive.pages import FileQuery, Page
from cloudsvc.storage.catalogue.cursors import read_cursor, write_cursor
from cloudsvc.storage.catalogue.matching import (
    KEYS,
    Candidate,
    Position,
    find_candidates,
    find_edge,
    find_matches,
    is_after,
)
from cloudsvc.storage.catalogue.nodes import MOST_TEXT, Ancestry, Row, find_chain, load_rows, make_files
from cloudsvc.storage.catalogue.page_ends import PASSED_AT_LEAST, never
from cloudsvc.storage.database.statements import Connection

_WINDOW: Final = 20_000
"""Files that are looked at in one go, at most."""

_FIRST_WINDOW: Final = 200
"""
The first time, or two for each file of the page: enough where most files match. Each time after it twice as many, for
as long as there is time.
"""

_WINDOWS: Final = 17
"""So many times that is done for one page, which may be empty then, and have a cursor all the same: 225,000 files."""

_BATCH: Final = 1_001
"""Files whose folders are looked up together, at most: a page, and the one that tells that another follows."""


@define(kw_only=True)
class _Found:
    """
    A page as it grows.

    :ivar position: of the last file that was passed.
    :ivar room: characters that the paths of more files may have together.
    """

    limit: int
    ancestry: Ancestry
    position: Position | None
    files: list[tuple[Row, DrivePath]] = field(factory=list)
    room: int = MOST_TEXT

    @property
    def is_full(self) -> bool:
        return len(self.files) == self.limit or self.room <= 0

    def add(self, row: Row, position: Position) -> None:
        """Pass a file, and take it if it is in the folder that is asked for."""
        self.position = position
        if self.ancestry.holds(row.parent):
            path = self.ancestry.find(row) or DrivePath()
            self.files.append((row, path))
            self.room -= len(str(path))


@frozen(kw_only=True)
class Search:
    """
    One search, at one moment.

    The list is gone through in windows of so many files, whether they match or not, until the page is full. Where the
    first window does not fill it, and few files can match, because few are in the folder, have the tag or have the text
    in their names, these are sorted instead: a small folder costs the same in a large drive.
    """

    connection: Connection
    epoch: str
    query: FileQuery
    is_over: Callable[[], bool] = never

    def run(self, limit: int, cursor: str | None) -> Page[File]:
        """
        As :meth:`cloudsvc.drive.catalogue.Catalogue.list_files`, in any order but :attr:`Order.PATH`.

        A bounded number of windows, and ``is_over``, bound the time: a page may have few files, or none, and a cursor
        all the same.
        """
        position = self._read(cursor)
        top = find_chain(self.connection, self.query.folder).row
        if top is None or top.is_file:
            return Page(items=[], cursor=None)
        found = _Found(limit=limit, ancestry=Ancestry(self.connection, top.id), position=position)
        passed, size = 0, min(max(_FIRST_WINDOW, 2 * limit), _WINDOW)
        for number in range(_WINDOWS):
            edge = find_edge(self.connection, self.query, found.position, size)
            for row in self._find_matches(found, edge):
                if found.is_full or (passed >= PASSED_AT_LEAST and self.is_over()):
                    return self._make_page(found, found.position)
                found.add(row, (KEYS[self.query.order].read(row), row.id))
            if edge is None:
                return self._make_page(found, None)
            found.position = edge
            if number == 0 and (candidates := find_candidates(self.connection, self.query, top.id)) is not None:
                return self._sort(candidates, found)
            passed += size
            if passed >= PASSED_AT_LEAST and self.is_over():
                break
            size = min(2 * size, _WINDOW)
        return self._make_page(found, found.position)

    def _find_matches(self, found: _Found, edge: Position | None) -> Iterator[Row]:
        """What matches in one window. All that is above a batch of files is looked up by one statement."""
        for rows in _gather(find_matches(self.connection, self.query, found.position, edge), found.limit + 1):
            found.ancestry.load(row.parent for row in rows)
            yield from rows

    def _sort(self, candidates: list[Candidate], found: _Found) -> Page[File]:
        """The rest of a page, out of ``candidates``, those after its position."""
        descending, position = self.query.descending, found.position
        found.ancestry.load(candidate.parent for candidate in candidates)
        places = sorted(
            (
                (candidate.value, candidate.id)
                for candidate in candidates
                if found.ancestry.holds(candidate.parent)
                and (position is None or is_after((candidate.value, candidate.id), position, descending=descending))
            ),
            reverse=descending,
        )
        places = places[: found.limit - len(found.files) + 1]
        rows = load_rows(self.connection, [node_id for _, node_id in places])
        for place in places:
            if found.is_full:
                return self._make_page(found, found.position)
            found.add(rows[place[1]], place)
        return self._make_page(found, None)

    def _make_page(self, found: _Found, position: Position | None) -> Page[File]:
        cursor = None if position is None else write_cursor(self._cursor_kind, *position)
        return Page(items=make_files(self.connection, self.epoch, found.files), cursor=cursor)

    def _read(self, cursor: str | None) -> Position | None:
        found = read_cursor(cursor, self._cursor_kind, KEYS[self.query.order].kind, int)
        return None if found is None else (found[0], int(found[1]))

    @property
    def _cursor_kind(self) -> str:
        return f"{self.query.order.value} {self.query.descending}"


def _gather(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """``rows`` in batches, the first one of ``size``, each after it twice as many, up to :data:`_BATCH`."""
    remaining = iter(rows)
    while batch := list(islice(remaining, min(size, _BATCH))):
        yield batch
        size *= 2
