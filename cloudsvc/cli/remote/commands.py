"""``cloudsvc remote``: a drive on another machine, from a terminal or a script."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from attrs import frozen

from cloudsvc.cli.faults import Refusal
from cloudsvc.cli.remote.faults import AS_JSON, RemoteGroup
from cloudsvc.cli.remote.paths import aim_path, clean_path
from cloudsvc.cli.remote.printing import Output, format_entry, printable
from cloudsvc.cli.remote.profiles import find_profile, remove_profile, store_profile
from cloudsvc.cli.units import format_size
from cloudsvc.core.secrets import Secret

if TYPE_CHECKING:
    from cloudsvc.client import Client, Node, RetryPolicy, Status

_PROFILE_NAME: Final = r"[A-Za-z0-9_-]{1,64}"


@frozen(kw_only=True)
class Context:
    """What stands before the name of a command."""

    profile: str
    output: Output

    @contextmanager
    def connect(self, retries: RetryPolicy | None = None) -> Iterator[Client]:
        """The server of the profile."""
        from cloudsvc.client import Client  # noqa: PLC0415  # `cloudsvc remote --help` needs none of it

        profile = find_profile(self.profile)
        with Client(profile.url, profile.key, ca_file=profile.ca_file, retries=retries) as client:
            yield client


def _check_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    import re  # noqa: PLC0415  # beside what it is for

    if not re.fullmatch(_PROFILE_NAME, value):
        raise click.BadParameter("a name has letters, digits, - and _, and at most 64 of them")
    return value


@click.group(cls=RemoteGroup)
@click.option("--profile", default="default", show_default=True, callback=_check_name, help="Which server.")
@click.option("--json", "as_json", is_flag=True, help="Results and errors as JSON, one object on each line.")
@click.pass_context
def remote(context: click.Context, profile: str, *, as_json: bool) -> None:
    """
    Use the drive of a server over HTTPS, as far as its key may.

    `cloudsvc remote login` asks once which server that is. CLOUDSVC_URL, CLOUDSVC_KEY and CLOUDSVC_CA_FILE do without
    it. The server has to prove who it is, always.

    \b
    Exit status: 0 done, 1 refused for another reason, 2 wrong usage, 3 not found,
    4 something is in the way, 5 server out of reach or not trusted,
    6 key wrong or not allowed, 7 busy or full: later, 8 damaged or changed meanwhile,
    9 a local file or name, 130 interrupted.
    """
    context.obj = Context(profile=profile, output=Output(as_json=as_json))
    context.meta[AS_JSON] = as_json


@remote.command()
@click.option("--url", prompt="URL of the server (https://HOST:PORT)", help="https://HOST or https://HOST:PORT.")
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificate authorities to trust (a copy of the server's certs/cert.pem) [those of the system].",
)
@click.option("--key-stdin", is_flag=True, help="Read the key from standard input.")
@click.option("--keyring", is_flag=True, help="Keep the key in the keyring, and not in a file.")
@click.pass_obj
def login(context: Context, url: str, ca_file: Path | None, *, key_stdin: bool, keyring: bool) -> None:
    """
    Remember a server, once it has accepted the key.

    The key is asked for, and never given as an argument, which others on this machine could see. It is kept in a file
    that only you can read.
    """
    from cloudsvc.client import Client  # noqa: PLC0415  # `cloudsvc remote --help` needs none of it

    text = sys.stdin.readline() if key_stdin else click.prompt("API key", hide_input=True)
    key = Secret(text.strip())
    with Client(url, key, ca_file=ca_file) as client:
        client.log_in()
    store_profile(context.profile, url, ca_file, key, keyring=keyring)
    context.output.show({"profile": context.profile, "url": url}, f"Remembered as {context.profile!r}.")


@remote.command()
@click.pass_obj
def logout(context: Context) -> None:
    """Forget a server and its key. The key stays valid until it is revoked there."""
    remove_profile(context.profile)


@remote.command()
@click.argument("path", default="")
@click.option("-l", "--long", "with_details", is_flag=True, help="With sizes and dates.")
@click.pass_obj
def ls(context: Context, path: str, *, with_details: bool) -> None:
    """List what is in the folder PATH, or the file PATH itself."""
    with context.connect() as client:
        for node in _list(client, clean_path(path)):
            name = node.path.rpartition("/")[2] + ("/" if node.kind == "folder" else "")
            line = format_entry(name, node.size, node.modified_at) if with_details else printable(name)
            context.output.show(node, line)


@remote.command()
@click.argument("path", default="")
@click.pass_obj
def stat(context: Context, path: str) -> None:
    """Say what is at PATH."""
    with context.connect() as client:
        status = client.stat(clean_path(path))
    size = "" if status.size is None else f", {format_size(status.size)}, {status.mime_type}"
    digest = "" if status.sha256 is None else f"\nSHA-256 {status.sha256}"
    context.output.show(status, f"{printable(status.path) or '/'}: {status.kind}{printable(size)}{digest}")


@remote.command()
@click.argument("path")
@click.argument("destination", default=".")
@click.option("-r", "--recursive", is_flag=True, help="A folder, with all that is in it.")
@click.option("-f", "--force", is_flag=True, help="Replace local files that are there.")
@click.pass_obj
def get(context: Context, path: str, destination: str, *, recursive: bool, force: bool) -> None:
    """
    Bring the file PATH here: to DESTINATION, or into it where that is a directory; `-` is standard output. With -r,
    DESTINATION becomes what the folder PATH is; what ends with a slash gets it inside.

    What is cut short goes on from where it was when the same is asked for again. A file gets its name when it is whole
    and has the digest that the server says. Local files that hold the same already are left alone.
    """
    from cloudsvc.cli.remote.trees import get_path  # noqa: PLC0415  # `cloudsvc remote --help` needs none of it

    with context.connect() as client:
        get_path(client, context.output, clean_path(path), destination, recursive=recursive, replace=force)


@remote.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.argument("destination")
@click.option("-r", "--recursive", is_flag=True, help="Directories, with all that is in them.")
@click.option("--if-absent", is_flag=True, help="Replace nothing: refuse where there is a file.")
@click.pass_obj
def put(context: Context, sources: tuple[str, ...], destination: str, *, recursive: bool, if_absent: bool) -> None:
    """
    Keep each SOURCE at DESTINATION, or in it where that is a folder or ends with a slash; `-` is standard input. With
    -r, DESTINATION becomes what the directory SOURCE is; what ends with a slash gets it inside.

    When it returns, the files are on the server's disk, and their digests are those of what was sent.
    """
    from cloudsvc.cli.remote.trees import put_paths  # noqa: PLC0415  # `cloudsvc remote --help` needs none of it

    with context.connect() as client:
        put_paths(client, context.output, sources, destination, recursive=recursive, if_absent=if_absent)


@remote.command()
@click.argument("path")
@click.option("--start", type=click.IntRange(0), default=0, help="The first byte to write [the first one].")
@click.option("--stop", type=click.IntRange(1), help="The first byte not to write any more [all].")
@click.pass_obj
def cat(context: Context, path: str, start: int, stop: int | None) -> None:
    """Write the file PATH to standard output."""
    from cloudsvc.cli.remote.transfers import print_content  # noqa: PLC0415  # as above

    with context.connect() as client:
        print_content(client, clean_path(path), start, stop)


@remote.command()
@click.argument("path")
@click.pass_obj
def mkdir(context: Context, path: str) -> None:
    """Make the folder PATH, and those above it that are missing."""
    with context.connect() as client:
        context.output.show(client.make_folder(clean_path(path)))


@remote.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("-r", "--recursive", is_flag=True, help="Folders too, with all that is in them.")
@click.pass_obj
def rm(context: Context, paths: tuple[str, ...], *, recursive: bool) -> None:
    """Put each PATH into the trash, from where it can be restored."""
    with context.connect() as client:
        for path in map(clean_path, paths):
            if not recursive and client.stat(path).kind == "folder":
                raise Refusal((f"{printable(path)} is a folder: -r puts it into the trash with all that is in it",))
            context.output.show(client.delete(path))


@remote.command()
@click.argument("path", default="")
@click.option("--since", help="A position: the id of a change that was told [now].")
@click.pass_obj
def watch(context: Context, path: str, since: str | None) -> None:
    """
    Tell what changes in the folder PATH, as it happens, until it is interrupted.

    With --json each change has an id, from which --since goes on without a gap. A server that is out of reach is waited
    for, for some minutes.
    """
    from cloudsvc.cli.remote.watching import PATIENT, format_change, is_below  # noqa: PLC0415  # as above

    with context.connect(PATIENT) as client:
        for change in client.follow(since):
            if is_below(clean_path(path), change):
                context.output.show(change, format_change(change))


@remote.command()
@click.argument("path")
@click.argument("destination")
@click.pass_obj
def mv(context: Context, path: str, destination: str) -> None:
    """Move or rename the file or folder PATH to DESTINATION, or into it where that ends with a slash."""
    with context.connect() as client:
        context.output.show(client.move(clean_path(path), aim_path(path, destination)))


@remote.command()
@click.argument("path")
@click.argument("destination")
@click.pass_obj
def cp(context: Context, path: str, destination: str) -> None:
    """Copy the file or folder PATH to DESTINATION, or into it where that ends with a slash. No bytes travel."""
    with context.connect() as client:
        context.output.show(client.copy(clean_path(path), aim_path(path, destination)))


def _list(client: Client, path: str) -> Iterator[Node | Status]:
    """What is in a folder; of a file, itself."""
    from cloudsvc.client import NotFoundError  # noqa: PLC0415  # `cloudsvc remote --help` needs none of it

    try:
        yield from client.list_folder(path)
    except NotFoundError:
        status = client.stat(path)
        if status.kind == "folder":
            raise
        yield status
