"""Histories of migrations: how tables have come to be what they are, run by Alembic on either engine."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

_alembic: Final = Lock()
"""Held while Alembic works, which keeps what it works on in variables of its modules, for all threads together."""


class NewerSchema(Exception):  # noqa: N818  # a state of affairs that callers put into words
    """A newer program has written these tables."""


@frozen(kw_only=True)
class History:
    """
    The migrations of some tables. Several may have theirs in one database.

    :ivar scripts: Alembic's directory, with ``env.py`` and ``versions/``.
    :ivar head: the newest migration, so that one need not look where nothing is to be done.
    :ivar version_table: where a database says to which one it has come. ``env.py`` finds its name in the attribute
        ``version_table`` of the configuration, and what to work on in ``connection``.
    """

    scripts: Path
    head: str
    version_table: str = "alembic_version"

    def list_revisions(self) -> frozenset[str]:
        """All that this program knows. Whatever else a database has come to, a newer one has brought it there."""
        from alembic.script import ScriptDirectory  # noqa: PLC0415  # as below

        scripts = ScriptDirectory.from_config(self.make_config())
        return frozenset(script.revision for script in scripts.walk_revisions())

    def upgrade(self, connection: Connection, revision: str) -> None:
        """Bring tables from where they are to ``revision``, in the transaction of ``connection``. Blocks."""
        from alembic import command  # noqa: PLC0415  # as below

        config = self.make_config()
        config.attributes["connection"] = connection
        with _alembic:
            command.upgrade(config, revision)

    def stamp(self, connection: Connection) -> None:
        """Say that tables are what the newest migration makes of them, likewise. Blocks."""
        from alembic import command  # noqa: PLC0415  # as below

        config = self.make_config()
        config.attributes["connection"] = connection
        with _alembic:
            command.stamp(config, "head")

    def make_config(self) -> Config:
        """What Alembic needs to know, without a file."""
        from alembic.config import Config  # noqa: PLC0415  # most starts need not wait for its import

        config = Config(attributes={"version_table": self.version_table})
        config.set_main_option("script_location", str(self.scripts))
        config.set_main_option("path_separator", "os")
        return config
