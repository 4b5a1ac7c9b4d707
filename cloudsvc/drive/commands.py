"""What can be done to the tree, as values: each is atomic, and a list of them too."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from cloudsvc.drive.errors import changed_meanwhile
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import Blob, File, Folder, Instant, TrashId, VersionId


@frozen(kw_only=True)
class Condition:
    """
    What must hold of what is at a path, or else nothing happens (RFC 9110 section 13.1 has the protocol's words).

    :ivar absent: there must be nothing at the path.
    :ivar present: there must be something.
    :ivar validators: the file's current version must have one of these; a folder has none. ``None`` where any will do.
    :ivar excluded: it must have none of these.
    """

    absent: bool = False
    present: bool = False
    validators: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()

    def check(self, path: Path, validator: str | None, *, is_folder: bool = False) -> None:
        """
        See that this holds of what is at ``path``.

        :param validator: of its current version; ``None`` where there is no file.
        :param is_folder: whether there is a folder.
        :raises CloudError: it does not hold.
        """
        if validator is None and not is_folder:
            holds = not self.present and self.validators is None
        else:
            holds = (
                not self.absent
                and (self.validators is None or validator in self.validators)
                and validator not in self.excluded
            )
        if not holds:
            raise changed_meanwhile(path)


ALWAYS = Condition()


@frozen(kw_only=True)
class StoreFile:
    """
    Make ``blob`` the content of the file at ``path``; missing folders are made on the way.

    Where a blob with the same bytes is known already, that one is referred to instead.

    :ivar versions_kept: how many versions remain at most, the new one included.
    :ivar replace: whether there may be a file already; if not, that is a conflict (``already_exists``).
    :ivar capacity: bytes that all blobs together may take, whoever has brought them; ``None`` for any number.
    """

    path: Path
    blob: Blob
    media_type: str
    versions_kept: int
    replace: bool = True
    capacity: int | None = None
    condition: Condition = ALWAYS


@frozen(kw_only=True)
class StoredFile:
    """
    The file as it is now.

    :ivar created: whether there was none before.
    :ivar joined: whether another blob with the same bytes is used, so that the one brought is garbage.
    """

    file: File
    created: bool
    joined: bool


@frozen(kw_only=True)
class MakeFolder:
    """Make a folder, and those above it that are missing. Where it is already, nothing happens."""

    path: Path
    condition: Condition = ALWAYS


@frozen(kw_only=True)
class MadeFolder:
    """:ivar created: whether there was none before."""

    folder: Folder
    created: bool


@frozen(kw_only=True)
class Move:
    """
    Give a file or folder another path; folders missing there are made. The result is the node at its new path.

    :ivar kind: what it must be; a folder where a file is asked for does not exist, and the other way round.
    """

    path: Path
    destination: Path
    kind: type[File] | type[Folder] | None = None
    condition: Condition = ALWAYS


@frozen(kw_only=True)
class EditTags:
    """Add and remove tags of a file; removing one that is not there is no error. The result is the file."""

    path: Path
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    most: int
    condition: Condition = ALWAYS


@frozen(kw_only=True)
class DateFile:
    """Say when a file came to be and last changed, for one that comes from elsewhere. The result is the file."""

    path: Path
    created_at: Instant
    updated_at: Instant


@frozen(kw_only=True)
class Copy:
    """Make a second file or folder with the same contents and tags, without copying bytes. The result is the copy."""

    source: Path
    destination: Path


@frozen(kw_only=True)
class Discard:
    """Put a file or folder into the trash. The result is the entry there. ``kind`` is as in :class:`Move`."""

    path: Path
    kind: type[File] | type[Folder] | None = None
    condition: Condition = ALWAYS


@frozen(kw_only=True)
class Restore:
    """Take something out of the trash, to where it was or to ``destination``. The result is the node."""

    entry: TrashId
    destination: Path | None = None


@frozen(kw_only=True)
class Purge:
    """Remove one entry of the trash for good, or all of them. The result is how many there were."""

    entry: TrashId | None


@frozen(kw_only=True)
class RestoreVersion:
    """Make the content of an earlier version current again, as a new version. The result is the file."""

    path: Path
    version: VersionId
    versions_kept: int
    condition: Condition = ALWAYS


Command: TypeAlias = (
    StoreFile | MakeFolder | Move | EditTags | DateFile | Copy | Discard | Restore | Purge | RestoreVersion
)
