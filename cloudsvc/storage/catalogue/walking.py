"""Tree walk: files in the order of their paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final, TypeAlias

from attrs import define, field, frozen

from cloudsvc.drive.errors import bad_cursor
from cloudsvc.drive.media_types import essence_of
from cloudsvc.drive.names import DrivePath, Name, fold_case
from cloudsvc.drive.nodes import File
from cloudsvc.drive.pages import FileQuery, Page
from cloudsvc.storage.catalogue.cursors import read_cursor, write_cursor
from cloudsvc.storage.catalogue.matching import Candidate, find_candidates
from cloudsvc.storage.catalogue.nodes import (
    MOST_TEXT,
    Ancestry,
    Chain,
    Row,
    load_row,
    load_rows,
    make_files,
)
from cloudsvc.storage.catalogue.page_ends import PASSED_AT_LEAST, never
from cloudsvc.storage.catalogue.sight import Sight, find_seen
from cloudsvc.storage.catalogue.traversal import Place, Traversal
from cloudsvc.storage.database.statements import Connection

_STEPS: Final = 200_000
"""Files and folders that are passed for one page, which may be empty then, and have a cursor all the same."""

_FIRST_STEPS: Final = 200
"""Those that are passed, or two for each file of the page, before it is asked whether few files can match at all."""

_BATCH: Final = 1_001
"""Files and folders read at once, at most: a page, and the one that tells that another follows. Of short ones fewer."""

_LONGEST: Final = 6000
"""Characters of a cursor, which has to fit into a URL: it names a longer path by its node."""

_Keys: TypeAlias = tuple[str, ...]
"""Those of the names from the folder of the query down to a file or folder."""


@define(kw_only=True)
class _Found:
    """
    A page as it grows.

    :ivar room: characters that the paths of more files may have together.
    :ivar last: what was passed last, if anything.
    """

    limit: int
    files: list[tuple[Row, DrivePath]] = field(factory=list)
    room: int = MOST_TEXT
    last: tuple[_Keys, int] | None = None

    @property
    def is_full(self) -> bool:
        return len(self.files) == self.limit or self.room <= 0

    def add(self, row: Row, path: DrivePath) -> None:
        self.files.append((row, path))
        self.room -= len(str(path))


@frozen(kw_only=True)
class Walk:
    """
    One walk through what is in ``sight``, at one moment.

    Where it does not soon fill the page, and few files can match, because few have the tag or have the text in their
    names, these are sorted instead.
    """

    connection: Connection
    epoch: str
    sight: Sight
    query: FileQuery
    is_over: Callable[[], bool] = never

    def run(self, limit: int, cursor: str | None) -> Page[File]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_files`, in the order of paths, until it ``is_over``."""
        after = self._read(cursor)
        folder = self.query.folder.names
        chain = find_seen(self.connection, DrivePath((*folder, *(Name(key, key) for key in after))), self.sight)
        if len(chain.rows) <= len(folder) or chain.rows[len(folder)].is_file:
            return Page(items=[], cursor=None)
        top = chain.rows[len(folder)].id
        batch = max(min(2 * limit, _BATCH), min(64, _BATCH))
        steps = Traversal(self.connection, self.sight, self.query.descending, self.query.tag, batch).walk(
            *_find_start(chain, len(folder))
        )
        found = _Found(limit=limit)
        for passed, (row, place, is_tagged) in enumerate(steps):
            if found.is_full or passed > _STEPS or (passed >= PASSED_AT_LEAST and self.is_over()):
                return self._make_page(found, goes_on=True)
            # How many there are in all is known to those only who see all.
            if passed == max(_FIRST_STEPS, 2 * limit) and self.sight.sees_all:
                candidates = find_candidates(self.connection, self.query, top)
                if candidates is not None:
                    return self._sort(candidates, found, top)
            names = place.list_names(Name(row.name, row.key))
            found.last = tuple(name.key for name in names), row.id
            if row.is_file and self._matches(row, is_tagged=is_tagged):
                found.add(row, DrivePath((*folder, *names)))
        return self._make_page(found, goes_on=False)

    def _sort(self, candidates: list[Candidate], found: _Found, top: int) -> Page[File]:
        """The rest of a page, out of ``candidates``, those after what was passed last."""
        ancestry = Ancestry(self.connection, top)
        ancestry.load(candidate.parent for candidate in candidates)
        depth = len(self.query.folder.names)
        passed = found.last[0] if found.last else ()
        places: list[tuple[_Keys, int]] = []
        for candidate in candidates:
            if ancestry.holds(candidate.parent) and (folder := ancestry.find_folder(candidate.parent)) is not None:
                keys = *(name.key for name in folder.names[depth:]), str(candidate.value)
                if self._is_after(keys, passed):
                    places.append((keys, candidate.id))
        places = sorted(places, reverse=self.query.descending)[: found.limit - len(found.files) + 1]
        rows = load_rows(self.connection, [node_id for _, node_id in places])
        for keys, node_id in places:
            if found.is_full:
                return self._make_page(found, goes_on=True)
            found.last, row = (keys, node_id), rows[node_id]
            path = ancestry.find(row) or DrivePath()
            found.add(row, DrivePath((*self.query.folder.names, *path.names[depth:])))
        return self._make_page(found, goes_on=False)

    def _is_after(self, keys: _Keys, passed: _Keys) -> bool:
        if not self.query.descending:
            return keys > passed
        # Each folder comes before what is in it, in both directions.
        return keys < passed or (keys != passed and keys[: len(passed)] == passed)

    def _make_page(self, found: _Found, *, goes_on: bool) -> Page[File]:
        cursor = self._write(*found.last) if goes_on and found.last else None
        return Page(items=make_files(self.connection, self.epoch, found.files), cursor=cursor)

    def _matches(self, row: Row, *, is_tagged: bool) -> bool:
        text, wanted = self.query.text, self.query.media_type
        if self.query.tag is not None and not is_tagged:
            return False
        if text is not None and fold_case(text) not in fold_case(row.name):
            return False
        if wanted is None:
            return True
        essence = essence_of(row.media_type)
        return essence == wanted if "/" in wanted else essence.startswith(f"{wanted}/")

    def _read(self, cursor: str | None) -> Sequence[str]:
        """The keys of what was passed last."""
        found: Any = read_cursor(cursor, self._cursor_kind, str, int)
        if found is None:
            return []
        keys, node_id = str(found[0]), int(found[1])
        if node_id:
            digest, keys = keys, self._find_keys(node_id)
            # Whoever has moved is no mark any more: between its two places others would be left out.
            if _digest(keys) != digest:
                raise bad_cursor()
        return keys.split("/")

    def _write(self, passed: _Keys, node_id: int) -> str:
        keys = "/".join(passed)
        cursor = write_cursor(self._cursor_kind, keys, 0)
        return cursor if len(cursor) <= _LONGEST else write_cursor(self._cursor_kind, _digest(keys), node_id)

    def _find_keys(self, node_id: int) -> str:
        """The keys of a node that is below the folder of the query, or was when it was thrown away."""
        row = load_row(self.connection, node_id)
        [path] = Ancestry(self.connection).find_anywhere([row]) if row else [None]
        if not path or not self._sees(path, node_id):
            raise bad_cursor()
        return "/".join(name.key for name in path.names[len(self.query.folder.names) :])

    def _sees(self, path: DrivePath, node_id: int) -> bool:
        """
        Whether a mark may be spoken of: a cursor is any client's to forge. Of what is in the trash by now, those who do
        not see everything have to begin anew.
        """
        if self.sight.sees_all:
            return True
        row = find_seen(self.connection, path, self.sight).row
        return row is not None and row.id == node_id

    @property
    def _cursor_kind(self) -> str:
        return f"path {self.query.descending}"


def _find_start(chain: Chain, depth: int) -> tuple[Place, str | None]:
    """
    The folder to go on in, and after which key there; ``None`` for the beginning.

    :param depth: where in ``chain`` the first folder is.
    """
    place = Place(chain.rows[depth].id, Name("", ""), None)
    for number, name in enumerate(chain.names[depth:], depth + 1):
        if number >= len(chain.rows) or chain.rows[number].is_file:
            return place, name.key
        place = place.enter(chain.rows[number])
    return place, None


def _digest(keys: str) -> str:
    return sha256(keys.encode()).hexdigest()
