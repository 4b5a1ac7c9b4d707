"""Model of a tree after a list of operations, as plainly as it can be said."""

from __future__ import annotations

from typing import TypeAlias

from cloudsvc.drive.commands import Command, Copy, Discard, MakeFolder, Move
from cloudsvc.drive.names import parse_path

FOLDER = "folder"

Tree: TypeAlias = dict[str, str]
"""What is at each path: the SHA-256 of a file in hexadecimal digits, or ``FOLDER``."""

Deed: TypeAlias = list[str]
"""``store PATH DIGEST``, ``discard PATH``, ``move PATH DESTINATION``, ``copy PATH DESTINATION`` or ``folder PATH``."""

Note: TypeAlias = list[str | None]
"""A change: its kind, the path, and for something that was moved the path before."""


def do(tree: Tree, deed: Deed) -> tuple[Tree, list[Note]]:
    """The tree after a deed that can be done, and the changes that tell of it."""
    match deed:
        case ["store", path, digest]:
            tree, notes = _make_folders(tree, _parent(path))
            if tree.get(path) != digest:
                notes.append(["changed" if path in tree else "created", path, None])
            return {**tree, path: digest}, notes
        case ["discard", path]:
            return {each: what for each, what in tree.items() if not is_within(each, path)}, [["discarded", path, None]]
        case ["move", path, destination]:
            tree, notes = _make_folders(tree, _parent(destination))
            moved = {_rebase(each, path, destination): what for each, what in tree.items()}
            return moved, [*notes, ["moved", destination, path]]
        case ["copy", path, destination]:
            tree, notes = _make_folders(tree, _parent(destination))
            copied = {_rebase(each, path, destination): what for each, what in tree.items()}
            return {**tree, **copied}, [*notes, ["created", destination, None]]
        case ["folder", path]:
            return _make_folders(tree, path)
    raise ValueError(deed)


def do_all(tree: Tree, deeds: list[Deed]) -> tuple[Tree, list[Note]]:
    """As :func:`do`, one after the other."""
    notes: list[Note] = []
    for deed in deeds:
        tree, more = do(tree, deed)
        notes += more
    return tree, notes


def make_command(deed: Deed) -> Command:
    """What does a deed, unless it is to store something."""
    match deed:
        case ["discard", path]:
            return Discard(path=parse_path(path))
        case ["move", path, destination]:
            return Move(path=parse_path(path), destination=parse_path(destination))
        case ["copy", path, destination]:
            return Copy(source=parse_path(path), destination=parse_path(destination))
        case ["folder", path]:
            return MakeFolder(path=parse_path(path))
    raise ValueError(deed)


def is_within(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or below it."""
    return path == folder or path.startswith(folder + "/")


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _make_folders(tree: Tree, path: str) -> tuple[Tree, list[Note]]:
    if not path or path in tree:
        return tree, []
    tree, notes = _make_folders(tree, _parent(path))
    return {**tree, path: FOLDER}, [*notes, ["created", path, None]]


def _rebase(path: str, source: str, destination: str) -> str:
    return destination + path[len(source) :] if is_within(path, source) else path
