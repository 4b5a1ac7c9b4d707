"""Statements: of one source for two engines, by an index, and as many for a page as for one row."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest

import cloudsvc.storage.identity
from cloudsvc.core.actors import Role
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.challenges import Challenge
from cloudsvc.identity.factors import Pending, Totp, make_pending
from cloudsvc.identity.key_format import make_key
from cloudsvc.identity.names import parse_account_name
from cloudsvc.identity.passkeys import Passkey, make_passkey_id
from cloudsvc.identity.sessions import SessionId, make_session
from cloudsvc.identity.store import NewPassword
from cloudsvc.identity.users import make_user_id
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from cloudsvc.storage.database.sqlite.migration import migrate
from cloudsvc.storage.database.statements import Statement
from cloudsvc.storage.identity import factors, groups, keys, passkeys, revisions, sessions, subjects, users
from cloudsvc.storage.identity.migration import HISTORY
from tests.support.identity_stores import (
    BEGINNING,
    grant,
    make_group,
    make_program_key,
    make_subject,
    make_user,
    make_user_key,
    make_user_session,
)

FOREIGN = re.compile(r"\b(json_each|json_extract|rowid|INSERT OR|typeof|last_insert_rowid)\b|LIMIT -1")

WHOLE = {
    "users._COUNT",
    "users._COUNT_NAMES",
    "groups._COUNT",
    "links._COUNT",
    "revisions._FORGET",
    "webhooks._COUNT",
    "webhooks._FIND_ORPHANS",
    "owner._GETS_IN",
    "owner._LEAVES_NOBODY",
}
"""
Statements that go through a table: what is bounded is counted, or its oldest found, before one more is added; and
whoever manages the accounts is looked for among all users while the owner's token is off.
"""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[SQLiteConnection]:
    migrate(tmp_path / "accounts", HISTORY)
    with closing(connect(tmp_path / "accounts")) as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


def list_statements() -> Iterator[tuple[str, Statement]]:
    for module in pkgutil.iter_modules(cloudsvc.storage.identity.__path__):
        if not module.ispkg:
            path = f"{cloudsvc.storage.identity.__name__}.{module.name}"
            for variable, value in vars(import_module(path)).items():
                if isinstance(value, Statement):
                    yield f"{module.name}.{variable}", value


def count(connection: SQLiteConnection, work: Callable[[], object]) -> int:
    found: list[str] = []
    connection.set_trace_callback(found.append)
    try:
        work()
    finally:
        connection.set_trace_callback(None)
    return len(found)


def test_every_statement_is_one_of_postgresql_too() -> None:
    statements = dict(list_statements())
    assert not [name for name, statement in statements.items() if FOREIGN.search(statement.postgresql.text)]
    # They were found.
    assert {"users._FIND_LOGIN", "groups._LIST", "keys._FIND_WHOLE", "revisions._COUNT_ON"} <= statements.keys()


def test_every_statement_finds_what_it_looks_for_by_an_index(connection: SQLiteConnection) -> None:
    for name, statement in list_statements():
        text, always = statement.sqlite
        values = {each: always.get(each) for each in re.findall(r":(\w+)", text)}
        for _, _, _, step in connection.execute(f"EXPLAIN QUERY PLAN {text}", values):
            if step.startswith("SCAN identity_") and name not in WHOLE:
                assert step == "SCAN identity_state", name


def test_whoever_is_looked_for_is_as_much_work_as_nobody(connection: SQLiteConnection) -> None:
    group = groups.add_group(connection, make_group("family", grant(Role.VIEWER, 5)))
    user = users.add_user(connection, make_user("anna", groups=(group.id,)), Secret("hash"))
    key = keys.add_key(connection, make_user_key(user), bytes(32))
    session = sessions.add_session(connection, make_user_session(user), bytes(32), None)
    for found, missing in (
        (
            lambda: sessions.find_session(connection, session.id),
            lambda: sessions.find_session(connection, make_session().id),
        ),
        (lambda: keys.find_key(connection, key.id), lambda: keys.find_key(connection, make_key().id)),
        (
            lambda: users.find_login(connection, user.name),
            lambda: users.find_login(connection, parse_account_name("bert")),
        ),
    ):
        assert found() is not None
        assert missing() is None
        assert count(connection, found) == count(connection, missing) == 2
    waiting = Pending(id=make_pending().id, user=user.id, password_set=user.password_set, expires_at=BEGINNING)
    factors.add_pending(connection, waiting, bytes(32))
    assert factors.try_pending(connection, waiting.id, bytes(32)) is not None
    assert count(connection, lambda: factors.try_pending(connection, waiting.id, bytes(32))) == 3
    assert count(connection, lambda: factors.try_pending(connection, waiting.id, bytes(31))) == 3


def test_a_page_is_as_many_statements_as_one_row(connection: SQLiteConnection) -> None:
    begun: list[SessionId] = []
    for number in range(50):
        group = groups.add_group(connection, make_group(f"group-{number}"))
        user = users.add_user(connection, make_user(f"user-{number}", groups=(group.id,)), None)
        keys.add_key(connection, make_user_key(user), bytes(32))
        begun.append(sessions.add_session(connection, make_user_session(user), bytes(32), None).id)
    ids = [user.id for user in users.list_users(connection, 50, "")]
    [made_by, *_] = held = [key.id for key in keys.list_keys(connection, 50)]
    named = [group.id for group in groups.list_groups(connection, 50, "")]
    for ask, statements in (
        (lambda limit: users.list_users(connection, limit, ""), 2),
        (lambda limit: groups.list_groups(connection, limit, ""), 1),
        (lambda limit: groups.find_groups(connection, named[:limit]), 1),
        (lambda limit: keys.list_keys(connection, limit, None, None), 1),
        (lambda limit: keys.find_keys(connection, held[:limit]), 3),
        (lambda limit: sessions.find_sessions(connection, begun[:limit]), 3),
        (lambda limit: keys.list_keys(connection, limit, None, ids[0]), 1),
        (lambda limit: keys.list_keys(connection, limit, None, ids[0], made_by), 1),
    ):
        assert [count(connection, lambda ask=ask, limit=limit: ask(limit)) for limit in (1, 50)] == [statements] * 2  # type: ignore[misc]  # mypy does not know such defaults


def test_changes_are_few_statements(connection: SQLiteConnection) -> None:
    family = groups.add_group(connection, make_group("family"))
    anna = make_user("anna", groups=(family.id,))
    assert count(connection, lambda: users.add_user(connection, anna, None)) <= 8
    user = users.find_user(connection, anna.name)
    assert user is not None
    key = make_user_key(user)
    assert count(connection, lambda: keys.add_key(connection, key, bytes(32))) <= 4
    assert count(connection, lambda: users.replace_user(connection, user, NewPassword(hash=None))) <= 10
    session = make_user_session(user)
    assert count(connection, lambda: sessions.add_session(connection, session, bytes(32), None)) <= 4
    assert count(connection, lambda: sessions.end_session(connection, user.id, session.id)) <= 4
    secret, codes = Secret("secret"), [bytes([number]) for number in range(10)]
    proposed = Totp(secret=secret, created_at=BEGINNING)
    assert count(connection, lambda: factors.propose_totp(connection, user.id, proposed)) <= 4
    # One for each of the codes.
    most = 10 + len(codes)
    assert count(connection, lambda: factors.confirm_totp(connection, user.id, secret, 1, codes, keeps=None)) <= most
    assert count(connection, lambda: factors.use_totp(connection, user.id, 2)) == 1
    assert count(connection, lambda: factors.use_recovery_code(connection, user.id, codes[0])) <= 4
    assert count(connection, lambda: factors.replace_recovery_codes(connection, user.id, codes)) <= 5 + len(codes)
    assert count(connection, lambda: factors.remove_totp(connection, user.id, None)) <= 10
    subject = make_subject(user)
    assert count(connection, lambda: subjects.add_subject(connection, subject)) <= 6
    assert count(connection, lambda: subjects.remove_subject(connection, user.id, subject.id)) <= 5
    passkey = Passkey(
        id=make_passkey_id(), user=user.id, host="", credential=b"a", public_key=b"b", created_at=BEGINNING
    )
    signed, again = [Challenge(content=b"", digest=bytes([each]), expires_at=0) for each in range(2)]
    assert count(connection, lambda: passkeys.add_passkey(connection, passkey, signed, (), keeps=None)) <= 13
    assert count(connection, lambda: passkeys.find_passkey(connection, b"a")) == 2
    assert count(connection, lambda: passkeys.find_passkey(connection, b"b")) == 2
    assert count(connection, lambda: passkeys.use_passkey(connection, passkey, 0, 0, again)) == 3
    assert count(connection, lambda: passkeys.remove_passkey(connection, user.id, passkey.id, None)) <= 10
    [added] = keys.list_keys(connection, 1, None, None)
    assert count(connection, lambda: keys.rotate_key(connection, added, make_user_key(user), bytes(32))) <= 8
    camera = keys.add_key(connection, make_program_key("camera"), bytes(32))
    assert count(connection, lambda: keys.replace_key(connection, camera)) <= 5
    assert count(connection, lambda: keys.revoke_keys(connection, camera.id, BEGINNING, descendants=True)) <= 7
    assert count(connection, lambda: keys.remove_ended_keys(connection, BEGINNING, 100)) == 1
    assert count(connection, lambda: groups.remove_group(connection, family.id)) <= 5
    assert count(connection, lambda: users.remove_user(connection, user.id)) <= 16
    assert count(connection, lambda: revisions.void_credentials(connection)) <= 5
    assert users.find_holder(connection, make_user_id()) is None
