"""``cloudsvc generate-certificate``."""

from __future__ import annotations

import time

import click

from cloudsvc.cli.faults import Command
from cloudsvc.cli.homes import load_home, pass_home
from cloudsvc.settings.home import Home
from cloudsvc.settings.model import CertificateSettings
from cloudsvc.tls.certificate_authority import Outcome, ensure_certificate, explain_missing, renew_certificate
from cloudsvc.tls.files import CertificateFiles


@click.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@pass_home
def generate_certificate(home: Home, names: tuple[str, ...]) -> None:
    """
    Make a new key and certificate for the NAMEs (host names and addresses).

    A private certificate authority signs it, which is made when there is none. Who trusts that authority already trusts
    the new certificate too. A running server uses it by itself.

    Without NAMEs it is for those of the present certificate and of the configuration, as far as the authority can vouch
    for them. NAMEs for which it cannot make it be replaced, so every client must be given the new one.
    """
    settings = load_home(home).settings.certificate
    files = locate_files(home, settings)
    if files.certificate.exists():
        outcome = renew_certificate(files, settings.days_valid, time.time(), names or None, settings.names)
    else:
        outcome = ensure_certificate(files, names or settings.names, settings.days_valid, time.time())
    report_certificate(files, outcome)
    if not names and (missing := explain_missing(files, settings.names, renews=False)):
        click.echo(f"left out: {missing}", err=True)


def locate_files(home: Home, settings: CertificateSettings) -> CertificateFiles:
    """The files that ``settings`` name, in ``home``."""
    directory = home.resolve(settings.directory)
    return CertificateFiles.locate(directory, directory / settings.ssl_keyfile, directory / settings.ssl_certfile)


def report_certificate(files: CertificateFiles, outcome: Outcome) -> None:
    """Say on standard error what has been written."""
    if outcome.certificate_made:
        click.echo(f"wrote {files.key} and {files.certificate}", err=True)
    else:
        click.echo(f"kept  {files.key} and {files.certificate}", err=True)
    if outcome.authority_made:
        click.echo(f"wrote {files.authority_certificate}: give it to clients to trust", err=True)
