"""Folders that are in themselves, as only a damaged catalogue has them: no question about them goes on for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloudsvc.drive.names import parse_path
from cloudsvc.storage.catalogue.catalogue import _DEEDS
from cloudsvc.storage.catalogue.nodes import Ancestry, Row, find_chain
from cloudsvc.storage.catalogue.sight import Sight, look
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from tests.support.catalogues import NAME, TESTER, read_empty, store


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[SQLiteConnection]:
    (tmp_path / NAME).write_bytes(read_empty())
    with closing(connect(tmp_path / NAME)) as connection:
        yield connection


@pytest.fixture
def ring(connection: SQLiteConnection) -> tuple[Row, ...]:
    """A folder, one in it and a file in that one, where the first is in the second."""
    command = store("a/b/file")
    context = Context(connection=connection, now=1, epoch="e", actor=TESTER).begin(command)
    _DEEDS[type(command)](context, command)
    _, a, b, file = find_chain(connection, parse_path("a/b/file")).rows
    connection.execute("UPDATE node SET parent = ? WHERE id = ?", (b.id, a.id))
    return a._replace(parent=b.id), b, file


def test_what_is_in_itself_is_nowhere(connection: SQLiteConnection, ring: tuple[Row, ...]) -> None:
    assert Ancestry(connection).find_anywhere(ring) == [None, None, None]
    assert [Ancestry(connection).find(row) for row in ring] == [None, None, None]


def test_what_is_in_itself_is_below_nothing_else(connection: SQLiteConnection, ring: tuple[Row, ...]) -> None:
    ancestry = Ancestry(connection)
    # What is remembered of the first answer is right for the second.
    assert [ancestry.holds(row.id) for row in ring * 2] == [False] * 6
    assert Ancestry(connection, ring[0].id).holds(ring[1].id)


def test_a_grant_on_what_is_in_itself_sleeps(connection: SQLiteConnection, ring: tuple[Row, ...]) -> None:
    for row in ring[:2]:
        assert look(connection, frozenset({row.id})).granted == Sight().granted
