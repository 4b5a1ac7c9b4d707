"""Folders with all that is in them, to the drive and from it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from attrs import define, field

from cloudsvc.cli.remote.faults import choose_status
from cloudsvc.cli.remote.paths import aim_path
from cloudsvc.cli.remote.printing import Output
from cloudsvc.cli.remote.transfers import download_file, print_content, upload_file, upload_stream
from cloudsvc.client import (
    Client,
    ClientError,
    LocalError,
    Node,
    NotFoundError,
    UnauthenticatedError,
    UnreachableError,
)
from cloudsvc.client.paths import check_local_name, child_name

_HERE: Final = "."

_STANDARD: Final = "-"
"""Standard input or output, in place of a local file."""


def get_path(client: Client, output: Output, path: str, destination: str, *, recursive: bool, replace: bool) -> None:
    """Bring what is at ``path``, or all of it that can be brought."""
    status = client.stat(path)
    name = path.rpartition("/")[2]
    if status.kind == "folder":
        if not recursive:
            raise LocalError("is_a_folder", f"{path!r} is a folder: -r brings it with all that is in it.")
        # Never into a directory for being there already: the same command again has to lead to the same place.
        place = Path(destination)
        if name and (destination == _HERE or destination.endswith("/")):
            place /= check_local_name(name)
        tree = Tree(client=client, output=output)
        tree.get(path, place, replace=replace)
        tree.conclude()
    elif destination == _STANDARD:
        print_content(client, path, 0, None)
    else:
        place = Path(destination)
        if place.is_dir():
            place /= check_local_name(name)
        output.show(download_file(client, path, place, size=status.size, replace=replace))


def put_paths(
    client: Client, output: Output, sources: Sequence[str], destination: str, *, recursive: bool, if_absent: bool
) -> None:
    """Keep local files and directories, or all of them that can be kept."""
    several = len(sources) > 1
    is_folder = several or _is_folder(client, destination)
    tree = Tree(client=client, output=output)
    for source in sources:
        local = Path(source)
        # Of a directory as when a folder is brought: the same command again leads to the same place.
        into = several if local.is_dir() else is_folder
        path = aim_path(source if source == _STANDARD else local.absolute().name, destination, into=into)
        if several:
            tree.attempt(source, partial(tree.put_one, source, path, recursive=recursive, if_absent=if_absent))
        else:
            tree.put_one(source, path, recursive=recursive, if_absent=if_absent)
    tree.conclude()


def _is_folder(client: Client, path: str) -> bool:
    try:
        return not path.strip("/") or client.stat(path.strip("/")).kind == "folder"
    except NotFoundError:
        return False


@define(kw_only=True)
class Tree:
    """Transfers of whole trees. What cannot be transferred is told, and the rest goes on."""

    client: Client
    output: Output
    _first: ClientError | None = field(default=None, init=False)

    def get(self, folder: str, destination: Path, *, replace: bool) -> None:
        """Bring all that is in ``folder`` to a local directory, and nothing to anywhere else."""
        waiting = [(folder, destination)]
        while waiting:
            remote, local = waiting.pop()
            if self.attempt(remote, partial(_make_directory, local)):
                self.attempt(remote, partial(self._get_children, remote, local, waiting, replace=replace))

    def put_one(self, source: str, path: str, *, recursive: bool, if_absent: bool) -> None:
        """Keep what was named on the command line at ``path``."""
        local = Path(source)
        if source == _STANDARD:
            self.output.show(upload_stream(self.client, sys.stdin.buffer, path, if_absent=if_absent))
        elif not local.is_dir():
            self.output.show(upload_file(self.client, local, path, if_absent=if_absent))
        elif recursive:
            self.put(local, path, if_absent=if_absent)
        else:
            raise LocalError("is_a_directory", f"{source!r} is a directory: -r keeps it with all that is in it.")

    def put(self, directory: Path, folder: str, *, if_absent: bool) -> None:
        """Bring all that is in a local directory to ``folder``. Links are left out, and told of."""
        waiting = [(directory, folder)]
        while waiting:
            local, remote = waiting.pop()
            self.attempt(str(local), partial(self._put_children, local, remote, waiting, if_absent=if_absent))

    def conclude(self) -> None:
        """Nothing where everything went well; or else the end, with the exit status of the first fault."""
        if self._first is not None:
            sys.exit(choose_status(self._first))

    def _get_children(self, folder: str, local: Path, waiting: list[tuple[str, Path]], *, replace: bool) -> None:
        for child in self.client.list_folder(folder):
            self.attempt(child.path, partial(self._get, folder, child, local, waiting, replace=replace))

    def _get(self, folder: str, child: Node, local: Path, waiting: list[tuple[str, Path]], *, replace: bool) -> None:
        place = local / check_local_name(child_name(folder, child.path))
        if child.kind == "folder":
            waiting.append((child.path, place))
        else:
            self.output.show(download_file(self.client, child.path, place, size=child.size, replace=replace))

    def _put_children(self, local: Path, remote: str, waiting: list[tuple[Path, str]], *, if_absent: bool) -> None:
        if local.is_symlink():
            raise _left_out()
        if remote:
            self.output.show(self.client.make_folder(remote))
        with os.scandir(local) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            place, path = Path(entry.path), f"{remote}/{entry.name}" if remote else entry.name
            if entry.is_dir(follow_symlinks=False):
                waiting.append((place, path))
            else:
                self.attempt(str(place), partial(self._put, place, path, if_absent=if_absent))

    def _put(self, place: Path, path: str, *, if_absent: bool) -> None:
        if not stat.S_ISREG(place.lstat().st_mode):
            raise _left_out()
        self.output.show(upload_file(self.client, place, path, if_absent=if_absent))

    def attempt(self, about: str, work: Callable[[], object]) -> bool:
        """Whether ``work`` went well. A server that is out of reach, or a key that is none, ends everything."""
        try:
            work()
        except (UnreachableError, UnauthenticatedError):
            raise
        except OSError as problem:
            fault: ClientError = LocalError("local_fault", f"{problem.strerror}.")
        except ClientError as problem:
            fault = problem
        else:
            return True
        self._first = self._first or fault
        self.output.tell(fault, about)
        return False


def _make_directory(place: Path) -> None:
    """One that is there is used; a link to one would lead out of the tree."""
    place.mkdir(exist_ok=True)
    if place.is_symlink():
        raise LocalError("link_in_the_way", f"{place} is a link, which is not followed.")


def _left_out() -> LocalError:
    return LocalError("not_a_file", "It is neither a file nor a directory, and is left out.")
