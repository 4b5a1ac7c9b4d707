"""Promotion of a synchronous standby, as whoever uses the catalogue sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.logger import capturedLogs

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.storage.catalogue.postgresql.migration import migrate
from tests.storage.postgresql.test_meters import Counted
from tests.support.catalogues import Trial, Watch, open_postgres
from tests.support.chaos.databases import DATABASE, USER, run_pair
from tests.support.reactors import in_reactor, run_threads
from tests.support.server import wait_until


@in_reactor
async def test_after_a_promotion_everything_goes_on_and_nothing_is_missing(tmp_path: Path) -> None:
    counted = Counted()
    with run_pair() as pair:
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in pair.servers)
        url = Secret(f"postgresql://{USER}@{hosts}/{DATABASE}")
        migrate(url)
        async with open_postgres(tmp_path, Watch(), url, counted.meter) as catalogue:
            trial = Trial(catalogue, Watch())
            await trial.store("a")
            pair.wait_for_standby()
            pair.crash()
            with capturedLogs():
                # The standby would answer, and takes no writes: nothing is read from it either.
                for asked in (trial.find("a"), trial.store("b")):
                    with pytest.raises(CloudError) as caught:
                        await asked
                    assert (caught.value.kind, caught.value.code) == (Kind.UNAVAILABLE, "storage_failed")
                    assert caught.value.retry_after
                pair.promote()
                assert await trial.find("a") is not None
                await trial.store("b")
                assert sorted(await trial.files()) == ["a", "b"]
                assert [change.number for change in await trial.changes()] == [1, 2]
                with run_threads(1) as threads:
                    await threads.run(wait_until, lambda: counted.connections("listening") == 1, lambda: "nobody hears")
