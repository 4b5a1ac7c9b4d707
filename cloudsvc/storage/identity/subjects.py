"""Subjects in a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import evolve
from sqlalchemy import bindparam, delete, func, insert, select

from cloudsvc.identity import bounds
from cloudsvc.identity.errors import subject_not_found, subject_taken, too_many, user_disabled, user_not_found
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.subjects import FoundSubject, Subject, SubjectId
from cloudsvc.identity.users import User, UserId
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity import users
from cloudsvc.storage.identity.revisions import count_on
from cloudsvc.storage.identity.schema import session, state, subject, user

COLUMNS: Final = (
    subject.c.id,
    subject.c.user_id,
    subject.c.issuer,
    subject.c.subject,
    subject.c.created_at,
    subject.c.made,
)
"""What a subject is read from."""

_named = (subject.c.issuer == bindparam("issuer")) & (subject.c.subject == bindparam("subject"))
_FIND_WHOLE: Final = compile_statement(
    select(state.c.void_until, *COLUMNS, *users.COLUMNS).select_from(
        state.join(subject, _named).join(user, user.c.id == subject.c.user_id)
    )
)
_FIND_USER: Final = compile_statement(select(user.c.is_disabled).where(user.c.id == bindparam("id")))
_COUNT: Final = compile_statement(
    select(func.count()).select_from(subject).where(subject.c.user_id == bindparam("user"))
)
_LIST: Final = compile_statement(select(*COLUMNS).where(subject.c.user_id == bindparam("user")).order_by(subject.c.id))
_INSERT: Final = compile_statement(insert(subject), *(column.name for column in subject.columns))
_DELETE: Final = compile_statement(
    delete(subject).where(subject.c.id == bindparam("id")).where(subject.c.user_id == bindparam("user"))
)
_DELETE_SESSIONS: Final = compile_statement(
    delete(session).where(session.c.user_id == bindparam("user")).where(session.c.subject_id == bindparam("subject"))
)


def add_subject(connection: Connection, added: Subject) -> Subject:
    """As :meth:`cloudsvc.identity.subject_store.SubjectStore.add_subject`."""
    row = _FIND_USER.row(connection, id=added.user)
    if row is None:
        raise user_not_found()
    if row[0]:
        raise user_disabled()
    return _add(connection, added, count_on(connection, adds=True))


def add_user_of(connection: Connection, added: User, told: Subject) -> User:
    """As :meth:`cloudsvc.identity.subject_store.SubjectStore.add_user_of`."""
    made = users.add_user(connection, added, None)
    _add(connection, told, made.revision)
    return made


def find_subject(connection: Connection, issuer: str, name: str) -> FoundSubject | None:
    """As :meth:`cloudsvc.identity.subject_store.SubjectStore.find_subject`."""
    row = _FIND_WHOLE.row(connection, issuer=issuer, subject=name)
    if row is None:
        return None
    void_until, *columns = row
    found, holder = read_subject(columns[: len(COLUMNS)]), users.hold(connection, tuple(columns[len(COLUMNS) :]))
    return None if holder is None else FoundSubject(subject=found, holder=holder, is_void=found.made <= void_until)


def list_subjects(connection: Connection, user_id: UserId) -> Sequence[Subject]:
    """As :meth:`cloudsvc.identity.subject_store.SubjectStore.list_subjects`."""
    return [*map(read_subject, _LIST.rows(connection, user=user_id))]


def remove_subject(connection: Connection, user_id: UserId, subject_id: SubjectId) -> None:
    """As :meth:`cloudsvc.identity.subject_store.SubjectStore.remove_subject`."""
    _remove(connection, user_id, subject_id)
    count_on(connection)


def _add(connection: Connection, added: Subject, revision: Revision) -> Subject:
    former = find_subject(connection, added.issuer, added.name)
    if former is not None:
        if not former.is_void:
            raise subject_taken()
        _remove(connection, former.subject.user, former.subject.id)
    if _COUNT.value(connection, user=added.user) >= bounds.MAX_USER_SUBJECTS:
        raise too_many("accounts at providers of a user", bounds.MAX_USER_SUBJECTS)
    made = evolve(added, made=revision)
    _INSERT.run(
        connection,
        id=made.id,
        user_id=made.user,
        issuer=made.issuer,
        subject=made.name,
        created_at=made.created_at,
        made=revision,
    )
    return made


def _remove(connection: Connection, user_id: UserId, subject_id: SubjectId) -> None:
    _DELETE_SESSIONS.run(connection, user=user_id, subject=subject_id)
    if _DELETE.run(connection, id=subject_id, user=user_id).rowcount == 0:
        raise subject_not_found()


def read_subject(row: Sequence[Any]) -> Subject:
    """A subject, from :data:`COLUMNS`."""
    subject_id, user_id, issuer, name, created_at, made = row
    return Subject(
        id=SubjectId(subject_id),
        user=UserId(user_id),
        issuer=issuer,
        name=name,
        created_at=created_at,
        made=Revision(made),
    )
