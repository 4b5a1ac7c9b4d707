"""Output of ``cloudsvc remote``: lines for people, and one JSON object on each line for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from cloudsvc.cli.units import format_size

if TYPE_CHECKING:
    from cloudsvc.client import ClientError


@frozen(kw_only=True)
class Output:
    """Where results and faults are told: lines, or JSON."""

    as_json: bool

    def show(self, value: Any, line: str | None = None) -> None:
        """A result, for people as ``line``; without one they are told nothing, as by other commands of this kind."""
        if self.as_json:
            import msgspec  # noqa: PLC0415  # `cloudsvc remote --help` needs none of it

            click.echo(msgspec.json.encode(value).decode())
        elif line is not None:
            click.echo(line)

    def tell(self, error: ClientError, about: str | None = None) -> None:
        """A fault, on standard error, with the name of what it is about."""
        if self.as_json:
            members = {"error": error.code, "message": error.message, "request_id": error.request_id, "about": about}
            line = json.dumps({name: value for name, value in members.items() if value is not None})
        else:
            line = f"cloudsvc: {'' if about is None else f'{printable(about)}: '}{printable(str(error))}"
        click.echo(line, err=True)

    def tell_lines(self, lines: Sequence[str]) -> None:
        """What keeps the command from being carried out here, on standard error, of which nobody branches on more."""
        for line in lines:
            click.echo(json.dumps({"error": "refused", "message": line}) if self.as_json else line, err=True)


def printable(text: str) -> str:
    """``text`` without anything that a terminal would obey: names come from whoever has stored a file."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def format_entry(name: str, size: int | None, modified: datetime | None) -> str:
    """A line of a list with details."""
    moment = "" if modified is None else modified.astimezone().strftime("%Y-%m-%d %H:%M")
    return f"{'-' if size is None else format_size(size):>12}  {moment:16}  {printable(name)}"
