"""Run commands in tests."""

from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner, Result

from cloudsvc.cli.main import main

UNSET = dict.fromkeys(("HOST", "PORT", "API_TOKEN_HASH", "CLOUDSVC_HOME"))


def run(*arguments: str | Path, command: click.Command = main, **environ: str) -> Result:
    """What ``cloudsvc ARGUMENTS`` prints and its exit status, in this process."""
    runner = CliRunner(env=UNSET | environ)
    return runner.invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
