"""
A process that moves a drive from one directory to another, and is killed at a chosen point of it.

``python -m tests.support.migration_victim SOURCE TARGET POINT MOMENT NUMBER``: at the NUMBER-th call of POINT,
``before`` it or ``after`` it.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from cloudsvc.administration.migration_journal import Journal
from cloudsvc.administration.moving_house import Residence, migrate_drive
from cloudsvc.cli.drive.sessions import run
from cloudsvc.storage.catalogue import SQLiteCatalogue
from cloudsvc.storage.engines import LOCAL
from cloudsvc.storage.local_replacement import LocalReplacement
from tests.support.opened_drives import GENEROUS

POINTS: Final[Mapping[str, tuple[type, str]]] = {
    "note": (Journal, "note"),
    "freeze": (SQLiteCatalogue, "freeze"),
    "intend": (Journal, "note_installation"),
    "install": (LocalReplacement, "install"),
    "leave": (SQLiteCatalogue, "leave"),
    "remove": (Journal, "remove"),
}


def live_there(directory: Path) -> Residence:
    """A drive in a directory."""
    return Residence(directory=directory, engines=LOCAL, limits=GENEROUS)


def plan_death(point: str, moment: str, number: int) -> None:
    """Be killed before or after that call."""
    owner, name = POINTS[point]
    called: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def die(when: str) -> None:
        if calls == number and moment == when:
            os.kill(os.getpid(), signal.SIGKILL)

    def count() -> None:
        nonlocal calls
        calls += 1
        die("before")

    def call(*arguments: Any) -> Any:
        count()
        result = called(*arguments)
        die("after")
        return result

    async def call_and_wait(*arguments: Any) -> Any:
        count()
        result = await called(*arguments)
        die("after")
        return result

    setattr(owner, name, call_and_wait if inspect.iscoroutinefunction(called) else call)


def main() -> None:
    """As the command line says."""
    source, target, point, moment, number = sys.argv[1:]
    plan_death(point, moment, int(number))
    run(
        lambda resources, progress: migrate_drive(
            live_there(Path(source)), live_there(Path(target)), resources, progress
        )
    )


if __name__ == "__main__":
    main()
