"""Another program that stores files: ``python -m tests.support.second_writer PLACE FOLDER COUNT``."""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import gettempdir

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from cloudsvc.core.secrets import Secret
from cloudsvc.drive.catalogue import Catalogue
from tests.support.catalogues import Trial, Watch, open_postgres, open_sqlite


def open_place(place: str, watch: Watch) -> AbstractAsyncContextManager[Catalogue]:
    """The catalogue at the URL of a database, or in a directory."""
    if place.startswith("postgresql:"):
        return open_postgres(Path(gettempdir()), watch, Secret(place))
    return open_sqlite(Path(place), watch)


async def store_all(place: str, folder: str, count: str) -> None:
    """Store so many files, one after the other, of which two each have the same content."""
    watch = Watch()
    async with open_place(place, watch) as catalogue:
        trial = Trial(catalogue, watch)
        for number in range(int(count)):
            await trial.store(f"{folder}/{number}", b"%d" % (number // 2))
            print(number, flush=True)  # noqa: T201  # whoever started it waits for that


if __name__ == "__main__":
    react(lambda _: Deferred.fromCoroutine(store_all(*sys.argv[1:])))
