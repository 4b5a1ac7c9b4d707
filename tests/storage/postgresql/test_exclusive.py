"""Whoever replaces a catalogue has it alone, keeps what was there, and replaces all of it or nothing."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import IO

import psycopg
import pytest

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.nodes import Blob
from cloudsvc.storage.blobs.memory import MemoryBlobs, Shelf
from cloudsvc.storage.catalogue import examine
from cloudsvc.storage.catalogue.postgresql.exclusive import use_alone
from cloudsvc.storage.database.postgresql import databases
from cloudsvc.storage.database.postgresql.locks import CATALOGUE
from cloudsvc.storage.shared_replacement import SharedReplacement, open_shared_replacement
from tests.support.administration import open_tools
from tests.support.catalogues import NAME, Trial, Watch, make_blob, open_postgres, open_sqlite
from tests.support.lines import Fault, run_line
from tests.support.postgresql import find_cluster, find_database
from tests.support.reactors import in_reactor


async def make_other(directory: Path) -> bytes:
    """A catalogue that brings the file ``new``."""
    async with open_sqlite(directory, Watch()) as catalogue:
        await Trial(catalogue, Watch()).store("new", make_blob(b"new"))
        async with catalogue.snapshot() as snapshot:
            return snapshot.content.read()


async def supply(_: Blob) -> IO[bytes]:
    return io.BytesIO(b"new")


@asynccontextmanager
async def replace(directory: Path, url: Secret) -> AsyncIterator[SharedReplacement]:
    """A replacement, with what :func:`make_other` makes taken in."""
    (directory / "other").mkdir(exist_ok=True)
    other = await make_other(directory / "other")
    async with open_tools() as tools:
        blobs = MemoryBlobs(now=tools.now, shelf=Shelf())
        with use_alone(url) as database:
            async with open_shared_replacement(database, blobs, "0" * 32, directory / "work", tools) as replacement:
                await replacement.take(io.BytesIO(other), supply, Beginning())
                yield replacement


async def list_files(directory: Path) -> list[str]:
    async with open_postgres(directory, Watch()) as catalogue:
        return await Trial(catalogue, Watch()).files()


def put_into(directory: Path, file: str) -> None:
    """Let a catalogue that was kept be one again."""
    examine(Path(file))
    directory.mkdir()
    Path(file).rename(directory / NAME)


def test_what_the_server_has_not_noticed_to_be_closed_is_waited_for(tmp_path: Path) -> None:
    url = find_database(tmp_path)
    with closing(psycopg.connect(url.reveal(), autocommit=True)) as former:
        former.execute(f"SELECT pg_advisory_lock_shared({CATALOGUE.presence})")  # a constant
        former.pgconn.send_query(
            f"SELECT pg_sleep(0.5); SELECT pg_advisory_unlock_shared({CATALOGUE.presence})".encode()
        )
        with use_alone(url) as database:
            assert database.is_empty()


@in_reactor
async def test_nobody_else_may_have_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = find_database(tmp_path)
    async with open_postgres(tmp_path, Watch()):
        with pytest.raises(OperatorError, match="is in use; stop all servers that use it"), use_alone(url):
            raise AssertionError("two have it")
    with use_alone(url):
        # Only where somebody has the lock: on a busy machine, it takes longer until a server has noticed who has gone.
        with monkeypatch.context() as patched:
            patched.setattr(databases, "_SETTINGS", databases._SETTINGS.replace("'30s'", "'300ms'"))
            with pytest.raises(OperatorError, match="was locked by others for 30 s"):
                await list_files(tmp_path)
        with pytest.raises(OperatorError, match="is in use"), use_alone(url):
            raise AssertionError("two have it")
    assert await list_files(tmp_path) == []


def list_constraints(url: Secret) -> list[str]:
    """All that the tables promise."""
    question = "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint"
    found = find_cluster().ask(
        f"{question} WHERE connamespace = 'public'::regnamespace", url.reveal().rpartition("/")[-1]
    )
    return sorted(map(repr, found))


@in_reactor
async def test_what_was_there_is_kept_in_a_file(tmp_path: Path) -> None:
    url = find_database(tmp_path)
    async with open_postgres(tmp_path, Watch()) as catalogue:
        await Trial(catalogue, Watch()).store("old")
    before = list_constraints(url)
    async with replace(tmp_path, url) as replacement:
        assert not replacement.is_empty
        kept = await replacement.install()
    assert list_constraints(url) == before
    assert await list_files(tmp_path) == ["new"]
    assert kept is not None
    put_into(tmp_path / "former", kept)
    async with open_sqlite(tmp_path / "former", Watch()) as catalogue:
        assert await Trial(catalogue, Watch()).files() == ["old"]


@pytest.mark.parametrize(
    ("text", "fault", "told", "left"),
    [
        (b"TRUNCATE", Fault.LOST, "the database fails", "old"),
        (b"COPY version", Fault.UNANSWERED, "the database fails", "old"),
        (b"COMMIT", Fault.LOST, "everything was replaced or nothing", "old"),
        (b"COMMIT", Fault.UNANSWERED, "everything was replaced or nothing", "new"),
    ],
)
@in_reactor
async def test_it_is_replaced_or_stays(tmp_path: Path, text: bytes, fault: Fault, told: str, left: str) -> None:
    direct, port = find_database(tmp_path), find_cluster().port
    async with open_postgres(tmp_path, Watch()) as catalogue:
        await Trial(catalogue, Watch()).store("old")
    with run_line(port) as line:
        url = Secret(direct.reveal().replace(f":{port}/", f":{line.port}/"))
        async with replace(tmp_path, url) as replacement:
            line.judge = lambda piece: fault if text in piece else Fault.NONE
            with pytest.raises(OperatorError) as caught:
                await replacement.install()
        [message] = caught.value.lines
        assert told in message
    assert await list_files(tmp_path) == [left]
