"""Passkeys in a database, and challenges that were signed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import evolve
from sqlalchemy import bindparam, delete, func, insert, select, update

from cloudsvc.core.clock import Instant
from cloudsvc.identity import bounds
from cloudsvc.identity.challenges import Challenge
from cloudsvc.identity.errors import too_many, user_not_found
from cloudsvc.identity.factor_errors import factor_not_found, passkey_exists, wrong_passkey
from cloudsvc.identity.passkeys import FoundPasskey, Passkey, PasskeyId
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.users import UserId
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity import users
from cloudsvc.storage.identity.factors import note_factors_changed, read_passkey, replace_codes
from cloudsvc.storage.identity.revisions import count_on
from cloudsvc.storage.identity.schema import challenge, passkey, state, user

_FIND_SEAL: Final = compile_statement(select(state.c.seal))
_FIND_USER: Final = compile_statement(select(user.c.id).where(user.c.id == bindparam("user")))
_FIND_KNOWN: Final = compile_statement(select(passkey.c.id).where(passkey.c.credential == bindparam("credential")))
_COUNT: Final = compile_statement(
    select(func.count()).select_from(passkey).where(passkey.c.user_id == bindparam("user"))
)
_INSERT: Final = compile_statement(insert(passkey), *(column.name for column in passkey.columns))
# There is a row whether there is such a passkey or not.
_FIND: Final = compile_statement(
    select(state.c.void_until, *passkey.columns, *users.COLUMNS).select_from(
        state.outerjoin(passkey, passkey.c.credential == bindparam("credential")).outerjoin(
            user, user.c.id == passkey.c.user_id
        )
    )
)
_USE: Final = compile_statement(
    update(passkey)
    .where(passkey.c.id == bindparam("passkey"))
    .where(passkey.c.sign_count == bindparam("former"))
    .values(sign_count=bindparam("new_count"), used_at=bindparam("moment"))
)
_RENAME: Final = compile_statement(
    update(passkey)
    .where(passkey.c.id == bindparam("passkey"))
    .where(passkey.c.user_id == bindparam("user"))
    .values(label=bindparam("new_label"))
)
_DELETE: Final = compile_statement(
    delete(passkey).where(passkey.c.id == bindparam("passkey")).where(passkey.c.user_id == bindparam("user"))
)
_FIND_CHALLENGE: Final = compile_statement(select(challenge.c.digest).where(challenge.c.digest == bindparam("shown")))
_INSERT_CHALLENGE: Final = compile_statement(insert(challenge), "digest", "expires_at")
_expired = (
    select(challenge.c.digest)
    .where(challenge.c.expires_at < bindparam("before"))
    .order_by(challenge.c.expires_at, challenge.c.digest)
    .limit(bindparam("limit"))
)
_DELETE_EXPIRED: Final = compile_statement(delete(challenge).where(challenge.c.digest.in_(_expired)))


def find_seal(connection: Connection) -> bytes:
    """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.find_seal`."""
    return bytes(_FIND_SEAL.value(connection))


def add_passkey(
    connection: Connection,
    added: Passkey,
    by: Challenge,
    codes: Sequence[bytes],
    *,
    keeps: SessionId | None,
) -> Passkey:
    """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.add_passkey`."""
    if _FIND_USER.row(connection, user=added.user) is None:
        raise user_not_found()
    if _FIND_KNOWN.row(connection, credential=added.credential) is not None:
        raise passkey_exists()
    if _COUNT.value(connection, user=added.user) >= bounds.MAX_USER_PASSKEYS:
        raise too_many("passkeys of a user", bounds.MAX_USER_PASSKEYS)
    if not _use_up(connection, by):
        raise wrong_passkey()
    added = evolve(added, made=count_on(connection))
    _INSERT.run(
        connection,
        id=added.id,
        user_id=added.user,
        label=added.label,
        host=added.host,
        credential=added.credential,
        public_key=added.public_key,
        sign_count=added.sign_count,
        is_synced=int(added.is_synced),
        created_at=added.created_at,
        used_at=added.used_at,
        made=added.made,
    )
    note_factors_changed(connection, added.user, added.made, keeps)
    if codes:
        replace_codes(connection, added.user, codes, added.made)
    return added


def find_passkey(connection: Connection, credential: bytes) -> FoundPasskey | None:
    """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.find_passkey`."""
    width = len(passkey.columns)
    void_until, *columns = _FIND.row(connection, credential=credential) or _nothing()
    holder = users.hold(connection, tuple(columns[width:]))
    if holder is None:
        return None
    found = read_passkey(tuple(columns[:width]))
    return FoundPasskey(passkey=found, holder=holder, is_void=found.made <= void_until)


def use_passkey(connection: Connection, used: Passkey, sign_count: int, moment: Instant, by: Challenge) -> bool:
    """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.use_passkey`."""
    if not _use_up(connection, by):
        return False
    values = {"passkey": used.id, "former": used.sign_count, "new_count": sign_count, "moment": moment}
    return _USE.run(connection, **values).rowcount > 0


def rename_passkey(connection: Connection, user_id: UserId, renamed: PasskeyId, label: str) -> None:
    """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.rename_passkey`."""
    if _RENAME.run(connection, user=user_id, passkey=renamed, new_label=label).rowcount == 0:
        raise factor_not_found()


def remove_passkey(connection: Connection, user_id: UserId, removed: PasskeyId, keeps: SessionId | None) -> None:
    """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.remove_passkey`."""
    if _DELETE.run(connection, user=user_id, passkey=removed).rowcount == 0:
        raise factor_not_found()
    note_factors_changed(connection, user_id, count_on(connection), keeps)


def remove_expired_challenges(connection: Connection, before: Instant, limit: int) -> int:
    """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.remove_expired_challenges`."""
    return _DELETE_EXPIRED.run(connection, before=before, limit=limit).rowcount


def _use_up(connection: Connection, signed: Challenge) -> bool:
    """Remember that a challenge was signed; whether it was not before."""
    if _FIND_CHALLENGE.row(connection, shown=signed.digest) is not None:
        return False
    _INSERT_CHALLENGE.run(connection, digest=signed.digest, expires_at=signed.expires_at)
    return True


def _nothing() -> tuple[Any, ...]:
    return 0, *(None for _ in (*passkey.columns, *users.COLUMNS))
