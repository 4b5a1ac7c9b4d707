"""Migrations of several databases at a time, of which Alembic knows one."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

from cloudsvc.storage.database.migration import History
from cloudsvc.storage.database.sqlite.migration import find_revision, migrate
from cloudsvc.storage.identity.migration import HEAD, HISTORY

ENVIRONMENT = """
from alembic import context

attributes = context.config.attributes
context.configure(connection=attributes["connection"], version_table=attributes["version_table"])
with context.begin_transaction():
    context.run_migrations()
"""
SLOW = """
from alembic import op

from tests.storage.database.test_migration import BEGUN, GO_ON

revision, down_revision = "0001", None


def upgrade() -> None:
    BEGUN.set()
    assert GO_ON.wait(60)
    op.execute("CREATE TABLE slow (id INTEGER)")
"""
BEGUN, GO_ON = Event(), Event()


def test_one_that_takes_long_is_in_the_way_of_no_other(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text(ENVIRONMENT)
    (scripts / "versions" / "0001.py").write_text(SLOW)
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    history = History(scripts=scripts, head="0001", version_table="slow_version")
    first = Thread(target=migrate, args=(slow, history))
    second = Thread(target=migrate, args=(quick, HISTORY))
    first.start()
    assert BEGUN.wait(60)
    second.start()
    # It either comes to its end now, or waits for the first one.
    second.join(1)
    GO_ON.set()
    first.join()
    second.join()
    assert (find_revision(slow, history), find_revision(quick, HISTORY)) == ("0001", HEAD)
