"""A PostgreSQL server for the tests of a session, and databases in it, each made of one that is migrated."""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from attrs import define, field

from cloudsvc.core.secrets import Secret
from cloudsvc.storage.audit.postgresql import migrate as migrate_audit
from cloudsvc.storage.audit.schema import metadata as audit
from cloudsvc.storage.catalogue.postgresql.migration import migrate
from cloudsvc.storage.catalogue.schema import metadata
from cloudsvc.storage.identity.postgresql import migrate as migrate_accounts
from cloudsvc.storage.identity.schema import metadata as accounts
from tests.support.external_servers import find_free_port

_DEADLINE: Final = 100.0
"""Seconds until the server must accept connections, or be gone: far more than it takes on a busy machine."""

_DEBIAN: Final = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of each version, not on the path."""

_USER: Final = "postgres"
"""Who runs the server where the tests run as root, whom it refuses."""

_TEMPLATE: Final = "template_of_tests"

_KEPT: Final = 12
"""Databases, of eight megabytes each, that are there at once: more than a test ever uses."""

_EMPTY: Final = f"""
    TRUNCATE {", ".join(table.name for table in metadata.sorted_tables)} RESTART IDENTITY;
    INSERT INTO node (id, key, name, folded, kind, created_at, updated_at)
    SELECT number, '', '', '', 0, 0, 0 FROM generate_series(1, 3) AS number;
    SELECT setval('node_id_seq', 3);
    INSERT INTO state (id, epoch, stored_bytes, forgotten)
    VALUES (1, lpad(to_hex((random() * 2000000000)::int), 8, '0'), 0, 0);
    TRUNCATE {", ".join(table.name for table in accounts.sorted_tables)};
    INSERT INTO identity_state (id, revision, void_until, seal)
        VALUES (1, 0, 0, sha256(gen_random_uuid()::text::bytea));
    TRUNCATE {", ".join(table.name for table in audit.sorted_tables)};
    INSERT INTO audit_state (id, base_number, base_digest, head_number, head_digest)
    VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'))
"""  # noqa: S608  # constants
"""Makes a database as good as new. To drop one takes a flush of all that the server has ever written."""

GUARDED: Final = "guarded"
"""A user who has to give a password."""

PASSWORD: Final = "pass word/of:the@guarded"


def find_programs() -> Path:
    """The folder with the programs of PostgreSQL 15 or newer; skips the test where there is none."""
    found = [each for each in _DEBIAN.glob("*/bin") if int(each.parent.name) >= 15 and (each / "initdb").exists()]
    if found:
        return max(found, key=lambda each: int(each.parent.name))
    on_path = shutil.which("initdb")
    if on_path is None:
        pytest.skip("PostgreSQL is not installed (Debian's package postgresql-15)")
    return Path(on_path).parent


def as_user(command: Sequence[str]) -> list[str]:
    """``command`` as somebody whom the server lets run it."""
    if os.geteuid() != 0:
        return [*command]
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", "--pdeathsig=QUIT", *command]


@define(eq=False)
class Cluster:
    """
    A server with databases.

    It flushes what it commits, as in production: what it costs is part of what tests wait for.
    """

    directory: Path
    port: int = field(factory=find_free_port)
    options: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = None

    @classmethod
    def make(cls) -> Cluster:
        """One that does not run yet."""
        find_programs()
        cluster = cls(Path(tempfile.mkdtemp(prefix="postgresql-")))
        cluster.give(cluster.directory)
        cluster.directory.chmod(0o700)
        cluster.initialise()
        return cluster

    def initialise(self) -> None:
        """Write what a server starts with to where it keeps everything, which is empty or not there."""
        command = [
            *(str(find_programs() / "initdb"), "--pgdata", str(self.data), "--username", _USER),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust"),
        ]
        subprocess.run(as_user(command), check=True, capture_output=True, cwd=self.directory)
        rules = self.data / "pg_hba.conf"
        rules.write_text(f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")

    def give(self, file: Path) -> None:
        """Let the server alone read a file."""
        file.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(file, pwd.getpwnam(_USER).pw_uid, -1)

    @property
    def data(self) -> Path:
        """Where the server keeps everything."""
        return self.directory / "data"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server, which runs."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Return when the server accepts connections."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.directory,
            "max_connections": 200,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = (self.directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                as_user([str(find_programs() / "postgres"), "-D", str(self.data), *options, *self.options]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
            )
        deadline = time.monotonic() + _DEADLINE
        while True:
            assert self._process.poll() is None, self.read_log()
            try:
                self.ask("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "the database server does not answer"
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End the server, if it runs; by default as if its power had failed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(_DEADLINE)
            self._process = None

    def restart_if_ended(self) -> None:
        """Start it again if it has ended by itself."""
        if self.process.poll() is not None:
            self.stop()
            self.start()

    def read_log(self) -> str:
        """What the server has printed."""
        return (self.directory / "log").read_text()

    def remove(self) -> None:
        """End it, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.directory)

    def ask(self, text: str, database: str = _USER) -> list[tuple[Any, ...]]:
        """What the server says to a statement, of its superuser."""
        with psycopg.connect(self.make_url(database).reveal(), autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def make_url(self, database: str, user: str = _USER, password: str = "") -> Secret:
        """The URL of a database."""
        secret = f":{password}" if password else ""
        return Secret(f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}")

    def make_database(self, template: str | None = None) -> str:
        """A new database, empty, or like another one; its name."""
        name = f"test_{secrets.token_hex(6)}"
        self.ask(f"CREATE DATABASE {name}{f' TEMPLATE {template}' if template else ''}")
        return name


@cache
def find_cluster() -> Cluster:
    """The server of this session, which runs until it ends."""
    cluster = Cluster.make()
    atexit.register(cluster.remove)
    cluster.start()
    cluster.ask(f"CREATE USER {GUARDED} PASSWORD '{PASSWORD}'")
    cluster.ask(f"CREATE DATABASE {_TEMPLATE}")
    migrate(cluster.make_url(_TEMPLATE))
    migrate_accounts(cluster.make_url(_TEMPLATE))
    migrate_audit(cluster.make_url(_TEMPLATE))
    return cluster


_databases: dict[Path, str] = {}
"""Databases, by the directories where other engines would keep theirs, the oldest first."""


def find_database(directory: Path) -> Secret:
    """The URL of the database that stands for a directory, made and migrated when it is first asked for."""
    cluster = find_cluster()
    if directory not in _databases:
        if len(_databases) < _KEPT:
            _databases[directory] = cluster.make_database(_TEMPLATE)
        else:
            _databases[directory] = _databases.pop(next(iter(_databases)))
            cluster.ask(_EMPTY, _databases[directory])
    return cluster.make_url(_databases[directory])
