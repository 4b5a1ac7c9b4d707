"""Sessions in a database."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from attrs import evolve
from sqlalchemy import bindparam, case, delete, insert, select, true, update

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import changed_meanwhile, session_not_found, user_disabled, user_not_found
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.sessions import FoundSession, Session, SessionId, end_of_idleness
from cloudsvc.identity.subjects import SubjectId
from cloudsvc.identity.users import UserId
from cloudsvc.storage.database.constructs import is_among_texts
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity import users
from cloudsvc.storage.identity.revisions import count_on
from cloudsvc.storage.identity.schema import session, state, subject, user

COLUMNS: Final = (
    session.c.id,
    session.c.user_id,
    session.c.label,
    session.c.key_id,
    session.c.created_at,
    session.c.seen_at,
    session.c.ends_at,
    session.c.made,
    session.c.subject_id,
)
"""What a session is read from."""

# There is a row whether there is such a session or not.
_FIND_WHOLE: Final = compile_statement(
    select(state.c.void_until, session.c.digest, *COLUMNS, *users.COLUMNS).select_from(
        state.outerjoin(session, session.c.id == bindparam("id")).outerjoin(user, user.c.id == session.c.user_id)
    )
)
_FIND_SOME: Final = compile_statement(
    select(state.c.void_until, session.c.digest, *COLUMNS, *users.COLUMNS)
    .select_from(session.join(state, true()).join(user, user.c.id == session.c.user_id))
    .where(is_among_texts(session.c.id, bindparam("ids")))
)
_LIST: Final = compile_statement(select(*COLUMNS).where(session.c.user_id == bindparam("user")).order_by(session.c.id))
_FIND_USER: Final = compile_statement(
    select(state.c.void_until, user.c.is_disabled, user.c.password_set, user.c.factors_set).select_from(
        state.join(user, user.c.id == bindparam("id"))
    )
)
_FIND_SUBJECT: Final = compile_statement(
    select(subject.c.made).where(subject.c.id == bindparam("id")).where(subject.c.user_id == bindparam("user"))
)
# All that a user has are a few.
_surplus = (
    select(session.c.id)
    .where(session.c.user_id == bindparam("user"))
    .order_by(session.c.seen_at.desc(), session.c.created_at.desc(), session.c.id)
    .limit(bindparam("all"))
    .offset(bindparam("most"))
)
_DELETE_SURPLUS: Final = compile_statement(delete(session).where(session.c.id.in_(_surplus)))
_INSERT: Final = compile_statement(insert(session), *(column.name for column in session.columns))
_DELETE: Final = compile_statement(
    delete(session).where(session.c.id == bindparam("id")).where(session.c.user_id == bindparam("user"))
)
_DELETE_OTHERS: Final = compile_statement(
    delete(session).where(session.c.user_id == bindparam("user")).where(session.c.id != bindparam("keeps"))
)
_NOTE_SEEN: Final = compile_statement(
    update(session)
    .where(session.c.id == bindparam("session"))
    .where(session.c.seen_at < bindparam("seen"))
    .values(
        seen_at=bindparam("seen"),
        expires_at=case((session.c.ends_at < bindparam("idle"), session.c.ends_at), else_=bindparam("idle")),
    )
)
_expired = (
    select(session.c.id)
    .where(session.c.expires_at < bindparam("before"))
    .order_by(session.c.expires_at, session.c.id)
    .limit(bindparam("limit"))
)
_DELETE_EXPIRED: Final = compile_statement(delete(session).where(session.c.id.in_(_expired)))
_RENEW_HASH: Final = compile_statement(
    update(user)
    .where(user.c.id == bindparam("user"))
    .where(user.c.password == bindparam("former"))
    .values(password=bindparam("renewed"))
)


def add_session(
    connection: Connection,
    added: Session,
    digest: bytes,
    password_set: Revision | None,
    factors_set: Revision | None = None,
) -> Session:
    """As :meth:`cloudsvc.identity.session_store.SessionStore.add_session`."""
    found = _FIND_USER.row(connection, id=added.user)
    if found is None:
        raise user_not_found()
    void_until, is_disabled, kept, kept_factors = found
    if is_disabled:
        raise user_disabled()
    if password_set is not None and (kept != password_set or kept <= void_until):
        raise changed_meanwhile()
    if factors_set is not None and (kept_factors or NEVER) != factors_set:
        raise changed_meanwhile()
    if added.subject is not None:
        row = _FIND_SUBJECT.row(connection, id=added.subject, user=added.user)
        if row is None or row[0] <= void_until:
            raise changed_meanwhile()
    most = bounds.MAX_USER_SESSIONS
    given_way = _DELETE_SURPLUS.run(connection, user=added.user, all=most, most=most - 1).rowcount
    revision = count_on(connection, adds=not given_way)
    added = evolve(added, made=revision)
    _INSERT.run(
        connection,
        id=added.id,
        user_id=added.user,
        label=added.label,
        key_id=added.key,
        created_at=added.created_at,
        seen_at=added.seen_at,
        ends_at=added.ends_at,
        expires_at=added.expires_at,
        digest=digest,
        made=revision,
        subject_id=added.subject,
    )
    return added


def find_session(connection: Connection, session_id: SessionId) -> FoundSession | None:
    """As :meth:`cloudsvc.identity.session_store.SessionStore.find_session`."""
    row = _FIND_WHOLE.row(connection, id=session_id)
    void_until, digest, *columns = row or (0, None, *(None for _ in (*COLUMNS, *users.COLUMNS)))
    holder = users.hold(connection, tuple(columns[len(COLUMNS) :]))
    if digest is None or holder is None:
        return None
    found = _read(tuple(columns[: len(COLUMNS)]))
    return FoundSession(session=found, digest=bytes(digest), holder=holder, is_void=found.made <= void_until)


def find_sessions(connection: Connection, sessions: Collection[SessionId]) -> Mapping[SessionId, FoundSession]:
    """As :meth:`cloudsvc.identity.session_store.SessionStore.find_sessions`."""
    rows = [*_FIND_SOME.rows(connection, ids=json.dumps([*sessions]))]
    holders = users.hold_some(connection, (row[2 + len(COLUMNS) :] for row in rows))
    found: dict[SessionId, FoundSession] = {}
    for void_until, digest, *columns in rows:
        each = _read(tuple(columns[: len(COLUMNS)]))
        is_void = each.made <= void_until
        found[each.id] = FoundSession(session=each, digest=bytes(digest), holder=holders[each.user], is_void=is_void)
    return found


def list_sessions(connection: Connection, user_id: UserId) -> Sequence[Session]:
    """As :meth:`cloudsvc.identity.session_store.SessionStore.list_sessions`."""
    return [*map(_read, _LIST.rows(connection, user=user_id))]


def end_session(connection: Connection, user_id: UserId, session_id: SessionId) -> None:
    """As :meth:`cloudsvc.identity.session_store.SessionStore.end_session`."""
    if _DELETE.run(connection, id=session_id, user=user_id).rowcount == 0:
        raise session_not_found()
    count_on(connection)


def end_sessions(connection: Connection, user_id: UserId, keeps: SessionId | None) -> int:
    """As :meth:`cloudsvc.identity.session_store.SessionStore.end_sessions`."""
    ended = _DELETE_OTHERS.run(connection, user=user_id, keeps=keeps or "").rowcount
    if ended:
        count_on(connection)
    return ended


def note_seen(connection: Connection, seen: Mapping[SessionId, Instant]) -> None:
    """As :meth:`cloudsvc.identity.session_store.SessionStore.note_seen`."""
    if seen:
        rows = [{"session": each, "seen": moment, "idle": end_of_idleness(moment)} for each, moment in seen.items()]
        _NOTE_SEEN.run_for_each(connection, rows)


def remove_expired_sessions(connection: Connection, before: Instant, limit: int) -> int:
    """As :meth:`cloudsvc.identity.session_store.SessionStore.remove_expired_sessions`."""
    count = _DELETE_EXPIRED.run(connection, before=before, limit=limit).rowcount
    if count:
        count_on(connection)
    return count


def renew_hash(connection: Connection, user_id: UserId, former: Secret, renewed: Secret) -> None:
    """As :meth:`cloudsvc.identity.session_store.SessionStore.renew_hash`."""
    _RENEW_HASH.run(connection, user=user_id, former=former.reveal(), renewed=renewed.reveal())


def _read(row: tuple[Any, ...]) -> Session:
    session_id, user_id, label, key_id, created_at, seen_at, ends_at, made, subject_id = row
    return Session(
        id=SessionId(session_id),
        user=UserId(user_id),
        label=label,
        key=None if key_id is None else KeyId(key_id),
        subject=None if subject_id is None else SubjectId(subject_id),
        created_at=created_at,
        seen_at=seen_at,
        ends_at=ends_at,
        made=Revision(made),
    )
