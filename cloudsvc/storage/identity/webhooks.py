"""Webhooks in a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import evolve
from sqlalchemy import bindparam, delete, func, insert, select, update

from cloudsvc.identity.errors import changed_meanwhile, key_ended, too_many, user_not_found
from cloudsvc.identity.users import UserId
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity.revisions import count_on
from cloudsvc.storage.identity.schema import key, user, webhook, webhook_attempt
from cloudsvc.storage.identity.webhook_rows import (
    PROGRESS,
    READ,
    REPLACED,
    read_webhook,
    write_progress,
    write_webhook,
)
from cloudsvc.webhooks.bounds import MAX_ATTEMPTS, MAX_OWN_WEBHOOKS, MAX_WEBHOOKS
from cloudsvc.webhooks.errors import webhook_not_found
from cloudsvc.webhooks.retrying import begin_again
from cloudsvc.webhooks.webhook import Attempt, Outcome, Progress, Webhook, WebhookId

_WHOLE: Final = tuple(webhook.c[name] for name in READ)
_FIND: Final = compile_statement(select(*_WHOLE).where(webhook.c.id == bindparam("id")))
_page = select(*_WHOLE).where(webhook.c.id > bindparam("after")).order_by(webhook.c.id).limit(bindparam("limit"))
_LIST: Final = compile_statement(_page)
_LIST_OWN: Final = compile_statement(_page.where(webhook.c.maker == bindparam("maker")))
_COUNT: Final = compile_statement(select(func.count()).select_from(webhook))
_COUNT_OWN: Final = compile_statement(
    select(func.count()).select_from(webhook).where(webhook.c.maker == bindparam("maker"))
)
_FIND_USER: Final = compile_statement(select(user.c.id).where(user.c.id == bindparam("id")))
_FIND_KEY: Final = compile_statement(select(key.c.ended_at).where(key.c.id == bindparam("id")))
_INSERT: Final = compile_statement(insert(webhook), *(column.name for column in webhook.columns))
_REPLACE: Final = compile_statement(
    update(webhook)
    .where(webhook.c.id == bindparam("webhook"))
    .values({each: bindparam(f"new_{each}") for each in (*REPLACED, *PROGRESS, "revision")})
)
_NOTE: Final = compile_statement(
    update(webhook)
    .where(webhook.c.id == bindparam("webhook"))
    .values({each: bindparam(f"new_{each}") for each in PROGRESS})
)
_COUNT_ATTEMPT: Final = compile_statement(
    update(webhook)
    .where(webhook.c.id == bindparam("webhook"))
    .values(attempts=webhook.c.attempts + 1)
    .returning(webhook.c.attempts)
)
_DELETE: Final = compile_statement(delete(webhook).where(webhook.c.id == bindparam("id")))
_DELETE_ATTEMPTS: Final = compile_statement(
    delete(webhook_attempt).where(webhook_attempt.c.webhook_id == bindparam("id"))
)
_orphans = (
    select(webhook.c.id)
    .outerjoin(key, key.c.id == webhook.c.key_id)
    .where(webhook.c.key_id.is_not(None), key.c.id.is_(None))
    .order_by(webhook.c.id)
    .limit(bindparam("limit"))
)
_FIND_ORPHANS: Final = compile_statement(_orphans)
_users = select(webhook.c.id).where(webhook.c.user_id == bindparam("user"))
_DELETE_USERS_ATTEMPTS: Final = compile_statement(
    delete(webhook_attempt).where(webhook_attempt.c.webhook_id.in_(_users))
)
_DELETE_USERS: Final = compile_statement(delete(webhook).where(webhook.c.user_id == bindparam("user")))
_INSERT_ATTEMPT: Final = compile_statement(
    insert(webhook_attempt), *(column.name for column in webhook_attempt.columns)
)
_FORGET_ATTEMPTS: Final = compile_statement(
    delete(webhook_attempt)
    .where(webhook_attempt.c.webhook_id == bindparam("webhook"))
    .where(webhook_attempt.c.number <= bindparam("last"))
)
_LIST_ATTEMPTS: Final = compile_statement(
    select(
        webhook_attempt.c.at,
        webhook_attempt.c.message,
        webhook_attempt.c.kind,
        webhook_attempt.c.outcome,
        webhook_attempt.c.status,
        webhook_attempt.c.milliseconds,
    )
    .where(webhook_attempt.c.webhook_id == bindparam("id"))
    .order_by(webhook_attempt.c.number.desc())
    .limit(MAX_ATTEMPTS)
)


def add_webhook(connection: Connection, added: Webhook) -> Webhook:
    """As :meth:`cloudsvc.webhooks.store.WebhookStore.add_webhook`."""
    if added.key is not None and not _is_alive(connection, added):
        raise key_ended()
    if added.user is not None and _FIND_USER.row(connection, id=added.user) is None:
        raise user_not_found()
    if _COUNT_OWN.value(connection, maker=added.maker) >= MAX_OWN_WEBHOOKS:
        raise too_many("webhooks of one owner", MAX_OWN_WEBHOOKS)
    if _COUNT.value(connection) >= MAX_WEBHOOKS:
        raise too_many("webhooks", MAX_WEBHOOKS)
    added = evolve(added, revision=count_on(connection, adds=True))
    _INSERT.run(
        connection,
        id=added.id,
        maker=added.maker,
        user_id=added.user,
        key_id=added.key,
        created_at=added.created_at,
        attempts=0,
        revision=added.revision,
        **write_webhook(added),
        **write_progress(added.progress),
    )
    return added


def find_webhook(connection: Connection, wanted: WebhookId) -> Webhook | None:
    """As :meth:`cloudsvc.webhooks.store.WebhookStore.find_webhook`."""
    row = _FIND.row(connection, id=wanted)
    return None if row is None else read_webhook(row)


def list_webhooks(connection: Connection, limit: int, after: WebhookId | None, maker: str | None) -> Sequence[Webhook]:
    """As :meth:`cloudsvc.webhooks.store.WebhookStore.list_webhooks`."""
    if maker is None:
        return [*map(read_webhook, _LIST.rows(connection, after=after or "", limit=limit))]
    return [*map(read_webhook, _LIST_OWN.rows(connection, after=after or "", limit=limit, maker=maker))]


def replace_webhook(connection: Connection, wanted: Webhook, *, begins_again: bool) -> Webhook:
    """As :meth:`cloudsvc.webhooks.store.WebhookStore.replace_webhook`."""
    kept = find_webhook(connection, wanted.id)
    if kept is None:
        raise webhook_not_found()
    if kept.revision != wanted.revision:
        raise changed_meanwhile()
    progress = begin_again(kept.progress) if begins_again else kept.progress
    replaced = evolve(
        wanted,
        maker=kept.maker,
        user=kept.user,
        key=kept.key,
        created_at=kept.created_at,
        progress=progress,
        revision=count_on(connection),
    )
    columns = {**write_webhook(replaced), **write_progress(progress), "revision": replaced.revision}
    _REPLACE.run(connection, webhook=wanted.id, **{f"new_{each}": value for each, value in columns.items()})
    return replaced


def remove_webhook(connection: Connection, removed: WebhookId) -> None:
    """As :meth:`cloudsvc.webhooks.store.WebhookStore.remove_webhook`."""
    _DELETE_ATTEMPTS.run(connection, id=removed)
    if _DELETE.run(connection, id=removed).rowcount == 0:
        raise webhook_not_found()
    count_on(connection)


def remove_orphaned_webhooks(connection: Connection, limit: int) -> int:
    """As :meth:`cloudsvc.webhooks.store.WebhookStore.remove_orphaned_webhooks`."""
    orphans = [{"id": row[0]} for row in _FIND_ORPHANS.rows(connection, limit=limit)]
    if orphans:
        _DELETE_ATTEMPTS.run_for_each(connection, orphans)
        _DELETE.run_for_each(connection, orphans)
        count_on(connection)
    return len(orphans)


def remove_webhooks_of(connection: Connection, user_id: UserId) -> None:
    """Remove all of a user, who is about to be removed."""
    _DELETE_USERS_ATTEMPTS.run(connection, user=user_id)
    _DELETE_USERS.run(connection, user=user_id)


def note_progress(
    connection: Connection, noted: WebhookId, former: Progress, progress: Progress, attempt: Attempt | None
) -> bool:
    """As :meth:`cloudsvc.webhooks.store.WebhookStore.note_progress`."""
    kept = find_webhook(connection, noted)
    if kept is None or kept.progress != former:
        return False
    _NOTE.run(connection, webhook=noted, **{f"new_{each}": value for each, value in write_progress(progress).items()})
    if attempt is not None:
        note_attempt(connection, noted, attempt)
    return True


def note_attempt(connection: Connection, noted: WebhookId, attempt: Attempt) -> None:
    """As :meth:`cloudsvc.webhooks.store.WebhookStore.note_attempt`."""
    counted = _COUNT_ATTEMPT.row(connection, webhook=noted)
    if counted is None:
        return
    number = counted[0]
    _INSERT_ATTEMPT.run(
        connection,
        webhook_id=noted,
        number=number,
        at=attempt.at,
        message=attempt.message,
        kind=attempt.kind,
        outcome=attempt.outcome.value,
        status=attempt.status,
        milliseconds=attempt.milliseconds,
    )
    _FORGET_ATTEMPTS.run(connection, webhook=noted, last=number - MAX_ATTEMPTS)


def list_attempts(connection: Connection, wanted: WebhookId) -> Sequence[Attempt]:
    """As :meth:`cloudsvc.webhooks.store.WebhookStore.list_attempts`."""
    return [
        Attempt(at=at, message=message, kind=kind, outcome=Outcome(outcome), status=status, milliseconds=took)
        for at, message, kind, outcome, status, took in _LIST_ATTEMPTS.rows(connection, id=wanted)
    ]


def _is_alive(connection: Connection, added: Webhook) -> bool:
    """Whether the key by which it is made has not ended."""
    row = _FIND_KEY.row(connection, id=added.key)
    return row is not None and (row[0] is None or added.created_at < row[0])
