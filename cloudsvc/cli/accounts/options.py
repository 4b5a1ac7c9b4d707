"""Options and arguments that several commands of accounts have."""

from __future__ import annotations

from typing import Final

import click

from cloudsvc.core.actors import Role
from cloudsvc.core.clock import Instant, read_clock

role_argument: Final = click.argument("role", type=click.Choice([role.value for role in Role]))

_SECOND: Final = 1_000_000
_DAY: Final = 24 * 60 * 60


def find_end(days: int | None) -> Instant | None:
    """The moment so many days from now, to the second; ``None`` for never."""
    return None if days is None else (read_clock() // _SECOND + days * _DAY) * _SECOND
