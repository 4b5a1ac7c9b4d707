"""Identity of the installation to which a catalogue belongs, with the blobs to which it refers."""

from __future__ import annotations

from typing import Final

from attrs import frozen
from sqlalchemy import bindparam, exists, select, update

from cloudsvc.storage.catalogue.schema import blob, state
from cloudsvc.storage.database.statements import Connection, compile_statement

_FIND: Final = compile_statement(select(state.c.installation, exists(select(blob.c.id))))
_CLAIM: Final = compile_statement(
    update(state).values(installation=bindparam("installation")).where(state.c.installation == "")
)


@frozen(kw_only=True)
class Identity:
    """
    Whose catalogue it is.

    :ivar installation: its id; empty where nobody has claimed it yet.
    :ivar knows_blobs: whether it refers to any.
    """

    installation: str
    knows_blobs: bool


def find_identity(connection: Connection) -> Identity:
    """What the catalogue says of itself."""
    installation, knows_blobs = _FIND.row(connection) or ("", False)
    return Identity(installation=installation, knows_blobs=bool(knows_blobs))


def claim(connection: Connection, installation: str) -> Identity:
    """Let the catalogue belong to ``installation``, unless it belongs to one already; what it says then."""
    _CLAIM.run(connection, installation=installation)
    return find_identity(connection)
