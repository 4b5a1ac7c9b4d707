"""Second factors in a database, and sign-ins that wait for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, union_all, update

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import changed_meanwhile, user_not_found
from cloudsvc.identity.factor_errors import factor_not_found, totp_exists
from cloudsvc.identity.factors import Factors, FoundPending, Pending, PendingId, Totp
from cloudsvc.identity.passkeys import Passkey, PasskeyId
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.users import UserId
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity import users
from cloudsvc.storage.identity.revisions import count_on
from cloudsvc.storage.identity.rows import read_password
from cloudsvc.storage.identity.schema import passkey, pending, recovery_code, session, state, totp, user

_FIND_TOTP: Final = compile_statement(
    select(totp.c.secret, totp.c.is_confirmed, totp.c.last_step, totp.c.created_at).where(
        totp.c.user_id == bindparam("user")
    )
)
_COUNT_CODES: Final = compile_statement(
    select(func.count())
    .select_from(recovery_code.join(state, recovery_code.c.made > state.c.void_until))
    .where(recovery_code.c.user_id == bindparam("user"))
)
_FIND_USER: Final = compile_statement(select(user.c.id, user.c.factors_set).where(user.c.id == bindparam("user")))
_INSERT_TOTP: Final = compile_statement(insert(totp), *(column.name for column in totp.columns))
_CONFIRM_TOTP: Final = compile_statement(
    update(totp)
    .where(totp.c.user_id == bindparam("user"))
    .where(totp.c.secret == bindparam("confirmed"))
    .where(totp.c.is_confirmed == 0)
    .values(is_confirmed=1, last_step=bindparam("step"))
)
_USE_TOTP: Final = compile_statement(
    update(totp)
    .where(totp.c.user_id == bindparam("user"))
    .where(totp.c.is_confirmed == 1)
    .where(totp.c.last_step < bindparam("step"))
    .values(last_step=bindparam("step"))
)
_DELETE_TOTP: Final = compile_statement(delete(totp).where(totp.c.user_id == bindparam("user")))
_LIST_PASSKEYS: Final = compile_statement(
    select(*passkey.columns).where(passkey.c.user_id == bindparam("user")).order_by(passkey.c.id)
)
_DELETE_PASSKEYS: Final = compile_statement(delete(passkey).where(passkey.c.user_id == bindparam("user")))
_FIND_LEFT: Final = compile_statement(
    union_all(
        select(totp.c.user_id).where(totp.c.user_id == bindparam("user")).where(totp.c.is_confirmed == 1),
        select(passkey.c.user_id).where(passkey.c.user_id == bindparam("user")),
    )
)
_SET_FACTORS: Final = compile_statement(
    update(user).where(user.c.id == bindparam("user")).values(factors_set=bindparam("new_factors_set"))
)
_INSERT_CODES: Final = compile_statement(insert(recovery_code), *(column.name for column in recovery_code.columns))
_DELETE_CODES: Final = compile_statement(delete(recovery_code).where(recovery_code.c.user_id == bindparam("user")))
_USE_CODE: Final = compile_statement(
    delete(recovery_code)
    .where(recovery_code.c.user_id == bindparam("user"))
    .where(recovery_code.c.digest == bindparam("code"))
    .where(recovery_code.c.made > select(state.c.void_until).scalar_subquery())
)
_DELETE_SESSIONS: Final = compile_statement(
    delete(session).where(session.c.user_id == bindparam("user")).where(session.c.id != bindparam("keeps"))
)
_INSERT_PENDING: Final = compile_statement(insert(pending), *(column.name for column in pending.columns))
# All that a user has are a few.
_surplus = (
    select(pending.c.id)
    .where(pending.c.user_id == bindparam("user"))
    .order_by(pending.c.expires_at.desc(), pending.c.id)
    .limit(bindparam("all"))
    .offset(bindparam("most"))
)
_DELETE_SURPLUS: Final = compile_statement(delete(pending).where(pending.c.id.in_(_surplus)))
_TRY_PENDING: Final = compile_statement(
    update(pending)
    .where(pending.c.id == bindparam("pending"))
    .where(pending.c.digest == bindparam("shown"))
    .values(tries=pending.c.tries + 1)
    .returning(pending.c.user_id, pending.c.password_set, pending.c.expires_at, pending.c.tries)
)
# There is a row whether there is such a user or not.
_FIND_LOGIN: Final = compile_statement(
    select(state.c.void_until, user.c.password, *users.COLUMNS).select_from(
        state.outerjoin(user, user.c.id == bindparam("user"))
    )
)
_END_PENDING: Final = compile_statement(delete(pending).where(pending.c.id == bindparam("pending")))
_DELETE_PENDING_OF: Final = compile_statement(delete(pending).where(pending.c.user_id == bindparam("user")))
_expired = (
    select(pending.c.id)
    .where(pending.c.expires_at < bindparam("before"))
    .order_by(pending.c.expires_at, pending.c.id)
    .limit(bindparam("limit"))
)
_DELETE_EXPIRED: Final = compile_statement(delete(pending).where(pending.c.id.in_(_expired)))

_NOBODY: Final = ""
"""The id of no user."""


def find_factors(connection: Connection, user_id: UserId) -> Factors:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.find_factors`."""
    return Factors(
        totp=_find_totp(connection, user_id),
        recovery_codes=_COUNT_CODES.value(connection, user=user_id),
        passkeys=tuple(map(read_passkey, _LIST_PASSKEYS.rows(connection, user=user_id))),
    )


def propose_totp(connection: Connection, user_id: UserId, proposed: Totp) -> None:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.propose_totp`."""
    if _FIND_USER.row(connection, user=user_id) is None:
        raise user_not_found()
    found = _find_totp(connection, user_id)
    if found is not None and found.is_confirmed:
        raise totp_exists()
    _DELETE_TOTP.run(connection, user=user_id)
    _INSERT_TOTP.run(
        connection,
        user_id=user_id,
        secret=proposed.secret.reveal(),
        is_confirmed=0,
        last_step=0,
        created_at=proposed.created_at,
    )


def confirm_totp(
    connection: Connection,
    user_id: UserId,
    secret: Secret,
    step: int,
    codes: Sequence[bytes],
    *,
    keeps: SessionId | None,
) -> None:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.confirm_totp`."""
    if _CONFIRM_TOTP.run(connection, user=user_id, confirmed=secret.reveal(), step=step).rowcount == 0:
        raise changed_meanwhile()
    revision = count_on(connection)
    note_factors_changed(connection, user_id, revision, keeps)
    replace_codes(connection, user_id, codes, revision)


def remove_totp(connection: Connection, user_id: UserId, keeps: SessionId | None) -> None:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.remove_totp`."""
    found = _find_totp(connection, user_id)
    if found is None:
        raise factor_not_found()
    _DELETE_TOTP.run(connection, user=user_id)
    if found.is_confirmed:
        note_factors_changed(connection, user_id, count_on(connection), keeps)


def reset_factors(connection: Connection, user_id: UserId) -> bool:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.reset_factors`."""
    had_totp = _DELETE_TOTP.run(connection, user=user_id).rowcount > 0
    _DELETE_PASSKEYS.run(connection, user=user_id)
    row = _FIND_USER.row(connection, user=user_id)
    if row is not None and row[1] is not None:
        note_factors_changed(connection, user_id, count_on(connection), None)
        return True
    return had_totp


def use_totp(connection: Connection, user_id: UserId, step: int) -> bool:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.use_totp`."""
    return _USE_TOTP.run(connection, user=user_id, step=step).rowcount > 0


def replace_recovery_codes(connection: Connection, user_id: UserId, codes: Sequence[bytes]) -> None:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.replace_recovery_codes`."""
    row = _FIND_USER.row(connection, user=user_id)
    if row is None or row[1] is None:
        raise factor_not_found()
    replace_codes(connection, user_id, codes, count_on(connection))


def use_recovery_code(connection: Connection, user_id: UserId, code: bytes) -> bool:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.use_recovery_code`."""
    if _USE_CODE.run(connection, user=user_id, code=code).rowcount == 0:
        return False
    count_on(connection)
    return True


def add_pending(connection: Connection, added: Pending, digest: bytes) -> None:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.add_pending`."""
    if _FIND_USER.row(connection, user=added.user) is None:
        raise user_not_found()
    most = bounds.MAX_USER_PENDING
    _DELETE_SURPLUS.run(connection, user=added.user, all=most, most=most - 1)
    _INSERT_PENDING.run(
        connection,
        id=added.id,
        user_id=added.user,
        digest=digest,
        password_set=added.password_set,
        tries=0,
        expires_at=added.expires_at,
    )


def try_pending(connection: Connection, pending_id: PendingId, digest: bytes) -> FoundPending | None:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.try_pending`."""
    row = _TRY_PENDING.row(connection, pending=pending_id, shown=digest)
    user_id, password_set, expires_at, tries = row or (_NOBODY, 0, 0, 0)
    void_until, password, *columns = _FIND_LOGIN.row(connection, user=user_id) or (0, None, *_no_columns())
    holder = users.hold(connection, tuple(columns))
    if holder is None:
        return None
    found = Pending(id=pending_id, user=UserId(user_id), password_set=Revision(password_set), expires_at=expires_at)
    return FoundPending(
        pending=found,
        tries=tries,
        holder=holder,
        hash=read_password(password),
        is_void=holder.user.password_set <= void_until,
    )


def end_pending(connection: Connection, pending_id: PendingId) -> bool:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.end_pending`."""
    return _END_PENDING.run(connection, pending=pending_id).rowcount > 0


def remove_expired_pending(connection: Connection, before: Instant, limit: int) -> int:
    """As :meth:`cloudsvc.identity.factor_store.FactorStore.remove_expired_pending`."""
    return _DELETE_EXPIRED.run(connection, before=before, limit=limit).rowcount


def read_passkey(row: tuple[Any, ...]) -> Passkey:
    """A passkey, from the columns of its table."""
    (passkey_id, user_id, label, host, credential, public_key, sign_count, is_synced, *moments, made) = row
    created_at, used_at = moments
    return Passkey(
        id=PasskeyId(passkey_id),
        user=UserId(user_id),
        label=label,
        host=host,
        credential=bytes(credential),
        public_key=bytes(public_key),
        sign_count=sign_count,
        is_synced=bool(is_synced),
        created_at=created_at,
        used_at=used_at,
        made=Revision(made),
    )


def _find_totp(connection: Connection, user_id: UserId) -> Totp | None:
    row = _FIND_TOTP.row(connection, user=user_id)
    if row is None:
        return None
    secret, is_confirmed, last_step, created_at = row
    return Totp(secret=Secret(secret), is_confirmed=bool(is_confirmed), last_step=last_step, created_at=created_at)


def note_factors_changed(connection: Connection, user_id: UserId, revision: Revision, keeps: SessionId | None) -> None:
    """Have it known that the factors of a user have changed by ``revision``, and end what stood on how they were."""
    is_left = _FIND_LEFT.row(connection, user=user_id) is not None
    _SET_FACTORS.run(connection, user=user_id, new_factors_set=revision if is_left else None)
    _DELETE_SESSIONS.run(connection, user=user_id, keeps=keeps or "")
    _DELETE_PENDING_OF.run(connection, user=user_id)
    if not is_left:
        _DELETE_CODES.run(connection, user=user_id)


def replace_codes(connection: Connection, user_id: UserId, codes: Sequence[bytes], revision: Revision) -> None:
    """Have these recovery codes, made by ``revision``, and no others."""
    _DELETE_CODES.run(connection, user=user_id)
    rows = [{"user_id": user_id, "digest": code, "made": revision} for code in codes]
    _INSERT_CODES.run_for_each(connection, rows)


def _no_columns() -> tuple[Any, ...]:
    return tuple(None for _ in users.COLUMNS)
