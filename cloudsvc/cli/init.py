"""``cloudsvc init``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from cloudsvc.cli.certificate import locate_files, report_certificate
from cloudsvc.cli.faults import Command
from cloudsvc.cli.homes import find_default_sections, load_home, pass_home
from cloudsvc.cli.token import make_token, print_token
from cloudsvc.core.durable_files import replace_file
from cloudsvc.core.errors import OperatorError
from cloudsvc.settings.home import Home
from cloudsvc.settings.schema import make_default_config, make_schema
from cloudsvc.tls.certificate_authority import ensure_certificate

_READABLE = 0o644
_OWNER_ONLY = 0o700


@click.command(cls=Command)
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
@pass_home
def init(home: Home, directory: Path | None) -> None:
    """
    Write a home into DIR: configuration, certificate and token.

    What is there already stays as it is, so this can be repeated; only the schema for editors is made anew. A new token
    is printed on standard output, once.
    """
    if directory is not None:
        home = Home(root=Path.cwd() / directory)
    _make_directory(home.config_file.parent)
    if home.config_file.exists():
        click.echo(f"kept  {home.config_file}", err=True)
    else:
        _write(home.config_file, make_default_config(find_default_sections()))
    loaded = load_home(home)
    try:
        _write(home.schema_file, make_schema({name: type(section) for name, section in loaded.sections.items()}))
    except OperatorError as fault:
        click.echo(f"kept  {home.schema_file}, with which only editors work: {fault}", err=True)
    for path in (home.resolve(loaded.settings.logging.directory), home.data):
        _make_directory(path)
    settings = loaded.settings.certificate
    files = locate_files(home, settings)
    report_certificate(files, ensure_certificate(files, settings.names, settings.days_valid, time.time()))
    if loaded.token_hash is None:
        print_token(make_token(home), home)
    else:
        click.echo(f"kept  the token of {loaded.origins['API_TOKEN_HASH']}", err=True)


def _write(path: Path, text: str) -> None:
    replace_file(path, text.encode(), mode=_READABLE)
    click.echo(f"wrote {path}", err=True)


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    except OSError as problem:
        raise OperatorError([f"{path} cannot be made: {problem.strerror}; choose another place"]) from None
