"""Source directory of an import: a tree of files on this machine."""

from __future__ import annotations

import os
import pathlib
import stat
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Final

from attrs import define, field, frozen

from cloudsvc.administration.metadata import METADATA_NAME, Metadata, key_of, read_metadata
from cloudsvc.core.durable_files import open_folder
from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.drive.names import ROOT, DrivePath, parse_name
from cloudsvc.drive.nodes import Instant, clamp

_UPSTREAM_STORAGE: Final = "storage"
_UPSTREAM_THUMBNAILS: Final = ".thumbnails"


@frozen(kw_only=True)
class FoundFile:
    """
    A file of the tree.

    :ivar place: where it lies on this machine.
    :ivar path: where it belongs, seen from the top of the tree.
    :ivar size: in bytes.
    :ivar modified_at: when its content last changed.
    """

    place: pathlib.Path
    path: DrivePath
    size: int
    modified_at: Instant


@define(kw_only=True)
class Tree:
    """
    What was found.

    :ivar folders: those with nothing in them.
    :ivar metadata: what is known about files, by :func:`cloudsvc.administration.metadata.key_of` their paths.
    :ivar left_out: what is neither file nor folder, and what is listed but not there: a line each.
    :ivar faults: what the drive cannot take: a line each.
    """

    files: list[FoundFile] = field(factory=list)
    folders: list[DrivePath] = field(factory=list)
    metadata: Mapping[str, Metadata] = field(factory=dict)
    left_out: list[str] = field(factory=list)
    faults: list[str] = field(factory=list)


def read_tree(
    directory: pathlib.Path,
    *,
    metadata_file: pathlib.Path | None = None,
    plain: bool = False,
    zone: tzinfo | None = None,
) -> Tree:
    """
    What is below ``directory``: plain files; what ``cloudsvc export`` wrote; or the folder of a python-cloud-server,
    where ``metadata.json`` lies beside ``storage``. Links are not followed. Blocks.

    :param metadata_file: where tags and dates are, if not in ``metadata.json``.
    :param plain: do not look for tags and dates.
    :param zone: as in :func:`cloudsvc.administration.metadata.read_metadata`.
    :raises OperatorError: it cannot be read.
    """
    if not directory.is_dir():
        raise OperatorError([f"{directory} is no directory; name one with files to import"])
    found = None if plain else metadata_file or _find_metadata(directory)
    metadata = {} if found is None else read_metadata(found, zone)
    top = directory
    if not plain and metadata_file is None and _is_upstream(directory, metadata):
        top = directory / _UPSTREAM_STORAGE
    tree = Tree(metadata=metadata)
    try:
        _Scan(tree=tree, unlisted=top / _UPSTREAM_THUMBNAILS if found else None, metadata_file=found).run(top)
    except OSError as problem:
        raise OperatorError([f"{problem.filename} cannot be read: {problem.strerror}"]) from None
    listed = {key_of(file.path) for file in tree.files}
    tree.left_out += [f"{path!r} is listed in {found}, but is not there" for path in metadata if path not in listed]
    return tree


def _find_metadata(directory: pathlib.Path) -> pathlib.Path | None:
    candidates = [directory / METADATA_NAME]
    if directory.name == _UPSTREAM_STORAGE:
        candidates.append(directory.parent / METADATA_NAME)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _is_upstream(directory: pathlib.Path, metadata: Mapping[str, Metadata]) -> bool:
    """Whether the files are in ``storage`` below. In an export with a folder of this name its files are listed."""
    visible = {entry.name for entry in directory.iterdir() if not entry.name.startswith(".")}
    return (
        visible == {METADATA_NAME, _UPSTREAM_STORAGE}
        and (directory / _UPSTREAM_STORAGE).is_dir()
        and not any(path.startswith(f"{_UPSTREAM_STORAGE}/") for path in metadata)
    )


@frozen(kw_only=True)
class _Scan:
    """
    Fills a tree.

    :ivar unlisted: a folder where files count only if the metadata list them: upstream keeps thumbnails there.
    :ivar metadata_file: no file of the tree, though it may lie in it.
    """

    tree: Tree
    unlisted: pathlib.Path | None
    metadata_file: pathlib.Path | None

    def run(self, top: pathlib.Path) -> None:
        pending = [(top, ROOT)]
        while pending:
            place, path = pending.pop()
            keys: dict[str, str] = {}
            try:
                with os.scandir(place) as entries:
                    ordered = sorted(entries, key=lambda entry: entry.name)
            except OSError as problem:
                if not path:
                    raise
                self.tree.faults.append(f"{str(place)!r}: {problem.strerror}")
                continue
            for entry in ordered:
                below = self._name(entry, path, keys)
                if below is None:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append((pathlib.Path(entry.path), below))
                else:
                    self._take(entry, below)
            if path and not ordered and place != self.unlisted:
                self.tree.folders.append(path)

    def _name(self, entry: os.DirEntry[str], folder: DrivePath, keys: dict[str, str]) -> DrivePath | None:
        try:
            name = parse_name(entry.name)
        except CloudError as problem:
            self.tree.faults.append(f"{entry.path!r}: {problem.message}")
            return None
        if twin := keys.get(name.key):
            self.tree.faults.append(f"{entry.path!r}: in a drive this is the same name as {twin!r}; rename one of them")
            return None
        keys[name.key] = entry.name
        return folder / name

    def _take(self, entry: os.DirEntry[str], path: DrivePath) -> None:
        place = pathlib.Path(entry.path)
        if place == self.metadata_file:
            return
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as problem:
            self.tree.faults.append(f"{entry.path!r}: {problem.strerror}")
            return
        if not stat.S_ISREG(status.st_mode):
            kind = "a link" if stat.S_ISLNK(status.st_mode) else "neither a file nor a folder"
            self.tree.left_out.append(f"{entry.path!r} is {kind}")
        elif not self._is_thumbnail(place, path):
            self.tree.files.append(
                FoundFile(
                    place=place,
                    path=path,
                    size=status.st_size,
                    modified_at=clamp(status.st_mtime_ns // 1000),
                )
            )

    def _is_thumbnail(self, place: pathlib.Path, path: DrivePath) -> bool:
        return (
            self.unlisted is not None and place.is_relative_to(self.unlisted) and key_of(path) not in self.tree.metadata
        )


def read_pieces(file: FoundFile, size: int) -> Iterator[bytes]:
    """
    The content of ``file``, in pieces of ``size`` bytes. Blocks.

    :raises OSError: it cannot be read, or is not what it was when it was found.
    """
    depth = len(file.path.names)
    *folders, name = file.place.parts[-depth:]
    with open_folder(file.place.parents[depth - 1], folders) as folder:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb", buffering=0) as content:
        _expect(file, os.fstat(descriptor))
        while piece := content.read(size):
            yield piece
        _expect(file, os.fstat(descriptor))


def _expect(file: FoundFile, status: os.stat_result) -> None:
    unchanged = status.st_size == file.size and clamp(status.st_mtime_ns // 1000) == file.modified_at
    if not (unchanged and stat.S_ISREG(status.st_mode)):
        raise OSError(0, "it changed while it was being imported", str(file.place))
