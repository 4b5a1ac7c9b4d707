"""``cloudsvc health``."""

from __future__ import annotations

import click

from cloudsvc.cli.certificate import locate_files
from cloudsvc.cli.faults import Command, Refusal
from cloudsvc.cli.homes import load_home, pass_home
from cloudsvc.core.endpoints import Listener, find_listener
from cloudsvc.listen.probe import probe
from cloudsvc.settings.home import Home

_OK = 200


@click.command(cls=Command)
@click.option("--host", help="Address of the server [the configured one].")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the server [the configured one].")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=5.0, show_default=True, help="Seconds to wait.")
@click.option("--proxied", is_flag=True, help="The server expects the PROXY protocol.")
@pass_home
def health(home: Home, host: str | None, port: int | None, timeout: float, *, proxied: bool) -> None:
    """
    Ask the running server how it is.

    The exit status is 0 when it answers that it is healthy or degraded, and is the server that the certificate file
    of this home speaks of.
    """
    settings = load_home(home).settings
    server = settings.server
    where = find_listener(server.endpoints) if server.endpoints else Listener(host=server.host, port=server.port)
    if port is not None:
        where = Listener(host=server.host, port=port)
    if where is None:
        raise Refusal(("config.server.endpoints has no cloudsvc:tcp: to ask; give --host and --port",))
    result = probe(
        host or where.host,
        where.port,
        locate_files(home, settings.certificate).certificate,
        timeout,
        proxied=proxied or where.proxied,
    )
    answer = f"{result.body.get('status', 'unknown')}: {result.body.get('message', 'no message')}"
    if result.status != _OK:
        raise Refusal((answer,))
    click.echo(answer)
