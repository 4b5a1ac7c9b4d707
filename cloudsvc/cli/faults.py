"""Error reports of commands: one line for each error, never a traceback."""

from __future__ import annotations

from typing import IO, Any

import click

from cloudsvc.core.errors import CloudError, OperatorError


class Refusal(click.ClickException):
    """Ends a command with exit status 1."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines

    def show(self, file: IO[Any] | None = None) -> None:
        """Print one line per fault on standard error."""
        for line in self.lines:
            click.echo(f"cloudsvc: {line}", file=file, err=True)


class Command(click.Command):
    """A command whose faults become a :class:`Refusal`."""

    def invoke(self, ctx: click.Context) -> Any:
        """What the command returns."""
        try:
            return super().invoke(ctx)
        except OperatorError as fault:
            raise Refusal(fault.lines) from None
        except CloudError as error:
            raise Refusal((error.message,)) from None


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
