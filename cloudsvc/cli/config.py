"""``cloudsvc config``: check, show and describe the configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import reduce
from typing import Any

import click

from cloudsvc.cli.certificate import locate_files
from cloudsvc.cli.faults import Command, Group
from cloudsvc.cli.homes import find_default_sections, load_home, pass_home
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.structuring import unstructure
from cloudsvc.settings.home import Home
from cloudsvc.settings.loading import TOKEN_VARIABLE, Loaded
from cloudsvc.settings.reference import make_reference
from cloudsvc.settings.schema import make_schema
from cloudsvc.tls.certificate_authority import explain_missing


@click.group(cls=Group)
def config() -> None:
    """Check and show the configuration."""


@config.command(cls=Command)
@pass_home
def check(home: Home) -> None:
    """List every fault in configuration and environment, and warn of a certificate that lacks a configured name."""
    settings = load_home(home).settings.certificate
    files = locate_files(home, settings)
    # A certificate that cannot be read is a fault of the files, which the server reports when it starts.
    with suppress(OperatorError):
        if missing := explain_missing(files, settings.names, renews=settings.renew):
            click.echo(f"warning: {missing}", err=True)
    click.echo(f"{home.config_file}: no faults")


@config.command(cls=Command)
@pass_home
def show(home: Home) -> None:
    """Show every setting with its value and where that comes from. Secrets stay hidden."""
    loaded = load_home(home)
    values = _plain(loaded)
    for name, origin in loaded.origins.items():
        value = reduce(lambda inner, step: inner[step], name.split("."), values)
        click.echo(f"{name} = {json.dumps(value, ensure_ascii=False)}  # {origin}")


@config.command(cls=Command)
@pass_home
def schema(home: Home) -> None:
    """Print the JSON Schema of the configuration, for editors."""
    click.echo(make_schema(_find_sections(home)), nl=False)


@config.command(cls=Command)
@pass_home
def reference(home: Home) -> None:
    """Print the reference of all settings, in Markdown."""
    click.echo(make_reference(_find_sections(home)), nl=False)


def _plain(loaded: Loaded) -> dict[str, Any]:
    return {
        **unstructure(loaded.settings),
        **{name: unstructure(section) for name, section in loaded.sections.items()},
        TOKEN_VARIABLE: unstructure(loaded.token_hash),
    }


def _find_sections(home: Home) -> Mapping[str, type]:
    """The sections of the applications in use; those of a new home where there is no configuration yet."""
    if not home.config_file.exists():
        return find_default_sections()
    return {name: type(section) for name, section in load_home(home).sections.items()}
