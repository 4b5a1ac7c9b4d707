"""``cloudsvc generate-new-token``."""

from __future__ import annotations

import os

import click

from cloudsvc.access.keys import generate_token, hash_token
from cloudsvc.cli.faults import Command
from cloudsvc.cli.homes import pass_home
from cloudsvc.core.secrets import Secret
from cloudsvc.settings.env_file import write_variable
from cloudsvc.settings.home import Home
from cloudsvc.settings.loading import TOKEN_VARIABLE


@click.command(cls=Command)
@pass_home
def generate_new_token(home: Home) -> None:
    """
    Make a new token and print it, once.

    Clients present it as their key. Only its hash is kept, in the home's .env. A running server uses it within a
    minute, or at once on SIGHUP, and refuses the former token from then on.

    Keys, links, webhooks and users that were made by the former one go on. Where it has leaked, review them: `cloudsvc
    key list`, `link list`, `webhook list`, `user list`.

    The token is all that stands on standard output, so TOKEN=$(cloudsvc generate-new-token) keeps it.
    """
    print_token(make_token(home), home)


def make_token(home: Home) -> Secret:
    """
    A new token, whose hash is in the ``.env`` file of ``home``.

    :raises OperatorError: when the file cannot be written. What was valid before is still valid then.
    """
    token = generate_token()
    write_variable(home.env_file, TOKEN_VARIABLE, hash_token(token.reveal()))
    return token


def print_token(token: Secret, home: Home) -> None:
    """Show the token, alone on standard output; on standard error what it is and what to do with it."""
    click.echo("The new token, with which clients are let in:", err=True)
    click.echo(token.reveal())
    click.echo(f"Keep this token: it is not shown again. Its hash is in {home.env_file}.", err=True)
    if os.environ.get(TOKEN_VARIABLE):
        click.echo(
            f"{TOKEN_VARIABLE} is set in the environment and wins over the file, so the former token stays valid:"
            " unset it there and restart the server.",
            err=True,
        )
    else:
        click.echo(
            "A running server uses it within a minute (at once on SIGHUP) and refuses the former one from then on,"
            f" unless {TOKEN_VARIABLE} is set in the server's own environment.",
            err=True,
        )
