"""Lists of accounts for people: lines, of which there may be many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import click

from cloudsvc.cli.accounts.opening import OpenAccounts
from cloudsvc.core.actors import OWNER, Grant

PAGE: Final = 100
"""Entries that are read in one step."""


def print_lines(lines: Iterable[str]) -> None:
    """Each on standard output."""
    for line in lines:
        click.echo(line)


async def describe_grants(opened: OpenAccounts, grants: Sequence[Grant]) -> list[str]:
    """A line about each."""
    paths = await opened.cases.directory.tell_paths(OWNER, grants)
    return [
        f"    {grant.role.value} of {paths[grant.folder]!r}"
        if grant.folder in paths
        else f"    {grant.role.value} of folder {grant.folder}, which is not in the drive"
        for grant in grants
    ]
