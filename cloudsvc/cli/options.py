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
