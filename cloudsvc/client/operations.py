"""Operations of a batch: changes of which all are made, or none."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

import attrs
from attrs import frozen


@frozen
class MakeFolder:
    """Make a folder, and those above it that are missing."""

    key: ClassVar[str] = "make_folder"
    path: str


@frozen
class Move:
    """
    Give a file or folder another path.

    :ivar if_match: the entity tag that the file must have.
    """

    key: ClassVar[str] = "move"
    path: str
    new_path: str
    if_match: str | None = None


@frozen
class Copy:
    """Copy a file or folder."""

    key: ClassVar[str] = "copy"
    source: str
    destination: str


@frozen
class Delete:
    """
    Put a file or folder into the trash.

    :ivar if_match: the entity tag that the file must have.
    """

    key: ClassVar[str] = "delete"
    path: str
    if_match: str | None = None


@frozen
class Restore:
    """Take something out of the trash: to where it was, or to ``destination``."""

    key: ClassVar[str] = "restore"
    id: int
    destination: str | None = None


@frozen
class Tag:
    """
    Add and remove tags of a file.

    :ivar if_match: the entity tag that the file must have.
    """

    key: ClassVar[str] = "tag"
    path: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    if_match: str | None = None


Operation: TypeAlias = MakeFolder | Move | Copy | Delete | Restore | Tag


def as_json(operation: Operation) -> dict[str, Any]:
    """``operation`` as the server takes it."""
    return {operation.key: attrs.asdict(operation, filter=lambda _, value: value is not None)}
