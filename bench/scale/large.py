"""A catalogue with a great many files in PostgreSQL beside one with few: what the same requests cost over HTTP."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
from attrs import frozen

from bench.load import Throughput
from bench.postgresql import PostgreSQL, run_postgresql
from bench.scale.databases import Filling, fill_database, find_word, name_file
from bench.scale.nodes import (
    add_engine,
    list_others,
    measure_look_ups,
    measure_pages,
    measure_uploads,
    name_database,
    run_node,
)
from bench.server import Server
from bench.stages import Ground, Samples
from bench.stores import MANY, PAGE, pretend_snapshots
from cloudsvc.storage.blobs.marker import make_marker

SMALLER: Final = 10_000
"""Files of the catalogue that the large one is compared with, unless that has fewer itself."""

SIZES: Final = {"small": "among few files", "large": "among all"}
WORKS: Final = {
    "page": f"first page of {PAGE} files",
    "look-up": "look-up of a file (304)",
    "search": "search for a part of one name",
    "search-digits": "search for eight digits of a name",
    "upload": "upload of one more file of 4 KiB",
}
TITLES: Final = {f"{size}-{name}": f"{work} {place}" for name, work in WORKS.items() for size, place in SIZES.items()}

_AGE: Final = 90 * 86_400 * 1_000_000
"""Microseconds since the first of the files was stored."""


@frozen(kw_only=True)
class _Drive:
    """
    A drive whose catalogue is filled.

    :ivar database: the process of the database server.
    :ivar store: the directory for what is local.
    """

    database: int
    url: str
    store: Path
    filling: Filling

    @property
    def number(self) -> int:
        """The id of a file in the middle."""
        return self.filling.first + self.filling.files // 2


def measure_large(ground: Ground) -> Samples:
    """
    One round of it. The servers have one core, and PostgreSQL those of the client.

    Both servers run all the time, and each work is done by one right after the other, so that a slow minute of the host
    falls on both.
    """
    drives = ground.keep("large catalogue", lambda: _make_drives(ground))
    with ExitStack() as stack:
        servers = {
            size: stack.enter_context(run_node(ground, name_database(drive.url), str(drive.store)))
            for size, drive in drives.items()
        }
        return {
            f"{size}-{name}": _measure(ground, servers[size], drive, name)
            for name in WORKS
            for size, drive in drives.items()
        }


@contextmanager
def _make_drives(ground: Ground) -> Iterator[dict[str, _Drive]]:
    """Both, in databases of one server."""
    files = ground.scale.files
    with run_postgresql(list_others(ground)) as database:
        yield {
            size: _make_drive(ground, database, size, number)
            for size, number in (("small", min(SMALLER, max(1, files // 10))), ("large", files))
        }


def _make_drive(ground: Ground, server: PostgreSQL, size: str, files: int) -> _Drive:
    filling = Filling(files=files, now=time.time_ns() // 1000 - _AGE, installation=secrets.token_hex(16))
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {size}")
    url = server.url.replace("///postgres?", f"///{size}?")
    fill_database(url, filling, ground.announce)
    store = ground.directory / f"drive-{size}"
    store.mkdir(mode=0o700)
    pretend_snapshots(store / "snapshots")
    make_marker(store, filling.installation)
    return _Drive(database=server.pid, url=url, store=store, filling=filling)


def _measure(ground: Ground, server: Server, drive: _Drive, work: str) -> Throughput:
    """Of both, the server and the database, for what many files cost is the database's."""

    def load() -> Throughput:
        match work:
            case "page":
                return measure_pages(ground, server, f"/api/folders/{MANY}?limit={PAGE}")
            case "look-up":
                path = f"/api/files/{MANY}/{quote(name_file(drive.number))}"
                return measure_look_ups(ground, server, path)
            case "search":
                return measure_pages(ground, server, f"/api/files?q={find_word(drive.number)}")
            case "search-digits":
                return measure_pages(ground, server, f"/api/files?q={drive.number:08}")
            case _:
                return measure_uploads(ground, server, "new")

    return add_engine(server, drive.database, load)
