"""Exit statuses of ``cloudsvc remote``, so that scripts can tell what went wrong."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import click

from cloudsvc.cli.faults import Refusal
from cloudsvc.cli.remote.printing import Output
from cloudsvc.core.errors import OperatorError

if TYPE_CHECKING:
    from cloudsvc.client import ClientError


class ExitStatus(IntEnum):
    """What the status says; docs/client.md has the table."""

    REFUSED = 1
    NOT_FOUND = 3
    CONFLICT = 4
    UNREACHABLE = 5
    NOT_ALLOWED = 6
    LATER = 7
    DAMAGED = 8
    LOCAL = 9
    INTERRUPTED = 130


_STATUSES: Final[Mapping[str, ExitStatus]] = {
    "LocalError": ExitStatus.LOCAL,
    "UnreachableError": ExitStatus.UNREACHABLE,
    "NotFoundError": ExitStatus.NOT_FOUND,
    "GoneError": ExitStatus.NOT_FOUND,
    "ConflictError": ExitStatus.CONFLICT,
    "UnauthenticatedError": ExitStatus.NOT_ALLOWED,
    "ForbiddenError": ExitStatus.NOT_ALLOWED,
    "ThrottledError": ExitStatus.LATER,
    "UnavailableError": ExitStatus.LATER,
    "NoSpaceError": ExitStatus.LATER,
    "DamagedError": ExitStatus.DAMAGED,
    "ChangedError": ExitStatus.DAMAGED,
}
"""By the names of classes, so that `cloudsvc remote --help` loads none of them; those below a class have its status."""

AS_JSON: Final = "cloudsvc.remote.as_json"
"""Where the context of a command says whether its faults are told in JSON."""

_LOCAL_CONFLICTS: Final = frozenset(("exists_already", "download_under_way"))


def choose_status(error: ClientError) -> ExitStatus:
    """The exit status that ``error`` has."""
    if error.code in _LOCAL_CONFLICTS:
        return ExitStatus.CONFLICT
    found = (_STATUSES[base.__name__] for base in type(error).__mro__ if base.__name__ in _STATUSES)
    return next(found, ExitStatus.REFUSED)


class RemoteCommand(click.Command):
    """A command whose faults become lines and an exit status. Where the client is not installed it says so."""

    def invoke(self, ctx: click.Context) -> Any:
        """What the command returns."""
        try:
            client = importlib.import_module("cloudsvc.client")
        except ModuleNotFoundError as missing:
            raise Refusal((f"{missing.name} is not installed: install cloudsvc[client]",)) from None
        try:
            return super().invoke(ctx)
        except client.ClientError as error:
            Output(as_json=bool(ctx.meta.get(AS_JSON))).tell(error)
            ctx.exit(choose_status(error))
        except (OperatorError, Refusal) as fault:
            if not ctx.meta.get(AS_JSON):
                raise Refusal(fault.lines) from None
            Output(as_json=True).tell_lines(fault.lines)
            ctx.exit(ExitStatus.REFUSED)
        except KeyboardInterrupt:
            click.echo("\ncloudsvc: interrupted", err=True)
            sys.exit(ExitStatus.INTERRUPTED)


class RemoteGroup(click.Group):
    """A group of such commands."""

    command_class = RemoteCommand
