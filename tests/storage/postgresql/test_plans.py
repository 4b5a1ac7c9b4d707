"""Every statement that clients wait for finds what it looks for by an index, however little the planner knows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from twisted.internet.testing import MemoryReactorClock

from cloudsvc.core.actors import Role
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.commands import Copy, Discard, EditTags, MakeFolder, Move, Purge, SetQuota
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import BlobId, NodeId
from cloudsvc.drive.pages import FileQuery, Order
from cloudsvc.storage.catalogue.postgresql.migration import migrate
from cloudsvc.storage.catalogue.postgresql.opening import PostgreSQLCatalogue, open_postgresql
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from tests.support.actors import make_guest
from tests.support.catalogues import TESTER, Trial, Watch, make_blob, store
from tests.support.coroutines import finish
from tests.support.inline_threads import Inline
from tests.support.postgresql import find_cluster, find_database

FILES: Final = 20_000
FOLDERS: Final = FILES // 100

FILL: Final = f"""
    ALTER TABLE node DISABLE TRIGGER ALL;
    INSERT INTO node (id, parent, key, name, folded, kind, created_at, updated_at)
    SELECT 10 + n, CASE WHEN n % 100 = 0 THEN 1 ELSE 10 + n - n % 100 END, 'd' || n, 'd' || n, 'd' || n, 0, n, n
    FROM generate_series(0, {FOLDERS} - 1) AS n;
    INSERT INTO node
        (id, parent, key, name, folded, kind, created_at, updated_at, version, size, media_type)
    SELECT 1000000 + n, 10 + n / 100, 'f' || md5(n::text), 'f' || md5(n::text), 'f' || md5(n::text), 1,
        (n * 7919) % {FILES}, (n * 6101) % {FILES}, 1000000 + n, n % 1000, 'image/png'
    FROM generate_series(0, {FILES} - 1) AS n;
    ALTER TABLE node ENABLE TRIGGER ALL;
    INSERT INTO blob (id, digest, size, refs, marked, crc32)
    SELECT md5('b' || n), sha256(n::text::bytea), n % 1000, 1, 0, n FROM generate_series(0, {FILES} - 1) AS n;
    INSERT INTO version (id, node, blob, media_type, created_at)
    SELECT 1000000 + n, 1000000 + n, md5('b' || n), 'image/png', n FROM generate_series(0, {FILES} - 1) AS n;
    INSERT INTO tag (node, tag) SELECT 1000000 + n, 't' || n % 100 FROM generate_series(0, {FILES} - 1) AS n;
    INSERT INTO change (number, kind, node, is_folder, path, at, actor, chain)
    SELECT n + 1, 'created', 1000000 + n, 0, 'd' || n / 100 || '/f', n, 'x',
        '/1/' || 10 + n / 100 || '/' || 1000000 + n || '/'
    FROM generate_series(0, {FILES} - 1) AS n;
    UPDATE state SET last_change = {FILES}, stored_bytes = (SELECT sum(size) FROM blob);
    SELECT setval('node_id_seq', 2000000), setval('version_id_seq', 2000000);
    ANALYZE
"""  # noqa: S608  # constants
"""Folders of a hundred files, a hundred of them in each that is directly in the root."""

LARGE: Final = frozenset({"node", "version", "blob", "tag", "change"})


@pytest.fixture(scope="module")
def url() -> Secret:
    """A database with many files in it."""
    cluster = find_cluster()
    name = cluster.make_database()
    migrate(cluster.make_url(name))
    cluster.ask(FILL, name)
    return cluster.make_url(name)


def make_tools(directory: Path) -> dict[str, Any]:
    """What a catalogue needs that nobody waits for."""
    return {"work": directory, "writer": Inline(), "readers": Inline(), "now": Watch(), "reactor": MemoryReactorClock()}


@pytest.fixture
def catalogue(url: Secret, tmp_path: Path) -> Iterator[PostgreSQLCatalogue]:
    """A catalogue that nobody waits for."""
    catalogue = finish(open_postgresql(url, **make_tools(tmp_path)))
    yield catalogue
    finish(catalogue.close())


Ask = Callable[[PostgreSQLCatalogue], Coroutine[Any, Any, Any]]

FOLDER: Final = parse_path("d0/d7")
FILE: Final = "d0/d7/fe44fea3bec53bcea3b7513ccef5857ac"
GUEST: Final = make_guest((Role.VIEWER, 17), (Role.MANAGER, 115))


def list_files(**query: Any) -> Ask:
    return lambda catalogue: catalogue.list_files(TESTER, FileQuery(**query), 50)


def do(*commands: Any) -> Ask:
    return lambda catalogue: catalogue.apply(TESTER, [*commands])


READS: Final[dict[str, Ask]] = {
    "find": lambda catalogue: catalogue.find(TESTER, FOLDER),
    "place": lambda catalogue: catalogue.check_place(TESTER, parse_path("d0/d7/new"), replace=False),
    "children": lambda catalogue: catalogue.list_children(TESTER, FOLDER, 50),
    "changes": lambda catalogue: catalogue.read_changes(TESTER, FILES - 100, 50),
    "blobs": lambda catalogue: catalogue.list_blobs(50),
    "users": lambda catalogue: catalogue.find_users(BlobId("0" * 32)),
    "unknown": lambda catalogue: catalogue.find_unknown([BlobId("0" * 32)]),
    "unmeasured": lambda catalogue: catalogue.list_unmeasured(50),
    "account": lambda catalogue: catalogue.find_account(NodeId(10)),
    "quotas": lambda catalogue: catalogue.list_quotas(),
    "stored": lambda catalogue: catalogue.stored_bytes(),
    **{f"files by {order.value}": list_files(order=order) for order in Order},
    **{f"files in a folder by {order.value}": list_files(order=order, folder=FOLDER) for order in Order},
    "files with a tag": list_files(tag="t7"),
    "files with a text": list_files(text="abcd"),
    "files with nothing": list_files(text="nothing at all", order=Order.PATH),
    "files of a guest": lambda catalogue: catalogue.list_files(GUEST, FileQuery(), 50),
    "files of a guest by path": lambda catalogue: catalogue.list_files(GUEST, FileQuery(order=Order.PATH), 50),
    "children of a guest": lambda catalogue: catalogue.list_children(GUEST, parse_path(""), 50),
}

WRITES: Final[dict[str, Ask]] = {
    "store": do(store("d0/d7/new", make_blob(b"new"))),
    "store again": do(store("d0/d7/new", make_blob(b"newer"))),
    "folder": do(MakeFolder(path=parse_path("d0/d7/d/e"))),
    "tags": do(EditTags(path=parse_path("d0/d7/new"), add=("a",), most=9)),
    "quota": do(SetQuota(path=parse_path("d0/d7"), quota=10**9)),
    "move": do(Move(path=parse_path("d0/d8"), destination=parse_path("d0/d7/d8"))),
    "copy": do(Copy(source=parse_path("d0/d9"), destination=parse_path("d0/copy"))),
    "discard": do(Discard(path=parse_path("d0/copy"))),
    "purge": do(Purge(entry=None)),
    "remove": lambda catalogue: catalogue.remove_purged(500),
    "end quota": do(SetQuota(path=parse_path("d0/d7"), quota=None)),
    "mark": lambda catalogue: catalogue.mark_for_deletion(50),
    "forget": lambda catalogue: catalogue.forget([BlobId("0" * 32)]),
    "checksums": lambda catalogue: catalogue.record_checksums(make_blob(b"new")),
    "expire": lambda catalogue: catalogue.expire(trash_before=1, versions_before=1, changes_before=0),
    "evict": lambda catalogue: catalogue.evict(NodeId(1)),
}


def find_scans(
    catalogue: PostgreSQLCatalogue, ask: Ask, monkeypatch: pytest.MonkeyPatch, *, is_free: bool = True
) -> set[str]:
    """
    The large tables that are read from end to end for what ``ask`` asks for.

    :param is_free: whether the planner may do so, if it finds that quicker.
    """
    scans: set[str] = set()
    statements: list[str] = []
    execute = PostgreSQLConnection.execute

    def explain(connection: PostgreSQLConnection, text: str, values: dict[str, Any] | None = None) -> Any:
        if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)", text) and values is not None:
            statements.append(text)
            if is_free:
                execute(connection, "SET LOCAL enable_seqscan = on")
            [[plan]] = execute(connection, f"EXPLAIN (FORMAT JSON) {text}", values).fetchall()
            scans.update(_list_scans(plan[0]["Plan"] if isinstance(plan, list) else json.loads(plan)[0]["Plan"]))
        return execute(connection, text, values)

    with monkeypatch.context() as patch:
        patch.setattr(PostgreSQLConnection, "execute", explain)
        finish(ask(catalogue))
    assert statements
    return scans & LARGE


def _list_scans(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] in {"Seq Scan", "Parallel Seq Scan"}:
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from _list_scans(below)


@pytest.mark.parametrize("name", READS)
def test_nothing_is_read_from_end_to_end(
    catalogue: PostgreSQLCatalogue, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_scans(catalogue, READS[name], monkeypatch) == set()


def test_nor_when_something_is_changed(catalogue: PostgreSQLCatalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {name: find_scans(catalogue, ask, monkeypatch) for name, ask in WRITES.items()}
    assert {name: scans for name, scans in found.items() if scans} == {}
    assert finish(Trial(catalogue, Watch()).find("d0/d7/d8")) is not None


def test_what_was_planned_for_empty_tables_is_right_for_full_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan is kept, and a minute after the first start there may be thousands of files."""
    catalogue = finish(open_postgresql(find_database(tmp_path), **make_tools(tmp_path)))
    try:
        for name in ("find", "place", "children of a guest", "files of a guest"):
            assert find_scans(catalogue, READS[name], monkeypatch, is_free=False) == set(), name
        for command in (store("a/b", make_blob(b"new")), Move(path=parse_path("a"), destination=parse_path("c"))):
            assert find_scans(catalogue, do(command), monkeypatch, is_free=False) == set(), command
    finally:
        finish(catalogue.close())


def test_a_scan_would_be_found(catalogue: PostgreSQLCatalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    def scan(connection: PostgreSQLConnection) -> object:
        return connection.execute("SELECT count(*) FROM node WHERE folded = %(text)s", {"text": "x"}).fetchone()

    assert find_scans(catalogue, lambda each: each._readers.run(scan), monkeypatch) == {"node"}
