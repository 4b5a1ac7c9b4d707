"""Two PostgreSQL servers: a primary, and a standby without which nothing is acknowledged."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psycopg
from attrs import define

from tests.support.chaos.small_disks import mount_image
from tests.support.postgresql import Cluster, as_user, find_programs
from tests.support.server import wait_until

USER: Final = "cloudsvc"
DATABASE: Final = "cloudsvc"

_CAUGHT_UP: Final = """
    SELECT count(*) FROM pg_stat_replication
    WHERE state = 'streaming' AND sync_state = 'sync' AND flush_lsn >= '{}'
"""

_KEEPING: Final = ("-c", "wal_keep_size=1GB")
"""What a standby lacks that could not follow for a while is still there."""


@define(eq=False)
class Pair:
    """
    The servers. Which of them is the primary changes.

    :ivar servers: in the order of the URL.
    """

    servers: list[Cluster]
    primary: Cluster

    @property
    def standby(self) -> Cluster:
        """The other one."""
        [other] = [each for each in self.servers if each is not self.primary]
        return other

    def crash(self) -> None:
        """End the primary, as if its power had failed (``pg_ctl stop -m immediate``)."""
        self.primary.stop(signal.SIGQUIT)

    def restart(self) -> None:
        """Start the primary again, and return once the standby has all that it has."""
        self.primary.start()
        self.wait_for_standby()

    def promote(self) -> None:
        """
        Make the standby the primary, whose former one has ended.

        It acknowledges alone until :meth:`rebuild`. Before the end of the former one the standby must have had all that
        anybody could see there: :meth:`wait_for_standby`.
        """
        self.primary = self.standby
        self.primary.ask("SELECT pg_promote(true, 100)")
        self._require_standby("")

    def mend(self) -> None:
        """Start whichever has ended again, as often as it does, and return once both work."""

        def is_mended() -> bool:
            for server in self.servers:
                server.restart_if_ended()
            return is_primary(self.primary)

        wait_until(is_mended, lambda: f"the primary does not come back: {self.primary.read_log()[-3000:]}")
        self.wait_for_standby()

    def write_log(self) -> None:
        """
        Let the primary write a megabyte of its log, with which nobody's data have to do. It waits for no standby.

        :raises psycopg.OperationalError: it cannot.
        """
        self.primary.ask("SELECT pg_logical_emit_message(false, 'chaos', repeat('x', 1000000))")

    def rebuild(self) -> None:
        """Make what was the primary the standby, from a copy of the one that is now."""
        standby = self.standby
        # The directory itself may be a disk.
        for file in standby.data.iterdir():
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        self._copy(standby)
        standby.start()
        self._require_standby("*")
        self.wait_for_standby()

    def wait_for_standby(self) -> None:
        """Return once the standby has what the primary has now, and must have what comes."""
        [(now,)] = self.primary.ask("SELECT pg_current_wal_lsn()")
        asked = _CAUGHT_UP.format(now)
        wait_until(lambda: self.primary.ask(asked) == [(1,)], lambda: "the standby does not follow")

    def begin(self) -> None:
        """Start both for the first time."""
        self.primary.start()
        self.primary.ask(f"CREATE USER {USER}")
        self.primary.ask(f"CREATE DATABASE {DATABASE} OWNER {USER} ENCODING 'UTF8' TEMPLATE template0")
        self.primary.ask("CREATE EXTENSION pg_trgm", DATABASE)
        self._copy(self.standby)
        self.standby.start()
        self._require_standby("*")
        self.wait_for_standby()

    def count_locks(self) -> int:
        """Locks of sessions that somebody holds, whatever they are for."""
        [(found,)] = self.primary.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        return int(found)

    def _require_standby(self, names: str) -> None:
        self.primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.primary.ask("SELECT pg_reload_conf()")
        # A session that is opened later has it for sure; those that wait are told.
        wait_until(
            lambda: self.primary.ask("SHOW synchronous_standby_names") == [(names,)], lambda: "it was not loaded"
        )

    def _copy(self, standby: Cluster) -> None:
        source = self.primary
        command = [
            *(str(find_programs() / "pg_basebackup"), "--pgdata", str(standby.data), "--write-recovery-conf"),
            *("--host=127.0.0.1", f"--port={source.port}", "--username=postgres", "--checkpoint=fast"),
        ]
        subprocess.run(as_user(command), check=True, capture_output=True, cwd=standby.directory, timeout=200)


@contextmanager
def run_pair(*, small_disks: bool = False) -> Iterator[Pair]:
    """
    A primary and a synchronous standby, gone at the end.

    :param small_disks: whether each is to have a disk of its own.
    """
    with ExitStack() as parts:
        servers = []
        for _ in range(2):
            server = Cluster(Path(tempfile.mkdtemp(prefix="postgresql-")), options=_KEEPING)
            parts.callback(server.remove)
            server.data.mkdir()
            if small_disks:
                parts.enter_context(mount_image(server.data, server.directory / "disk"))
            parts.callback(server.stop)
            for directory in (server.directory, server.data):
                server.give(directory)
                directory.chmod(0o700)
            servers.append(server)
        servers[0].initialise()
        pair = Pair(servers, servers[0])
        pair.begin()
        yield pair


def is_primary(server: Cluster) -> bool:
    """Whether a server takes writes."""
    try:
        return server.ask("SELECT pg_is_in_recovery()") == [(False,)]
    except psycopg.OperationalError:
        return False
