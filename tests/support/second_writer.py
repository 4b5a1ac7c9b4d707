"""Another program that stores files: ``python -m tests.support.second_writer DIRECTORY FOLDER COUNT``."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from tests.support.catalogues import Trial, Watch, open_sqlite


async def store_all(directory: str, folder: str, count: str) -> None:
    """Store so many files, one after the other, of which two each have the same content."""
    watch = Watch()
    async with open_sqlite(Path(directory), watch) as catalogue:
        trial = Trial(catalogue, watch)
        for number in range(int(count)):
            await trial.store(f"{folder}/{number}", b"%d" % (number // 2))
            print(number, flush=True)  # noqa: T201  # whoever started it waits for that


if __name__ == "__main__":
    react(lambda _: Deferred.fromCoroutine(store_all(*sys.argv[1:])))
