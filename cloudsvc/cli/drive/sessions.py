"""Command sessions: the one place where a command opens the drive and runs the reactor."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import react
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    globalLogBeginner,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from cloudsvc.administration.progress import Progress
from cloudsvc.cli.drive.advice import advise
from cloudsvc.cli.drive.meter import show_progress
from cloudsvc.cli.homes import load_home
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.reactors import IReactor
from cloudsvc.drive.limits import Limits
from cloudsvc.settings.home import Home
from cloudsvc.storage.opened import OpenedDrive

if TYPE_CHECKING:
    from cloudsvc.storage.account_copies import Accounts
    from cloudsvc.storage.engines import Engines
    from cloudsvc.storage.resources import Resources

# What needs the database is imported late: `cloudsvc --help` and `cloudsvc health` do without.

T = TypeVar("T")

_SECTION: Final = "storage_config"


def administer(home: Home, work: Callable[[OpenedDrive, Progress], Coroutine[Any, Any, T]]) -> T:
    """
    What ``work`` returns, done with the drive of ``home``. A server may go on working with it.

    :raises OperatorError: there is no drive, or someone has it for themselves.
    """
    from cloudsvc.storage.opening import open_drive  # noqa: PLC0415  # see above

    limits, engines = find_drive(home)

    async def go(resources: Resources, progress: Progress) -> T:
        async with open_drive(find_directory(home), limits, resources, engines) as opened:
            return await work(opened, progress)

    return run(go)


def find_directory(home: Home) -> pathlib.Path:
    """Where the drive of ``home`` lies."""
    return home.data / "drive"


def find_accounts(home: Home, engines: Engines, resources: Resources) -> Accounts:
    """The users, groups and keys of ``home``."""
    from cloudsvc.storage.account_copies import Accounts  # noqa: PLC0415  # see above
    from cloudsvc.storage.work_directories import WORK_NAME  # noqa: PLC0415  # see above

    return Accounts(data=home.data, work=find_directory(home) / WORK_NAME, engines=engines, resources=resources)


def find_drive(home: Home, *, environ: Mapping[str, str] = os.environ) -> tuple[Limits, Engines]:
    """
    What the configuration of ``home`` allows, and what keeps its drive.

    :param environ: variables that win over those in its ``.env``: by default those of this process.
    :raises OperatorError: it is faulty, or there is no drive in it.
    """
    from cloudsvc.server.engines import make_engines  # noqa: PLC0415  # see above

    loaded = load_home(home, environ)
    section: Any = loaded.sections.get(_SECTION)
    if section is None:
        raise OperatorError([f"{home.config_file} has no drive; add it to config.applications"])
    return section.limits, make_engines(loaded.settings, home)


def run(work: Callable[[Resources, Progress], Coroutine[Any, Any, T]]) -> T:
    """
    What ``work`` returns, done in the reactor. Ctrl-C and SIGTERM cancel it, and wait until it has ended.

    :raises click.Abort: it was cancelled.
    :raises OperatorError: it cannot be done; with the option that would help, if there is one.
    """
    from cloudsvc.storage.resources import open_resources  # noqa: PLC0415  # see above

    warnings = FilteringLogObserver(_Console(), [LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)])
    globalLogBeginner.beginLoggingTo([warnings], discardBuffer=True, redirectStandardIO=False)
    outcome: list[T | Failure] = []

    async def go(reactor: IReactor) -> None:
        with show_progress() as progress, open_resources(reactor) as resources:
            working = Deferred.fromCoroutine(work(resources, progress))
            ended: Deferred[None] = Deferred()

            def give_up() -> Deferred[None]:
                working.cancel()
                return ended

            reactor.addSystemEventTrigger("before", "shutdown", give_up)
            try:
                outcome.append(await working)
            except BaseException:  # noqa: BLE001  # raised again below, outside the reactor
                outcome.append(Failure())
            finally:
                ended.callback(None)

    with suppress(SystemExit):
        react(go)
    [result] = outcome
    if not isinstance(result, Failure):
        return result
    if result.check(CancelledError):
        raise click.Abort
    if isinstance(result.value, OperatorError):
        raise advise(result.value)
    return result.raiseException()


@implementer(ILogObserver)
class _Console:
    """The log says why the storage fails; here it is the terminal."""

    def __call__(self, event: LogEvent) -> None:
        click.echo(f"cloudsvc: {formatEvent(event)}", err=True)
