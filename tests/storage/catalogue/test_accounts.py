"""Accounts are what counting from scratch comes to, whatever was done, and making room stays within one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cloudsvc.core.actors import OWNER, Actor, Payer, Role
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.accounts import MiscountedPayer
from cloudsvc.drive.bounds import MOST_LOOKED_THROUGH
from cloudsvc.drive.commands import Command, Copy, Discard, MakeFolder, Move, Purge, Restore, RestoreVersion, SetQuota
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import BlobId, TrashId, VersionId
from cloudsvc.storage.catalogue import accounts, begin_anew, catalogue, discarding, measuring, payers
from cloudsvc.storage.catalogue.schema import PURGED, ROOT
from cloudsvc.storage.catalogue.sqlite.examination import examine
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from tests.support.actors import make_guest
from tests.support.catalogues import NAME, hide_checksums, make_blob, read_empty, store

FOLDERS: Final = ("a", "a/b", "a/b/c", "d")
PATHS: Final = tuple(f"{folder}/{name}" for folder in FOLDERS for name in ("x", "y")) + FOLDERS

_path: Final = st.sampled_from(PATHS)
_number: Final = st.integers(0, 5)
STEPS: Final = st.one_of(
    st.tuples(st.sampled_from(["store", "store unread"]), _path, st.integers(0, 30)),
    st.tuples(st.sampled_from(["move", "copy"]), _path, _path),
    st.tuples(st.just("discard"), _path, st.just(0)),
    st.tuples(st.sampled_from(["restore", "purge"]), _path, _number),
    st.tuples(
        st.sampled_from(["restore version", "restore to", "purge all", "expire", "evict", "evict paid"]), _path, _number
    ),
    st.tuples(st.just("set quota"), st.sampled_from(FOLDERS), st.sampled_from([0, 20, 60, 1000])),
    st.tuples(st.just("end quota"), st.sampled_from(FOLDERS), st.just(0)),
    st.tuples(st.sampled_from(["sweep", "measure"]), _path, st.integers(1, 3)),
)
"""What is done, about which path, and with which other path or number."""

Step = tuple[str, str, Any]


@contextmanager
def open_connection(directory: Path) -> Iterator[SQLiteConnection]:
    (directory / NAME).write_bytes(read_empty())
    with closing(connect(directory / NAME)) as connection:
        yield connection


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[SQLiteConnection]:
    with open_connection(tmp_path) as connection:
        yield connection


def do(connection: SQLiteConnection, *commands: Command, actor: Actor = OWNER) -> list[Any]:
    """Do commands in one transaction."""
    connection.execute("BEGIN")
    try:
        context = Context(connection=connection, now=connection.total_changes, epoch="e", actor=actor)
        results = [catalogue._do(context, command) for command in commands]
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return results


def set_quota(path: str, quota: int | None) -> SetQuota:
    return SetQuota(path=parse_path(path), quota=quota)


def make_commands(connection: SQLiteConnection, kind: str, path: str, other: Any) -> list[Command]:
    """What a step stands for."""

    def pick(question: str) -> int:
        found = connection.execute(question).fetchall()
        return int(found[(other or 0) % len(found)][0]) if found else 0

    where = parse_path(path)
    if kind.startswith("store"):
        blob = make_blob(b"%02d" % other * other)
        return [store(path, hide_checksums(blob) if "unread" in kind else blob, versions_kept=3)]
    if kind in {"move", "copy"}:
        destination = parse_path(other)
        return [
            Move(path=where, destination=destination) if kind == "move" else Copy(source=where, destination=destination)
        ]
    if kind in {"restore", "restore to", "purge"}:
        entry = TrashId(pick("SELECT id FROM trash ORDER BY id"))
        return [
            Purge(entry=entry) if kind == "purge" else Restore(entry=entry, destination=where if "to" in kind else None)
        ]
    version = VersionId(pick("SELECT id FROM version ORDER BY id"))
    commands: dict[str, Command] = {
        "discard": Discard(path=where),
        "purge all": Purge(entry=None),
        "set quota": SetQuota(path=where, quota=other),
        "end quota": SetQuota(path=where, quota=None),
        "restore version": RestoreVersion(path=where, version=version, versions_kept=3),
    }
    return [commands[kind]]


def choose_actor(path: str) -> Actor:
    """Who does something with a path: nobody who pays, or one of two users, of whom one has a quota."""
    payers = {"x": Payer(name="anna", quota=60), "y": Payer(name="bert")}
    return evolve(OWNER, payer=payers.get(path[-1]))


def take(connection: SQLiteConnection, step: Step) -> None:
    """Do what a step says. It may be refused."""
    kind, path, other = step
    owners = [owner for (owner,) in connection.execute("SELECT owner FROM account ORDER BY owner")]
    if kind == "evict":
        evict(connection, [ROOT, *owners][other % (len(owners) + 1)])
    elif kind == "evict paid":
        evict_paid(connection, "anna" if other % 2 else "bert")
    elif kind == "expire":
        discarding.drop_versions_before(connection, 2**62, 1)
    elif kind == "sweep":
        discarding.remove_purged(connection, other)
    elif kind == "measure":
        for blob, size in connection.execute("SELECT id, size FROM blob WHERE digest IS NULL").fetchall():
            measured = replace(make_blob(b"%02d" % (size // 2) * (size // 2)), id=BlobId(blob))
            measuring.record_checksums(connection, measured)
            measuring.deduplicate(connection, measured, other)
    else:
        try:
            do(connection, *make_commands(connection, kind, path, other), actor=choose_actor(path))
        except CloudError as refused:
            assert refused.code != "storage_failed"


def count_versions(connection: SQLiteConnection) -> Counter[int]:
    """How many versions count to each account, without those that are on their way out."""
    gone = list_below(connection, PURGED)
    return Counter(
        account for node, account in connection.execute("SELECT node, account FROM version") if node not in gone
    )


def evict(connection: SQLiteConnection, owner: int) -> int:
    """Give something up, and see that it counts to ``owner``; how many versions that were."""
    before = count_versions(connection)
    discarding.evict(connection, owner)
    lost = before - count_versions(connection)
    assert set(lost) <= {owner}
    return lost[owner]


def evict_paid(connection: SQLiteConnection, name: str) -> None:
    """Give something up for a user, and see that it was stored by them, and makes as much room as was said."""
    question = "SELECT version.node, payer.name FROM version LEFT JOIN payer ON payer.id = version.payer"

    def count() -> Counter[str | None]:
        gone = list_below(connection, PURGED)
        return Counter(payer for node, payer in connection.execute(question).fetchall() if node not in gone)

    before, droppable = count(), payers.count_droppable_bytes(connection, name)
    is_given_up = discarding.evict_paid(connection, name)
    assert set(before - count()) <= {name}
    if not is_given_up:
        gone = list_below(connection, PURGED)
        theirs = "SELECT version.node, blob.size FROM version JOIN blob ON blob.id = version.blob"
        theirs += " JOIN payer ON payer.id = version.payer WHERE payer.name = ?"
        assert droppable == sum(size for node, size in connection.execute(theirs, (name,)).fetchall() if node in gone)


def list_below(connection: SQLiteConnection, top: int) -> set[int]:
    """A node and all that is below it."""
    found, waiting = set(), [top]
    while waiting:
        found.add(each := waiting.pop())
        waiting += [node for (node,) in connection.execute("SELECT id FROM node WHERE parent = ?", (each,))]
    return found


def check(connection: SQLiteConnection) -> None:
    """Count everything from scratch, and compare."""
    quotas: dict[int, int] = dict(connection.execute("SELECT owner, stored_bytes FROM account"))
    counted = dict.fromkeys(quotas, 0)
    parents: dict[int, int | None] = dict(connection.execute("SELECT id, parent FROM node"))
    entries: dict[int, int] = dict(connection.execute("SELECT node, account FROM trash"))

    def find_owner(node: int) -> int | None:
        each: int | None = node
        while each is not None and each not in quotas and each not in entries and each != ROOT:
            each = parents[each]
        return entries.get(each, each) if each is not None and each not in quotas else each

    gone = list_below(connection, PURGED)
    question = "SELECT version.node, version.account, blob.size FROM version JOIN blob ON blob.id = version.blob"
    for node, account, size in connection.execute(question).fetchall():
        if account != ROOT:
            counted[account] += size
        owner = find_owner(node)
        # A folder that is about to be removed gives back to the root what was thrown away from there, bit by bit.
        assert node in gone or account == owner or (account == ROOT and owner in gone)
    assert counted == quotas
    assert accounts.find_miscounts(connection) == []
    question = "SELECT payer, sum(size) FROM version JOIN blob ON blob.id = blob GROUP BY payer"
    paid = dict(connection.execute(question).fetchall())
    for number, stored in connection.execute("SELECT id, stored_bytes FROM payer").fetchall():
        assert stored == paid.get(number, 0)
    assert payers.find_miscounts(connection) == []
    for node, payer in connection.execute("SELECT node, payer FROM trash").fetchall():
        marks = ", ".join("?" * len(below := list_below(connection, node)))
        inside = connection.execute(f"SELECT DISTINCT payer FROM version WHERE node IN ({marks})", [*below]).fetchall()  # noqa: S608  # marks
        assert payer == (inside[0][0] if len(inside) == 1 else None)
    for node, shared in connection.execute("SELECT node, shared FROM trash").fetchall():
        assert bool(shared) == bool((list_below(connection, node) - {node}) & quotas.keys())
    [(stored, blobs)] = connection.execute("SELECT stored_bytes, (SELECT sum(size) FROM blob) FROM state")
    assert stored == (blobs or 0)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=30))
@example(
    steps=[
        ("store unread", "a/x", 9),
        ("set quota", "a", 1000),
        ("store", "d/x", 9),
        ("measure", "a/x", 1),
        ("discard", "a/x", 0),
        ("purge all", "a", 0),
    ]
)
@example(
    steps=[
        ("store", "a/b/x", 9),
        ("set quota", "a", 1000),
        ("store", "a/b/x", 8),
        ("set quota", "a/b", 1000),
        ("store", "a/b/y", 7),
        ("discard", "a/b/x", 0),
        ("move", "a/b", "d"),
        ("discard", "d", 0),
        ("discard", "a", 0),
        ("purge", "a", 1),
        ("sweep", "a", 1),
        ("sweep", "a", 3),
        ("restore", "a", 0),
        ("end quota", "a", 0),
    ]
)
def test_accounts_are_what_is_counted_from_scratch(steps: list[Step]) -> None:
    with TemporaryDirectory() as directory, open_connection(Path(directory)) as connection:
        for step in steps:
            take(connection, step)
            check(connection)
        # At the end of everything nothing is left of them.
        do(connection, *(Discard(path=parse_path(path)) for (path,) in list_tops(connection)), Purge(entry=None))
        while discarding.remove_purged(connection, 2):
            check(connection)
        assert connection.execute("SELECT count(*) FROM account").fetchone() == (0,)


def list_tops(connection: SQLiteConnection) -> list[tuple[str]]:
    return connection.execute("SELECT name FROM node WHERE parent = ?", (ROOT,)).fetchall()


def test_a_quota_lets_no_more_be_stored_by_whatever_way(connection: SQLiteConnection) -> None:
    do(connection, store("q/old", b"1" * 4), store("q/old", b"2" * 4), store("out/big", b"b" * 7), set_quota("q", 10))
    [(version,)] = connection.execute("SELECT min(id) FROM version").fetchall()
    do(connection, store("q/gone", b"gg"), Discard(path=parse_path("q/gone")))
    entry = TrashId(1)
    commands: list[Command] = [
        store("q/new", b"n"),
        store("q/same", b"b" * 7),
        Move(path=parse_path("out/big"), destination=parse_path("q/big")),
        Move(path=parse_path("out"), destination=parse_path("q/out")),
        Copy(source=parse_path("out/big"), destination=parse_path("q/big")),
        Copy(source=parse_path("out"), destination=parse_path("q/out")),
        Copy(source=parse_path("q/old"), destination=parse_path("q/second")),
        RestoreVersion(path=parse_path("q/old"), version=VersionId(version), versions_kept=9),
    ]
    for command in commands:
        with pytest.raises(CloudError) as refused:
            do(connection, command)
        assert refused.value.code == "quota_exceeded", command
        check(connection)
    # What counts already is not counted again, and what is outside does not count.
    do(connection, Restore(entry=entry), Copy(source=parse_path("q"), destination=parse_path("copied")))
    do(connection, store("q/old", b"3" * 4, versions_kept=1))
    do(connection, store("q/new", b"n" * 4))
    check(connection)
    do(connection, Move(path=parse_path("q/new"), destination=parse_path("new")))
    do(connection, Discard(path=parse_path("out/big")))
    with pytest.raises(CloudError) as refused:
        do(connection, Restore(entry=TrashId(2), destination=parse_path("q/back")))
    assert refused.value.code == "quota_exceeded"


def test_a_quota_may_be_less_than_what_is_stored(connection: SQLiteConnection) -> None:
    do(connection, store("q/a", b"a" * 4), set_quota("q", 10), set_quota("q", 1))
    with pytest.raises(CloudError):
        do(connection, store("q/b", b""))
    do(connection, MakeFolder(path=parse_path("q/c")), Discard(path=parse_path("q/a")), Purge(entry=None))
    with pytest.raises(CloudError):
        do(connection, store("q/b", b""))
    discarding.remove_purged(connection, 9)
    do(connection, store("q/b", b"b"), set_quota("q", None), store("q/b", b"bbbb"))


def bound_recounts(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr("cloudsvc.drive.bounds.MOST_RECOUNTED", most)
    monkeypatch.setattr("cloudsvc.drive.bounds.MOST_SHARED_OUT", most)


def test_whoever_may_do_everything_gives_a_quota_to_a_folder_that_has_grown(
    connection: SQLiteConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(connection, *(store(f"top/many/{number}") for number in range(9)), MakeFolder(path=parse_path("top/few")))
    monkeypatch.setattr("cloudsvc.drive.bounds.MOST_RECOUNTED", 3)
    do(connection, set_quota("top/many", 99))
    check(connection)
    do(connection, set_quota("top/many", None))
    do(connection, set_quota("top/few", 99))
    check(connection)
    [(top,)] = connection.execute("SELECT id FROM node WHERE name = 'top'").fetchall()
    move = Move(path=parse_path("top/many"), destination=parse_path("top/few/many"))
    for actor, command in ((OWNER, move), (make_guest((Role.MANAGER, top)), set_quota("top/many", 99))):
        with pytest.raises(CloudError) as refused:
            do(connection, command, actor=actor)
        assert refused.value.code == "too_many_nodes"


def test_what_is_too_much_to_be_counted_anew_is_refused(
    connection: SQLiteConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(connection, MakeFolder(path=parse_path("few")), *(store(f"many/{number}") for number in range(4)))
    do(connection, *(store("versions/x", b"%d" % number) for number in range(4)), set_quota("few", 99))
    bound_recounts(monkeypatch, 3)
    moves: list[Command] = [
        Move(path=parse_path(name), destination=parse_path(f"few/{name}")) for name in ("many", "versions")
    ]
    for command in (*moves, set_quota("many", 99), set_quota("versions", 99)):
        with pytest.raises(CloudError) as refused:
            do(connection, command)
        assert refused.value.code == "too_many_nodes"
    do(connection, *(store(f"few/{number}", b"%d" % number) for number in range(4)))
    with pytest.raises(CloudError) as refused:
        do(connection, set_quota("few", None))
    assert refused.value.code == "too_many_nodes"
    check(connection)
    do(connection, set_quota("few", 9), Discard(path=parse_path("few/0")), Purge(entry=None))
    discarding.remove_purged(connection, 9)
    do(connection, set_quota("few", None))
    check(connection)


def test_several_commands_are_counted_together(connection: SQLiteConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    do(connection, store("in/x"), store("in/x", b"again"), store("y"), store("q/z"), set_quota("q", 99))
    there = Move(path=parse_path("in"), destination=parse_path("q/in"))
    back = Move(path=parse_path("q/in"), destination=parse_path("in"))
    # A folder, a file and its two versions: the versions of as many as there are nodes are counted with those.
    bound_recounts(monkeypatch, 5)
    do(connection, there, back)
    batches: list[list[Command]] = [
        [there, back, there],
        [there, back, set_quota("q", None), set_quota("q", 99)],
        [there, back, Move(path=parse_path("y"), destination=parse_path("q/y")), set_quota("in", 9)],
        [there, back, Discard(path=parse_path("y")), Restore(entry=TrashId(1), destination=parse_path("q/y")), there],
    ]
    for commands in batches:
        with pytest.raises(CloudError) as refused:
            do(connection, *commands)
        assert refused.value.code == "too_many_nodes"
        check(connection)


def test_what_was_thrown_away_and_holds_nothing_is_brought_to_other_accounts_in_parts(
    connection: SQLiteConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"q/{number}" for number in range(4)]
    do(connection, *(MakeFolder(path=parse_path(name)) for name in names), set_quota("q", 9))
    do(connection, *(Discard(path=parse_path(name)) for name in names))
    bound_recounts(monkeypatch, 3)
    with pytest.raises(CloudError) as refused:
        do(connection, set_quota("q", None))
    assert refused.value.code == "too_many_nodes"
    do(connection, Discard(path=parse_path("q")), Purge(entry=TrashId(5)))
    left = []
    while discarding.remove_purged(connection, 1):
        left += connection.execute("SELECT count(*) FROM trash WHERE account != 1").fetchone()
    assert left == [3, 2, 1, 0, 0]


def test_quotas_are_few(connection: SQLiteConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.storage.catalogue.quotas.MOST_QUOTAS", 2)
    do(connection, *(MakeFolder(path=parse_path(name)) for name in "abc"), set_quota("a", 1), set_quota("b", 1))
    with pytest.raises(CloudError) as refused:
        do(connection, set_quota("c", 1))
    assert refused.value.code == "too_many_quotas"
    do(connection, set_quota("a", 2), set_quota("b", None), set_quota("c", 1))


def test_folders_around_quotas_are_known_after_every_command_of_a_request(connection: SQLiteConnection) -> None:
    paths = ("a/b/q", "c", "d/e", "f/g", "f/h")
    do(connection, *(MakeFolder(path=parse_path(path)) for path in paths), set_quota("a/b/q", 9))
    do(
        connection,
        Discard(path=parse_path("c")),
        Move(path=parse_path("a/b"), destination=parse_path("d/b")),
        Discard(path=parse_path("a")),
        Move(path=parse_path("d/b/q"), destination=parse_path("d/e/q")),
        Discard(path=parse_path("d/b")),
        Discard(path=parse_path("d")),
        set_quota("f/g", 9),
        set_quota("f/h", 9),
        set_quota("f/h", None),
        Discard(path=parse_path("f/g")),
        Discard(path=parse_path("f")),
        Restore(entry=TrashId(4)),
        Discard(path=parse_path("d")),
    )
    assert connection.execute("SELECT path, shared FROM trash ORDER BY id").fetchall() == [
        ("c", 0),
        ("a", 0),
        ("d/b", 0),
        ("f/g", 0),
        ("f", 0),
        ("d", 1),
    ]
    check(connection)


def test_folders_around_quotas_are_looked_up_once_in_a_request(connection: SQLiteConnection) -> None:
    paths = [f"{number}" for number in range(9)]
    do(connection, *(MakeFolder(path=parse_path(path)) for path in (*paths, "a/q")), set_quota("a/q", 9))
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    do(connection, *(Discard(path=parse_path(path)) for path in paths))
    connection.set_trace_callback(None)
    assert len([text for text in statements if text.startswith("WITH RECURSIVE above")]) == 1


def test_what_others_have_in_what_was_thrown_away_is_not_given_up(connection: SQLiteConnection) -> None:
    do(connection, store("a/x", b"root"), store("a/q/y", b"quota"), set_quota("a/q", 99), store("old", b"o"))
    do(connection, store("a/q/y", b"quota again"), store("old", b"new"), Discard(path=parse_path("a")))
    do(connection, store("lost", b"l"), Discard(path=parse_path("lost")))
    assert [evict(connection, ROOT) for _ in range(4)] == [1, 1, 0, 0]
    assert connection.execute("SELECT id FROM trash").fetchall() == [(1,)]
    do(connection, Restore(entry=TrashId(1)))
    check(connection)


def test_the_accounts_of_a_backup_are_counted_anew(tmp_path: Path) -> None:
    with open_connection(tmp_path) as connection:
        do(connection, store("q/a", b"a" * 4), set_quota("q", 10), store("q/a", b"aa"))
        for path in ("x", "x", "y"):
            do(connection, store(path, path.encode()), actor=choose_actor(path))
        do(connection, Discard(path=parse_path("y")), Purge(entry=None))
        discarding.remove_purged(connection, 9)
        connection.execute("UPDATE account SET stored_bytes = -99")
        connection.execute("UPDATE payer SET stored_bytes = -99")
    begin_anew(tmp_path / NAME, Beginning())
    with closing(connect(tmp_path / NAME)) as connection:
        check(connection)


def test_what_users_have_stored_is_counted_anew_where_it_is_wrong(connection: SQLiteConnection) -> None:
    do(connection, store("x", b"1" * 4), actor=choose_actor("x"))
    do(connection, store("y", b"2" * 5), actor=choose_actor("y"))
    connection.execute("UPDATE payer SET stored_bytes = 7 WHERE name = 'anna'")
    assert payers.find_miscounts(connection) == [MiscountedPayer(name="anna", stored_bytes=7, counted=4)]
    payers.recount(connection)
    check(connection)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE version SET payer = 2",
        "UPDATE trash SET payer = 0",
        "UPDATE payer SET id = 0",
        "UPDATE payer SET name = ''",
        "UPDATE payer SET name = x'ff'",
        "UPDATE payer SET stored_bytes = NULL",
        "DELETE FROM payer",
    ],
)
def test_users_of_a_backup_are_examined(tmp_path: Path, change: str) -> None:
    with open_connection(tmp_path) as connection:
        do(connection, store("x"), store("lost/x"), Discard(path=parse_path("lost")), actor=choose_actor("x"))
        examine(tmp_path / NAME)
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'payer'")
        connection.execute("PRAGMA writable_schema = RESET")
        connection.execute(change)
    with pytest.raises(ValueError, match=r"nobody who is known|one name, or none|a number is none|of another type"):
        examine(tmp_path / NAME)


@pytest.mark.parametrize(("beyond", "is_theirs"), [(0, True), (1, False)])
def test_no_more_than_so_much_is_looked_through(connection: SQLiteConnection, beyond: int, *, is_theirs: bool) -> None:
    do(connection, store("many/x"), actor=choose_actor("x"))
    connection.execute(
        "INSERT INTO node (parent, key, name, folded, kind, created_at, updated_at)"
        " WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)"
        " SELECT (SELECT id FROM node WHERE name = 'many'), 'k' || n, 'k' || n, 'k' || n, 0, 1, 1 FROM counted",
        # Beside the folder and the file.
        (MOST_LOOKED_THROUGH - 2 + beyond,),
    )
    do(connection, Discard(path=parse_path("many")))
    assert connection.execute("SELECT payer IS NOT NULL FROM trash").fetchall() == [(is_theirs,)]
    assert payers.count_droppable_bytes(connection, "anna") == (len(b"content") if is_theirs else 0)


@pytest.mark.parametrize("values", ["1, 5, 0", "2, 5, 0", "5, 5, 0", "4, -1, 0", "4, 'x', 0"])
def test_quotas_of_a_backup_are_examined(tmp_path: Path, values: str) -> None:
    with open_connection(tmp_path) as connection:
        do(connection, MakeFolder(path=parse_path("q")), store("file"))
        examine(tmp_path / NAME)
        connection.execute(f"INSERT INTO account VALUES ({values})")  # noqa: S608  # constants
    with pytest.raises(ValueError, match=r"a quota is none|of another type"):
        examine(tmp_path / NAME)


@pytest.mark.parametrize("table", ["version", "trash"])
def test_what_counts_to_no_quota_is_found_in_a_backup(tmp_path: Path, table: str) -> None:
    with open_connection(tmp_path) as connection:
        do(connection, store("q/a"), set_quota("q", 99), store("q/b"), Discard(path=parse_path("q/b")))
        examine(tmp_path / NAME)
        # A folder that is there, and has no quota.
        connection.execute(f"UPDATE {table} SET account = 2")  # noqa: S608  # constants
    with pytest.raises(ValueError, match="counts to a quota that is none"):
        examine(tmp_path / NAME)


def test_too_many_quotas_are_found_in_a_backup(tmp_path: Path) -> None:
    with open_connection(tmp_path) as connection:
        connection.executemany(
            "INSERT INTO node (id, parent, key, name, folded, kind, created_at, updated_at)"
            " VALUES (?, 1, ?, ?, ?, 0, 0, 0)",
            [(number, *[str(number)] * 3) for number in range(10, 1011)],
        )
        connection.execute("INSERT INTO account SELECT id, 0, 0 FROM node WHERE id > 10")
        examine(tmp_path / NAME)
        connection.execute("INSERT INTO account VALUES (10, 0, 0)")
    with pytest.raises(ValueError, match="too many folders have a quota"):
        examine(tmp_path / NAME)


def test_what_is_stored_counts_to_the_nearest_quota(connection: SQLiteConnection) -> None:
    do(connection, store("a/b/c/x", b"123"), *(set_quota(path, 99) for path in ("a", "a/b/c", "a/b")))
    do(connection, store("a/b/y", b"12"), store("a/z", b"1"))
    quotas = {str(each.path): each.account.stored_bytes for each in accounts.list_quotas(connection)}
    assert quotas == {"a": 1, "a/b": 2, "a/b/c": 3}
