"""Leadership by a lock of the database: one at a time, and nothing is left of who has gone."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from cloudsvc.core.errors import CloudError
from cloudsvc.core.secrets import Secret
from cloudsvc.storage.database.postgresql.leadership import DatabaseLeadership
from tests.support.coroutines import finish
from tests.support.inline_threads import Inline
from tests.support.postgresql import Cluster, find_cluster, find_database

pytestmark = pytest.mark.slow

_CUT = """
    SELECT pg_terminate_backend(pid, 100000) FROM pg_locks WHERE locktype = 'advisory' AND objid = 3 AND granted
"""


def candidate(url: Secret) -> DatabaseLeadership:
    return DatabaseLeadership.of(url, Inline(), Clock())


def test_one_at_a_time_until_it_resigns(tmp_path: Path) -> None:
    url = find_database(tmp_path)
    first, second = candidate(url), candidate(url)
    assert finish(first.campaign())
    assert finish(first.campaign()), "it goes on with it"
    assert not finish(second.campaign())
    finish(first.resign())
    finish(first.resign())
    assert finish(second.campaign())
    finish(second.resign())


def test_whose_connection_is_cut_leads_no_more(tmp_path: Path) -> None:
    url = find_database(tmp_path)
    first, second = candidate(url), candidate(url)
    assert finish(first.campaign())
    assert not finish(second.campaign())
    assert find_cluster().ask(_CUT) == [(True,)]
    assert finish(second.campaign())
    with pytest.raises(CloudError):
        finish(first.campaign())
    assert not finish(first.campaign()), "it has a connection again, and somebody else leads"
    finish(second.resign())
    assert finish(first.campaign())
    finish(first.resign())


def test_drives_in_other_databases_have_leaders_of_their_own(tmp_path: Path) -> None:
    first, second = candidate(find_database(tmp_path / "a")), candidate(find_database(tmp_path / "b"))
    assert finish(first.campaign())
    assert finish(second.campaign())
    finish(first.resign())
    finish(second.resign())


def test_without_a_server_nobody_leads() -> None:
    cluster = Cluster.make()
    try:
        cluster.start()
        one = candidate(cluster.make_url(cluster.make_database()))
        assert finish(one.campaign())
        cluster.stop(signal.SIGQUIT)
        for _ in range(2):
            with pytest.raises(CloudError):
                finish(one.campaign())
        finish(one.resign())
    finally:
        cluster.remove()
