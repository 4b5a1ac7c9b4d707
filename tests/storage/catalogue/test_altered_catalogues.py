"""A catalogue in which anything was altered is refused when it is received, or else works like any other."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Awaitable, Sequence
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column

from cloudsvc.core.actors import Role
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.commands import Copy, Purge, Restore, RestoreVersion, SetQuota
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import ROOT_ID, File
from cloudsvc.drive.pages import Order
from cloudsvc.drive.replacement import Unusable
from cloudsvc.storage.catalogue.schema import metadata
from cloudsvc.storage.catalogue.sqlite.receiving import receive, telling_what_is_unusable
from tests.support.catalogues import NAME, Trial, Watch, gather, open_memory
from tests.support.coroutines import finish
from tests.support.furnished_catalogues import fill, open_inline

T = TypeVar("T")

COLUMNS: Final = [column for table in metadata.sorted_tables for column in table.columns]
VALUES: Final = (
    *("NULL", "1.5", *map(str, (-(2**63), -1, 0, 1, 2, 3, 4, 5, 2**40, 2**62, 2**63 - 1))),
    *("''", "'x'", "'1'", "'/'", "'/1/'", "'/1/4/'", "'..'", "'a/b'", "'created'", "x''", "x'ff'"),
    *("CAST(x'ff' AS TEXT)", "'a' || char(0)", "char(10)"),
)
"""As SQL has them."""

Change = tuple[Column[Any], str, bool]
"""A value for a column, in all rows or in the last one."""

CHANGES: Final = st.lists(
    st.tuples(st.sampled_from(COLUMNS), st.sampled_from(VALUES), st.booleans()), min_size=1, max_size=2
)


@cache
def make_catalogue() -> bytes:
    """Something in every table."""

    async def make(directory: Path) -> bytes:
        watch = Watch()
        async with open_memory(directory, watch) as memory:
            await fill(Trial(memory, watch))
            async with memory.snapshot() as snapshot:
                return snapshot.content.read()

    with TemporaryDirectory() as directory:
        content = finish(make(Path(directory)))
    # It says that there is a log, which nothing in memory has.
    return content[:18] + b"\1\1" + content[20:]


def alter(changes: Sequence[Change]) -> bytes:
    """The catalogue with ``changes``, those left out that its definition forbids."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(make_catalogue())
        for column, value, is_everywhere in changes:
            keys = ", ".join(key.name for key in column.table.primary_key.columns)
            last = f"WHERE ({keys}) = (SELECT {keys} FROM {column.table.name} ORDER BY {keys} DESC LIMIT 1)"  # noqa: S608  # names
            with suppress(sqlite3.Error):
                connection.execute(
                    f"UPDATE {column.table.name} SET {column.name} = {value} {'' if is_everywhere else last}"  # noqa: S608  # names
                )
        return connection.serialize()


async def attempt(work: Awaitable[T]) -> T | None:
    """What comes of ``work``. It may be refused, and must not fail."""
    try:
        return await work
    except CloudError as refused:
        if refused.kind is Kind.UNAVAILABLE:
            raise
        return None


async def read_all(trial: Trial) -> None:
    """Ask for everything that is told."""
    catalogue, actor = trial.catalogue, trial.actor
    for path, node in (await trial.tree()).items():
        if isinstance(node, File):
            await trial.versions(path)
    await trial.trash()
    await attempt(trial.changes())
    for order in Order:
        for more in ({}, {"descending": True}, {"text": "f"}):
            await trial.files(3, order=order, **more)
    await catalogue.usage(actor)


async def use(trial: Trial) -> None:
    """Do with everything what can be done, until nothing is left."""
    catalogue = trial.catalogue
    for blob in await gather(catalogue.list_blobs):
        await catalogue.find_users(blob.id)
    await catalogue.list_unmeasured(10)
    for path, node in (await trial.tree()).items():
        if isinstance(node, File):
            await attempt(trial.store(path, b"new " + path.encode()))
            oldest = (await trial.versions(path))[-1]
            await attempt(trial.do(RestoreVersion(path=parse_path(path), version=oldest.id, versions_kept=10)))
        else:
            await attempt(trial.do(Copy(source=node.path, destination=parse_path(f"copies/{node.id}"))))
            await attempt(trial.do(SetQuota(path=node.path, quota=10**9)))
    for entry in await trial.trash():
        if await attempt(trial.do(Restore(entry=entry.id))) is None:
            await attempt(trial.do(Restore(entry=entry.id, destination=parse_path(f"back/{entry.id}"))))
    for path in await trial.tree():
        await attempt(trial.discard(path))
    while await catalogue.evict(ROOT_ID):
        pass
    await trial.do(Purge(entry=None))
    await trial.collect()
    assert await trial.tree() == {}
    assert await catalogue.find_miscounts() == []
    assert await catalogue.stored_bytes() == 0


async def use_all(directory: Path) -> None:
    watch = Watch()
    watch.pass_seconds(3600)
    async with open_inline(directory, watch) as catalogue:
        trial = Trial(catalogue, watch)
        folders = [node.id for node in (await trial.tree()).values() if not isinstance(node, File)]
        for each in (
            trial,
            *(trial.as_actor((role, folder)) for folder in folders for role in (Role.VIEWER, Role.EDITOR)),
        ):
            await read_all(each)
        await use(trial)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(changes=CHANGES)
def test_it_is_refused_or_works(changes: list[Change]) -> None:
    with TemporaryDirectory() as directory:
        content = alter(changes)
        try:
            with telling_what_is_unusable():
                receive(io.BytesIO(content), Path(directory) / NAME, Beginning())
        except Unusable:
            return
        finish(use_all(Path(directory)))


def test_as_it_is_it_works(tmp_path: Path) -> None:
    receive(io.BytesIO(make_catalogue()), tmp_path / NAME, Beginning())
    finish(use_all(tmp_path))
