"""Options that the ``cloudsvc`` command and its subcommands share."""

from __future__ import annotations

from typing import Final

import click

from cloudsvc.settings.home import HOME_VARIABLE

home_option: Final = click.option(
    "--home",
    metavar="DIR",
    help=f"Directory with config/, certs/, data/ and logs/ [{HOME_VARIABLE} or here].",
)

days_option: Final = click.option("--days", type=click.IntRange(1, 36_500), help="After which it is no good any more.")


def ask_password(*, wanted: bool) -> str | None:
    """A new password, typed twice; ``None`` where none is wanted."""
    return click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True) if wanted else None
