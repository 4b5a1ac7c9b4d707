"""A real PgBouncer between the program and its database: refused where it shares connections, and fine where not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.storage.catalogue.postgresql.migration import migrate
from tests.storage.postgresql.test_listening import Woken
from tests.support.catalogues import Trial, Watch, open_postgres
from tests.support.external_servers import ToolServer, start_and_stop
from tests.support.postgresql import Cluster, as_user, find_cluster
from tests.support.reactors import in_reactor
from tests.support.required_tools import require_tool


@contextmanager
def run_pgbouncer(cluster: Cluster, mode: str) -> Iterator[ToolServer]:
    """A PgBouncer to all databases of a cluster, by whose user it is run."""
    program = require_tool("pgbouncer", "pgbouncer")
    settings = cluster.directory / f"pgbouncer-{mode}.ini"

    def command(port: int) -> list[str]:
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={cluster.port} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = {mode}\n"
        )
        cluster.give(settings)
        return as_user([program, str(settings)])

    with start_and_stop(ToolServer("postgresql", command)) as server:
        yield server


def make_url(cluster: Cluster, pooler: ToolServer) -> tuple[Secret, str]:
    name = cluster.make_database()
    return Secret(f"postgresql://postgres@127.0.0.1:{pooler.port}/{name}"), name


def test_a_pooler_of_transactions_is_refused_and_nothing_is_touched() -> None:
    cluster = find_cluster()
    with run_pgbouncer(cluster, "transaction") as pooler:
        url, name = make_url(cluster, pooler)
        with pytest.raises(OperatorError) as caught:
            migrate(url)
        [line] = caught.value.lines
        assert "pool_mode=session" in line
        tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert cluster.ask(tables, name) == [(0,)]


@in_reactor
async def test_a_pooler_of_sessions_is_as_good_as_none(tmp_path: Path) -> None:
    cluster, watch = find_cluster(), Watch()
    with run_pgbouncer(cluster, "session") as pooler:
        url, _ = make_url(cluster, pooler)
        migrate(url)
        async with open_postgres(tmp_path, watch, url) as one, open_postgres(tmp_path, watch, url) as other:
            woken = Woken()
            one.on_change(woken)
            waiting = woken.wait()
            await Trial(other, watch).store("a")
            await waiting
            assert await Trial(one, watch).files() == ["a"]
