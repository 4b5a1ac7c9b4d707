"""Commands: changes of the tree as values, each atomic, and a list of them too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from attrs import evolve, frozen

from cloudsvc.drive.accounts import NO_ALLOWANCE, Allowance
from cloudsvc.drive.errors import changed_meanwhile, too_many_names
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, File, Folder, Instant, TrashId, VersionId
from cloudsvc.drive.permissions import Right

Touch: TypeAlias = tuple[Right, DrivePath | TrashId]
"""
What a command does with something, as the right that it takes, and the path or the entry of the trash. Each command has
``touches``, which lists everything that it reads or changes; a catalogue lets it do nothing else.

A file that may be new is created and, where one is there that the actor sees, changed.
"""


_SECOND: Final = 1_000_000


@frozen(kw_only=True)
class State:
    """
    What conditions ask of the file at a path.

    :ivar validator: of its current version.
    :ivar updated_at: when it was last changed.
    :ivar stored_at: when its content came here, which is later than ``updated_at`` where that was brought along.
    """

    validator: str
    updated_at: Instant
    stored_at: Instant

    @classmethod
    def of(cls, file: File) -> State:
        """That of ``file``."""
        version = file.version
        return cls(validator=version.validator, updated_at=file.updated_at, stored_at=version.created_at)

    def is_from_before(self, second: int) -> bool:
        """
        Whether it was so by the end of ``second``. The very second of the last change says so too: whoever names that
        has it from here.
        """
        updated = self.updated_at // _SECOND
        return second == updated or max(updated, self.stored_at // _SECOND) <= second


@frozen(kw_only=True)
class Condition:
    """
    What must hold of what is at a path, or else nothing happens (RFC 9110 section 13.1 has the protocol's words).

    :ivar absent: there must be nothing at the path.
    :ivar present: there must be something.
    :ivar validators: the file's current version must have one of these; a folder has none. ``None`` where any will do.
    :ivar excluded: it must have none of these.
    :ivar unmodified_since: the file must not have changed after this second since the epoch; ``None`` where it may. Of
        what is no file, that is not asked.
    """

    absent: bool = False
    present: bool = False
    validators: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()
    unmodified_since: int | None = None

    def check(self, path: DrivePath, state: State | None, *, is_folder: bool = False) -> None:
        """
        See that this holds of what is at ``path``.

        :param state: of the file; ``None`` where there is none.
        :param is_folder: whether there is a folder.
        :raises CloudError: it does not hold.
        """
        if state is not None:
            holds = (
                not self.absent
                and (self.validators is None or state.validator in self.validators)
                and state.validator not in self.excluded
                and (self.unmodified_since is None or state.is_from_before(self.unmodified_since))
            )
        elif is_folder:
            holds = not self.absent and self.validators is None
        else:
            holds = not self.present and self.validators is None
        if not holds:
            raise changed_meanwhile(path)

    def settle(self, state: State | None) -> Condition:
        """
        What has to hold later, where this holds of ``state`` now. A second is too coarse for what may happen until
        then: in the place of the moment, it is the version that must be the same.
        """
        if self.unmodified_since is None or state is None:
            return self
        return evolve(self, unmodified_since=None, validators=frozenset({state.validator}))


ALWAYS = Condition()


@frozen(kw_only=True)
class StoreFile:
    """
    Make ``blob`` the content of the file at ``path``; missing folders are made on the way.

    Where a blob with the same bytes is known already, that one is referred to instead.

    :ivar versions_kept: how many versions remain at most, the new one included.
    :ivar replace: whether there may be a file already; if not, that is a conflict (``already_exists``).
    :ivar capacity: bytes that all blobs together may take, whoever has brought them; ``None`` for any number.
    :ivar allowance: what may go beyond that, beyond the nearest quota above the path, and beyond that of the payer.
    :ivar modified_at: when the content was last changed; ``None`` where nobody says. Where the same content is there
        already, only that moment changes.
    """

    path: DrivePath
    blob: Blob
    media_type: str
    versions_kept: int
    replace: bool = True
    capacity: int | None = None
    allowance: Allowance = NO_ALLOWANCE
    modified_at: Instant | None = None
    condition: Condition = ALWAYS

    def touches(self) -> tuple[Touch, ...]:
        """As :func:`touch_file`."""
        return touch_file(self.path, replace=self.replace)


@frozen(kw_only=True)
class StoredFile:
    """
    The file as it is now.

    :ivar created: whether there was none before.
    :ivar deduplicated: whether another blob with the same bytes is used, so that the one brought is garbage.
    """

    file: File
    created: bool
    deduplicated: bool


@frozen(kw_only=True)
class MakeFolder:
    """Make a folder, and those above it that are missing. Where it is already, nothing happens."""

    path: DrivePath
    condition: Condition = ALWAYS

    def touches(self) -> tuple[Touch, ...]:
        """As :data:`Touch` says."""
        return (Right.CREATE, self.path), (Right.SEE, self.path)


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

    path: DrivePath
    destination: DrivePath
    kind: type[File] | type[Folder] | None = None
    condition: Condition = ALWAYS

    def touches(self) -> tuple[Touch, ...]:
        """As :data:`Touch` says."""
        return (Right.DISCARD, self.path), (Right.CREATE, self.destination)


@frozen(kw_only=True)
class EditTags:
    """Add and remove tags of a file; removing one that is not there is no error. The result is the file."""

    path: DrivePath
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    most: int
    condition: Condition = ALWAYS

    def touches(self) -> tuple[Touch, ...]:
        """As :data:`Touch` says."""
        return ((Right.CHANGE, self.path),)


@frozen(kw_only=True)
class DateFile:
    """
    Say when a file came to be and last changed as an entry of a drive, for one that comes from elsewhere. When its
    content changed is said as it is stored. The result is the file.
    """

    path: DrivePath
    created_at: Instant
    updated_at: Instant

    def touches(self) -> tuple[Touch, ...]:
        """As :data:`Touch` says."""
        return ((Right.CHANGE, self.path),)


@frozen(kw_only=True)
class Copy:
    """Make a second file or folder with the same contents and tags, without copying bytes. The result is the copy."""

    source: DrivePath
    destination: DrivePath

    def touches(self) -> tuple[Touch, ...]:
        """As :data:`Touch` says."""
        return (Right.SEE, self.source), (Right.CREATE, self.destination)


@frozen(kw_only=True)
class Discard:
    """Put a file or folder into the trash. The result is the entry there. ``kind`` is as in :class:`Move`."""

    path: DrivePath
    kind: type[File] | type[Folder] | None = None
    condition: Condition = ALWAYS

    def touches(self) -> tuple[Touch, ...]:
        """As :data:`Touch` says."""
        return ((Right.DISCARD, self.path),)


@frozen(kw_only=True)
class Restore:
    """Take something out of the trash, to where it was or to ``destination``. The result is the node."""

    entry: TrashId
    destination: DrivePath | None = None

    def touches(self) -> tuple[Touch, ...]:
        """As :data:`Touch` says. Without a destination, the entry stands for the path that it had."""
        return (Right.DISCARD, self.entry), (Right.CREATE, self.destination or self.entry)


@frozen(kw_only=True)
class Purge:
    """
    Remove one entry of the trash for good, or all that the actor may purge. The result is how many there were.

    All of them, alone in its list, goes in steps, for they may be any number: when it fails, some may be gone.
    """

    entry: TrashId | None

    def touches(self) -> tuple[Touch, ...]:
        """As :data:`Touch` says. All of them are none in particular: each is looked at as it is purged."""
        return () if self.entry is None else ((Right.PURGE, self.entry),)


@frozen(kw_only=True)
class RestoreVersion:
    """Make the content of an earlier version current again, as a new version. The result is the file."""

    path: DrivePath
    version: VersionId
    versions_kept: int
    condition: Condition = ALWAYS

    def touches(self) -> tuple[Touch, ...]:
        """As :data:`Touch` says."""
        return ((Right.CHANGE, self.path),)


@frozen(kw_only=True)
class SetQuota:
    """
    Say how much may be stored in a folder, be it that more is. The result is the folder.

    :ivar quota: in bytes; ``None`` where it has none of its own any more, so that all counts to the nearest above.
    """

    path: DrivePath
    quota: int | None

    def touches(self) -> tuple[Touch, ...]:
        """As :data:`Touch` says. It takes the right on the folder around, or else a quota would be no limit."""
        return (Right.SEE, self.path), (Right.SHARE, self.path.parent)


Command: TypeAlias = (
    StoreFile | MakeFolder | Move | EditTags | DateFile | Copy | Discard | Restore | Purge | RestoreVersion | SetQuota
)


def touch_file(path: DrivePath, *, replace: bool) -> tuple[Touch, ...]:
    """What storing a file at ``path`` touches, where one may be there already if ``replace``."""
    return ((Right.CREATE, path), (Right.CHANGE, path)) if replace else ((Right.CREATE, path),)


MOST_NAMES: Final = 50_000
"""
Names of which the paths of commands that are done together consist. Each is looked up, which takes some microseconds,
and nobody else can write meanwhile.
"""


def check_names(commands: Sequence[Command]) -> None:
    """
    See that the paths of ``commands`` are not too much to look up in one step.

    :raises CloudError: they are.
    """
    paths = (getattr(command, field, None) for command in commands for field in ("path", "source", "destination"))
    if sum(len(path.names) for path in paths if path is not None) > MOST_NAMES:
        raise too_many_names(MOST_NAMES)
