"""Folders above what is in the trash and what has changed, as they were at that moment."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from cloudsvc.drive.commands import Copy, EditTags, Move, Restore
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.catalogue import migrate
from tests.support.catalogues import NAME, Trial, Watch, open_sqlite
from tests.support.reactors import in_reactor


def ask(directory: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(directory / NAME)) as connection, connection:
        return connection.execute(question).fetchall()


@in_reactor
async def test_changes_and_entries_remember_the_nodes_from_the_root_down(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        trial = Trial(catalogue, Watch())
        await trial.store("a/b/file")
        a, b, file = [(await trial.tree())[path].id for path in ("a", "a/b", "a/b/file")]
        await trial.do(EditTags(path=parse_path("a/b/file"), add=("red",), most=5))
        await trial.do(Move(path=parse_path("a/b"), destination=parse_path("c/d")))
        c = (await trial.tree())["c"].id
        await trial.do(Copy(source=parse_path("c/d/file"), destination=parse_path("c/copy")))
        copy = (await trial.tree())["c/copy"].id
        await trial.store("c/d/file", b"other")
        entry = await trial.discard("c/d/file")
        [kept] = ask(tmp_path, "SELECT chain FROM trash")
        await trial.do(Restore(entry=entry.id, destination=parse_path("file")))
    assert kept == (f"/1/{c}/{b}/{file}/",)
    assert ask(tmp_path, "SELECT kind, chain, source_chain FROM change ORDER BY number") == [
        ("created", f"/1/{a}/", None),
        ("created", f"/1/{a}/{b}/", None),
        ("created", f"/1/{a}/{b}/{file}/", None),
        ("changed", f"/1/{a}/{b}/{file}/", None),
        ("created", f"/1/{c}/", None),
        ("moved", f"/1/{c}/{b}/", f"/1/{a}/{b}/"),
        ("created", f"/1/{c}/{copy}/", None),
        ("changed", f"/1/{c}/{b}/{file}/", None),
        ("discarded", f"/1/{c}/{b}/{file}/", None),
        ("restored", f"/1/{file}/", f"/1/{c}/{b}/{file}/"),
    ]


def test_of_what_happened_before_they_were_remembered_the_root_alone_is_known(tmp_path: Path) -> None:
    migrate(tmp_path / NAME, "0002")
    ask(tmp_path, "INSERT INTO node VALUES (10, 2, '1', 'a', 'a', 0, 1, 5, 5, NULL, NULL, NULL)")
    ask(tmp_path, "INSERT INTO trash VALUES (1, 10, 'old/a', 5, 'owner')")
    ask(tmp_path, "INSERT INTO change VALUES (1, 'discarded', 10, 1, 'old/a', NULL, 5, 'owner')")
    migrate(tmp_path / NAME)
    assert ask(tmp_path, "SELECT path, chain FROM trash") == [("old/a", "/1/")]
    assert ask(tmp_path, "SELECT path, chain, source_chain FROM change") == [("old/a", "/1/", None)]
