"""Links in a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import evolve
from sqlalchemy import bindparam, case, delete, func, insert, or_, select, update

from cloudsvc.core.actors import Role
from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import changed_meanwhile, key_ended, link_not_found, too_many, user_not_found
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.link_format import LinkId
from cloudsvc.identity.links import FoundLink, Link, LinkUse
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.users import UserId
from cloudsvc.storage.database.statements import Connection, compile_statement
from cloudsvc.storage.identity import users
from cloudsvc.storage.identity.revisions import count_on
from cloudsvc.storage.identity.schema import key, link, link_part, state, user

COLUMNS: Final = (
    link.c.id,
    link.c.role,
    link.c.target,
    link.c.label,
    link.c.holder,
    link.c.maker,
    link.c.made_by,
    link.c.password,
    link.c.most_uses,
    link.c.uses,
    link.c.last_used,
    link.c.created_at,
    link.c.expires_at,
    link.c.revoked_at,
    link.c.made,
    link.c.revision,
)
"""What a link is read from."""

_REPLACED: Final = ("label", "password", "most_uses", "expires_at", "revoked_at", "ended_at")

# There is a row whether there is such a link or not.
_FIND_WHOLE: Final = compile_statement(
    select(state.c.void_until, link.c.digest, *COLUMNS, *users.COLUMNS).select_from(
        state.outerjoin(link, link.c.id == bindparam("id")).outerjoin(user, user.c.id == link.c.holder)
    )
)
_FIND: Final = compile_statement(select(*COLUMNS).where(link.c.id == bindparam("id")))
_LIST: Final = compile_statement(
    select(*COLUMNS).where(link.c.id > bindparam("after")).order_by(link.c.id).limit(bindparam("limit"))
)
_FIND_USER: Final = compile_statement(select(user.c.id).where(user.c.id == bindparam("id")))
_FIND_KEY: Final = compile_statement(select(key.c.ended_at).where(key.c.id == bindparam("id")))
_COUNT: Final = compile_statement(select(func.count()).select_from(link))
_COUNT_MADE: Final = compile_statement(select(func.count()).select_from(link).where(link.c.maker == bindparam("maker")))
_INSERT: Final = compile_statement(insert(link), *(column.name for column in link.columns))
_UPDATE: Final = compile_statement(
    update(link)
    .where(link.c.id == bindparam("link"))
    .values({each: bindparam(f"new_{each}") for each in (*_REPLACED, "revision")})
)
_USE: Final = compile_statement(
    update(link)
    .where(link.c.id == bindparam("link"))
    .values(uses=link.c.uses + bindparam("count"), last_used=bindparam("moment"))
)
_NOTE_USES: Final = compile_statement(
    update(link)
    .where(link.c.id == bindparam("link"))
    .values(
        uses=link.c.uses + bindparam("count"),
        last_used=case((link.c.last_used > bindparam("moment"), link.c.last_used), else_=bindparam("moment")),
    )
)
_CONTINUE: Final = compile_statement(
    update(link_part)
    .where(link_part.c.link_id == bindparam("link"))
    .where(link_part.c.mark == bindparam("shown"))
    .where(link_part.c.begun_at > bindparam("since"))
    .where(link_part.c.parts < bindparam("most"))
    .values(parts=link_part.c.parts + 1)
)
# Those that are too old, and the one that is to be added.
_FORGET_PARTS: Final = compile_statement(
    delete(link_part)
    .where(link_part.c.link_id == bindparam("link"))
    .where(or_(link_part.c.begun_at <= bindparam("since"), link_part.c.mark == bindparam("shown")))
)
_BEGIN: Final = compile_statement(insert(link_part), "link_id", "mark", "begun_at", "parts")
_ended = (
    select(link.c.id)
    .where(link.c.ended_at < bindparam("before"))
    .order_by(link.c.ended_at, link.c.id)
    .limit(bindparam("limit"))
)
_DELETE_ENDED_PARTS: Final = compile_statement(delete(link_part).where(link_part.c.link_id.in_(_ended)))
_DELETE_ENDED: Final = compile_statement(delete(link).where(link.c.id.in_(_ended)))
# Those of a key, and of the keys that were made by it, or by others that were.
_keys = select(key.c.id).where(key.c.id == bindparam("made_by")).cte("made", recursive=True)
_keys = _keys.union(select(key.c.id).join(_keys, key.c.made_by == _keys.c.id))
_alive_of_keys = link.c.revoked_at.is_(None) & link.c.made_by.in_(select(_keys.c.id))
_COUNT_OF_KEYS: Final = compile_statement(select(func.count()).select_from(link).where(_alive_of_keys))
_REVOKE_OF_KEYS: Final = compile_statement(
    update(link)
    .where(_alive_of_keys)
    .values(
        revoked_at=bindparam("moment"),
        ended_at=case((link.c.ended_at < bindparam("moment"), link.c.ended_at), else_=bindparam("moment")),
        revision=bindparam("new_revision"),
    )
)


def add_link(connection: Connection, added: Link, digest: bytes) -> Link:
    """As :meth:`cloudsvc.identity.link_store.LinkStore.add_link`."""
    _check_place(connection, added)
    revision = count_on(connection, adds=True)
    added = evolve(added, made=revision, revision=revision)
    _INSERT.run(
        connection,
        id=added.id,
        role=added.role.value,
        target=added.target,
        holder=added.holder,
        maker=added.maker,
        made_by=added.made_by,
        uses=added.uses,
        last_used=added.last_used,
        created_at=added.created_at,
        digest=digest,
        made=revision,
        revision=revision,
        **_write(added),
    )
    return added


def find_link(connection: Connection, link_id: LinkId) -> FoundLink | None:
    """As :meth:`cloudsvc.identity.link_store.LinkStore.find_link`."""
    row = _FIND_WHOLE.row(connection, id=link_id)
    void_until, digest, *columns = row or (0, None, *(None for _ in (*COLUMNS, *users.COLUMNS)))
    holder = users.hold(connection, tuple(columns[len(COLUMNS) :]))
    if digest is None:
        return None
    found = read_link(tuple(columns[: len(COLUMNS)]))
    return FoundLink(link=found, digest=bytes(digest), holder=holder, is_void=found.made <= void_until)


def list_links(connection: Connection, limit: int, after: LinkId | None) -> Sequence[Link]:
    """As :meth:`cloudsvc.identity.link_store.LinkStore.list_links`."""
    return [*map(read_link, _LIST.rows(connection, after=after or "", limit=limit))]


def replace_link(connection: Connection, wanted: Link) -> Link:
    """As :meth:`cloudsvc.identity.link_store.LinkStore.replace_link`."""
    kept = _find(connection, wanted.id)
    if kept.revision != wanted.revision:
        raise changed_meanwhile()
    return _replace(connection, kept, wanted)


def revoke_link(connection: Connection, link_id: LinkId, moment: Instant) -> bool:
    """As :meth:`cloudsvc.identity.link_store.LinkStore.revoke_link`."""
    kept = _find(connection, link_id)
    if kept.revoked_at is not None:
        return False
    _replace(connection, kept, evolve(kept, revoked_at=moment))
    return True


def count_use(connection: Connection, link_id: LinkId, mark: bytes, moment: Instant, *, begins: bool) -> bool:
    """As :meth:`cloudsvc.identity.link_store.LinkStore.count_use`."""
    since = moment - bounds.PART_SECONDS * 1_000_000
    row = _FIND.row(connection, id=link_id)
    if row is None:
        return False
    if not begins:
        belongs = _CONTINUE.run(connection, link=link_id, shown=mark, since=since, most=bounds.MAX_PARTS).rowcount
        if belongs:
            return True
    if read_link(row).is_used_up:
        return False
    _USE.run(connection, link=link_id, count=1, moment=moment)
    _FORGET_PARTS.run(connection, link=link_id, shown=mark, since=since)
    _BEGIN.run(connection, link_id=link_id, mark=mark, begun_at=moment, parts=0)
    return True


def note_uses(connection: Connection, uses: Mapping[LinkId, LinkUse]) -> None:
    """As :meth:`cloudsvc.identity.link_store.LinkStore.note_link_uses`."""
    if uses:
        rows = [{"link": each, "count": use.count, "moment": use.last} for each, use in uses.items()]
        _NOTE_USES.run_for_each(connection, rows)


def remove_ended_links(connection: Connection, before: Instant, limit: int) -> int:
    """As :meth:`cloudsvc.identity.link_store.LinkStore.remove_ended_links`."""
    _DELETE_ENDED_PARTS.run(connection, before=before, limit=limit)
    count = _DELETE_ENDED.run(connection, before=before, limit=limit).rowcount
    if count:
        count_on(connection)
    return count


def count_of_keys(connection: Connection, key_id: KeyId) -> int:
    """How many links are not revoked yet that were made by a key, by those that were made by it, and so on."""
    return int(_COUNT_OF_KEYS.value(connection, made_by=key_id))


def revoke_of_keys(connection: Connection, key_id: KeyId, moment: Instant, revision: Revision) -> None:
    """Revoke these, in the change of this revision."""
    _REVOKE_OF_KEYS.run(connection, made_by=key_id, moment=moment, new_revision=revision)


def read_link(row: tuple[Any, ...]) -> Link:
    """A link, from its columns in the order of :data:`COLUMNS`."""
    link_id, role, target, label, holder, maker, made_by, password, *numbers = row
    most_uses, uses, last_used, created_at, expires_at, revoked_at, made, revision = numbers
    return Link(
        id=LinkId(link_id),
        role=Role(role),
        target=target,
        label=label,
        holder=None if holder is None else UserId(holder),
        maker=maker,
        made_by=None if made_by is None else KeyId(made_by),
        password=None if password is None else Secret(password),
        most_uses=most_uses,
        uses=uses,
        last_used=last_used,
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
        made=Revision(made),
        revision=Revision(revision),
    )


def _write(wanted: Link) -> dict[str, Any]:
    """The columns of a link that may be replaced."""
    return {
        "label": wanted.label,
        "password": None if wanted.password is None else wanted.password.reveal(),
        "most_uses": wanted.most_uses,
        "expires_at": wanted.expires_at,
        "revoked_at": wanted.revoked_at,
        "ended_at": wanted.ended_at,
    }


def _check_place(connection: Connection, added: Link) -> None:
    """See that there may be one more link like ``added``."""
    if added.made_by is not None:
        row = _FIND_KEY.row(connection, id=added.made_by)
        if row is None or not (row[0] is None or added.created_at < row[0]):
            raise key_ended()
    if added.holder is not None and _FIND_USER.row(connection, id=added.holder) is None:
        raise user_not_found()
    if _COUNT_MADE.value(connection, maker=added.maker) >= bounds.MAX_MAKER_LINKS:
        raise too_many("links of one's own", bounds.MAX_MAKER_LINKS)
    if _COUNT.value(connection) >= bounds.MAX_LINKS:
        raise too_many("links", bounds.MAX_LINKS)


def _find(connection: Connection, link_id: LinkId) -> Link:
    row = _FIND.row(connection, id=link_id)
    if row is None:
        raise link_not_found()
    return read_link(row)


def _replace(connection: Connection, kept: Link, wanted: Link) -> Link:
    replaced = evolve(
        kept,
        label=wanted.label,
        password=wanted.password,
        most_uses=wanted.most_uses,
        expires_at=wanted.expires_at,
        revoked_at=wanted.revoked_at,
        revision=count_on(connection),
    )
    columns = {**_write(replaced), "revision": replaced.revision}
    _UPDATE.run(connection, link=kept.id, **{f"new_{each}": value for each, value in columns.items()})
    return replaced
