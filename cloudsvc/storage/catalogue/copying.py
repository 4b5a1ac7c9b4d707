"""Copies of folders: a few statements for each folder, however many files are in it."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from sqlalchemy import Table, bindparam, cast, func, insert, literal_column, select, update
from sqlalchemy.sql import FromClause

from cloudsvc.drive.bounds import MAX_MADE
from cloudsvc.storage.catalogue import payers
from cloudsvc.storage.catalogue.accounts import charge
from cloudsvc.storage.catalogue.nodes import MODIFIED_AT
from cloudsvc.storage.catalogue.schema import ROOT, blob, node, tag, version
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.database.columns import NUMBER
from cloudsvc.storage.database.statements import Statement, compile_statement

_original: Final = node.alias("original")
_copy: Final = node.alias("copy")
_pairs: Final = _original.join(_copy, (_copy.c.parent == bindparam("made")) & (_copy.c.key == _original.c.key))
_IN_ORIGINAL: Final = _original.c.parent == bindparam("folder")


def _compile_copy(table: Table, source: Any, rows: FromClause, given: dict[str, Any]) -> Statement:
    """Insert ``rows`` as they are in ``source``, but for the columns in ``given``; ``None`` leaves one empty."""
    values = {column.name: given.get(column.name, source.c[column.name]) for column in table.columns}
    values = {name: value for name, value in values.items() if value is not None}
    chosen = select(*values.values()).select_from(rows).where(_IN_ORIGINAL)
    return compile_statement(insert(table).from_select([*values], chosen))


_COUNT: Final = compile_statement(
    select(func.count()).select_from(
        select(node.c.id).where(node.c.parent == bindparam("folder")).limit(bindparam("most")).subquery()
    )
)
_COPY_NODES: Final = _compile_copy(
    node,
    _original,
    _original,
    {
        "id": None,
        "parent": bindparam("made"),
        "version": None,
        "created_at": bindparam("now"),
        "updated_at": bindparam("now"),
    },
)
_COPY_VERSIONS: Final = _compile_copy(
    version,
    version,
    _pairs.join(version, version.c.id == _original.c.version),
    {
        "id": None,
        "node": _copy.c.id,
        "created_at": bindparam("now"),
        "superseded_at": None,
        "account": bindparam("owner"),
        # It may be empty, of which a database cannot tell the type.
        "payer": cast(bindparam("payer"), NUMBER),
        # Where nobody said it, it is the moment at which the original was stored, and stays that.
        "modified_at": MODIFIED_AT,
    },
)
_MEASURE: Final = compile_statement(
    select(func.coalesce(func.sum(node.c.size), 0)).where(node.c.parent == bindparam("made"))
)
_SET_VERSIONS: Final = compile_statement(
    update(node)
    .where(node.c.parent == bindparam("made"), node.c.kind == literal_column("1"))
    .values(version=select(version.c.id).where(version.c.node == node.c.id).scalar_subquery())
)
_used: Final = (
    select(version.c.blob, func.count().label("refs"))
    .select_from(_original.join(version, version.c.id == _original.c.version))
    .where(_IN_ORIGINAL)
    .group_by(version.c.blob)
    .subquery("used")
)
_COUNT_REFS: Final = compile_statement(
    update(blob).where(blob.c.id == _used.c.blob).values(refs=blob.c.refs + _used.c.refs)
)
_COPY_TAGS: Final = _compile_copy(tag, tag, _pairs.join(tag, tag.c.node == _original.c.id), {"node": _copy.c.id})
_FOLDERS: Final = compile_statement(
    select(_original.c.id, _copy.c.id).select_from(_pairs).where(_IN_ORIGINAL, _original.c.kind == literal_column("0"))
)


def copy_contents(context: Context, folder: int, made: int, owner: int) -> None:
    """
    Make copies of all that is in ``folder``, at whatever depth, in ``made``, which is empty and counts to ``owner``.

    :raises CloudError: that is more than one step can make.
    """
    connection, payer = context.connection, context.actor.payer
    number = payers.charge(connection, payer, 0)
    waiting = deque([(folder, made)])
    while waiting:
        folder, made = waiting.popleft()
        context.made.add(_COUNT.value(connection, folder=folder, most=MAX_MADE + 1))
        _COPY_NODES.run(connection, folder=folder, made=made, now=context.now)
        _COPY_VERSIONS.run(connection, folder=folder, made=made, now=context.now, owner=owner, payer=number)
        if owner != ROOT or payer is not None:
            size = _MEASURE.value(connection, made=made)
            charge(connection, owner, size)
            payers.charge(connection, payer, size)
        _SET_VERSIONS.run(connection, made=made)
        _COUNT_REFS.run(connection, folder=folder)
        _COPY_TAGS.run(connection, folder=folder, made=made)
        waiting.extend(_FOLDERS.run(connection, folder=folder, made=made).fetchall())
