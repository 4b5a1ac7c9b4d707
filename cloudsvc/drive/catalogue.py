"""
Catalogue interfaces: names, contents and changes.

Each method is one atomic step on durable storage: when it returns, what it did survives a power failure; when it
raises, it did nothing. Errors are those of :mod:`cloudsvc.drive.errors`, ``BAD_CURSOR`` for a cursor that no page gave,
and ``UNAVAILABLE`` when the storage fails, or too much is asked of it at once.

Cancelling a question takes it away, also while it is being answered. Cancelling a change takes it away until it has
begun.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import IO, Any, NewType, Protocol, TypeVar

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.drive.accounts import Account, Miscount, MiscountedPayer, Quota
from cloudsvc.drive.changes import Changes, Looked
from cloudsvc.drive.commands import Command
from cloudsvc.drive.freezing import Freezing
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import ROOT_ID, Blob, BlobId, File, Instant, Node, NodeId, Trashed, Version, VersionId
from cloudsvc.drive.pages import FileQuery, Page

T = TypeVar("T")

PinId = NewType("PinId", int)


@frozen(kw_only=True)
class Usage:
    """
    What the drive holds.

    :ivar stored_bytes: as :meth:`Holdings.stored_bytes`.
    :ivar catalogue_bytes: as :meth:`Holdings.catalogue_bytes`.
    :ivar trash_entries: things that were thrown away and can be restored.
    """

    stored_bytes: int
    catalogue_bytes: int
    files: int
    folders: int
    versions: int
    blobs: int
    trash_entries: int


@frozen(kw_only=True)
class Place:
    """
    Where a file is about to be stored, and what the drive holds at the same moment.

    :ivar file: the one whose place it would take, if the actor sees any.
    :ivar account: to which it would count; ``None`` for the root, whose quota is the capacity of the drive.
    :ivar stored_bytes: as :meth:`Holdings.stored_bytes`.
    :ivar catalogue_bytes: as :meth:`Holdings.catalogue_bytes`.
    :ivar paid_bytes: what counts to the actor's payer, as :meth:`Holdings.count_paid_bytes`; 0 where they have no
        quota, so that it is not asked for.
    :ivar is_paid: whether the current version of ``file`` is among that.
    """

    file: File | None
    account: Account | None
    stored_bytes: int
    catalogue_bytes: int
    paid_bytes: int = 0
    is_paid: bool = False

    @property
    def owner(self) -> NodeId:
        """The quota owner to which it would count."""
        return ROOT_ID if self.account is None else self.account.owner


@frozen(kw_only=True)
class Location:
    """
    Where a folder is.

    :ivar chain: the ids of the folders from the root down to itself.
    """

    chain: tuple[NodeId, ...]
    path: DrivePath


class Tree(Protocol):
    """
    The files and folders that clients see, and what happened to them.

    Each method is given the actor on whose behalf it works, and does and tells what
    :mod:`cloudsvc.drive.permissions` grants to that actor: it decides in the statement or the transaction that does the
    work. What an actor may not see does not exist.
    """

    async def apply(self, actor: Actor, commands: Sequence[Command]) -> list[Any]:
        """
        Do all of ``commands`` in order, or nothing. Together they may change what :mod:`cloudsvc.drive.bounds` allows.

        :return: the result that each command documents.
        :raises CloudError: the first one that cannot be done, and why; a ``CommandError`` where there are more.
        """
        ...

    async def find(self, actor: Actor, path: DrivePath) -> Node | None:
        """What is at ``path``, if anything."""
        ...

    async def locate(self, nodes: Collection[NodeId]) -> Mapping[NodeId, Location]:
        """
        Where each of ``nodes`` is, in one statement, for those that are in the tree: neither in the trash nor purged.
        Quick. It is asked for nobody: whoever passes on what it says, sees that its reader may know.

        :param nodes: :data:`cloudsvc.core.actors.MAX_GRANTS` at most.
        """
        ...

    async def check_place(self, actor: Actor, path: DrivePath, *, replace: bool) -> Place:
        """
        What has to be known of ``path`` before the first byte of a file that is to be stored there, in one step.

        :param replace: whether it may; as in :class:`~cloudsvc.drive.commands.StoreFile`, which will look again.
        :raises CloudError: none can be stored there by this actor.
        """
        ...

    async def find_version(
        self, actor: Actor, path: DrivePath, version: VersionId | None
    ) -> tuple[File, Version] | None:
        """The file at ``path`` and one of its versions, by default the current one, if there are both."""
        ...

    async def open_version(
        self, actor: Actor, path: DrivePath, version: VersionId | None, read: Callable[[Blob], T]
    ) -> tuple[File, Version, T] | None:
        """
        As :meth:`find_version`, and with it what ``read`` makes of the version's blob, in the same step.

        :param read: is called where the question is answered, which may be a thread. It may block for as long as it
            takes to read a small blob; what it raises is raised.
        """
        ...

    async def find_unknown(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """
        Those of ``blobs`` that the catalogue knows nothing of; nor will it come to, by what has failed before.

        :raises CloudError: as it fails just now, that cannot be said.
        """
        ...

    async def list_children(self, actor: Actor, folder: DrivePath, limit: int, cursor: str | None = None) -> Page[Node]:
        """
        What is directly in ``folder``, by key.

        :raises CloudError: there is no such folder.
        """
        ...

    async def list_files(
        self,
        actor: Actor,
        query: FileQuery,
        limit: int,
        cursor: str | None = None,
        *,
        caller: str = "",
        goes_on: bool = False,
    ) -> Page[File]:
        """
        The files that ``query`` asks for, those in the trash left out. A page may be shorter than ``limit``, even
        empty, and still have a cursor: a search looks at a bounded number of files at a time, for a bounded time.

        :param caller: for whom; where many ask at once, callers come in turns.
        :param goes_on: whether it belongs to an answer that has begun, which must not end because too many ask.
        """
        ...

    async def list_versions(
        self, actor: Actor, path: DrivePath, limit: int, cursor: str | None = None
    ) -> Page[Version]:
        """
        The versions of the file at ``path``, the newest first.

        :raises CloudError: there is no such file.
        """
        ...

    async def list_trash(self, actor: Actor, limit: int, cursor: str | None = None) -> Page[Trashed]:
        """What is in the trash, the last deleted first."""
        ...

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """
        Call ``listener`` after commits that brought changes, once for several of them, perhaps in vain. It only wakes:
        what has happened is read from :meth:`read_changes`, which is asked once more after this has returned.

        :return: what ends it.
        """
        ...

    async def read_changes(
        self, actor: Actor, after: int, limit: int, *, epoch: str | None = None, looked: Looked | None = None
    ) -> Changes:
        """
        What happened after the change numbered ``after``.

        :param after: the number of a change that the actor sees, or of the last one that is not remembered any more.
        :param epoch: in which history it was; without one, in that of now.
        :param looked: from an answer before, to look only through what came after it.
        :raises CloudError: ``GONE``, so long ago is not remembered, or the history is another one; ``INVALID``, there
            was no such change yet.
        """
        ...

    async def find_last_change(self, actor: Actor) -> Changes:
        """The last change that ``actor`` sees, by its number alone; or else that of the last one not remembered."""
        ...

    async def usage(self, actor: Actor) -> Usage:
        """What the drive holds now, as far as ``actor`` sees it. It counts, so it may take a while."""
        ...


class Holdings(Protocol):
    """How much is stored, and how it becomes less."""

    async def stored_bytes(self) -> int:
        """Of all blobs, wanted or not, until they are gone from the store. Quick."""
        ...

    async def catalogue_bytes(self) -> int:
        """What the catalogue itself takes on disk, with its log and the copies that are kept of it. Quick."""
        ...

    async def reclaimable_bytes(self) -> int:
        """
        How many stored bytes no current version of a file outside the trash needs, without those of blobs that are
        marked for deletion: they are on their way out, or cannot be deleted.
        """
        ...

    async def evictable_bytes(self, owner: NodeId | None = None) -> int:
        """
        How many bytes of the drive :meth:`evict` can make room for, as often as it is called: none while anything is
        pinned.

        :param owner: by taking from this quota owner; ``None`` for all of them.
        """
        ...

    async def find_account(self, owner: NodeId) -> Account | None:
        """The account of a quota owner; ``None`` for the root, and where there is no quota any more. Quick."""
        ...

    async def list_quotas(self) -> Sequence[Quota]:
        """All folders with a quota."""
        ...

    async def droppable_bytes(self, owner: NodeId) -> int:
        """
        As :meth:`evictable_bytes`, how many bytes less will then count to the account of ``owner``, be it that others
        keep the blobs.
        """
        ...

    async def count_paid_bytes(self, names: Collection[str]) -> Mapping[str, int]:
        """
        The bytes of all versions that users have stored, each with its whole size: old ones and those in the trash too,
        wherever they are. Quick.

        :param names: of these users, whether or not they have stored anything.
        """
        ...

    async def droppable_paid_bytes(self, payer: str) -> int:
        """
        How many bytes less :meth:`evict_paid`, as often as it is called, lets count to a payer: none while anything is
        pinned.
        """
        ...

    async def evict_paid(self, payer: str) -> bool:
        """
        As :meth:`evict`, for a user: give up the oldest entry of the trash of which every version was stored by them
        (of no more than :data:`~cloudsvc.drive.bounds.MOST_LOOKED_THROUGH` files and folders, and without a folder that
        has a quota); or, where there is none, the oldest superseded version that was.
        """
        ...

    async def evict(self, owner: NodeId) -> bool:
        """
        Give up the oldest entry of the trash that counts to ``owner``, and nothing of which counts to another one. Or,
        where there is none, the oldest superseded version that does. Whether there was one. Nothing is given up while
        anything is pinned, since that would make no room.
        """
        ...


class Garbage(Protocol):
    """What nobody will miss, on its way out. While the drive is frozen, all stays as it is."""

    async def is_frozen(self) -> bool:
        """Whether changes are refused: see :mod:`cloudsvc.drive.freezing`. Quick."""
        ...

    async def expire(self, *, trash_before: Instant, versions_before: Instant, changes_before: Instant) -> None:
        """
        Give up entries of the trash from before the first moment, versions superseded before the second, and changes
        from before the third: a bounded number in each step, so that when it fails, some may be given up.
        """
        ...

    async def remove_purged(self, limit: int) -> int:
        """
        Remove up to ``limit`` files and folders of what was purged from the trash. A version or an entry of the trash
        that has to count to another account for that is one as well. How many there were; 0: all is done.
        """
        ...

    async def mark_for_deletion(self, limit: int, *, after: BlobId | None = None) -> Sequence[BlobId]:
        """
        Blobs that nothing refers to and nothing will, by id: from now on none is deduplicated with them. The
        caller deletes them from the store and then calls :meth:`forget`; those not forgotten come again.
        While anything is pinned there are none.

        :param after: leaves out all up to this one.
        """
        ...

    async def forget(self, blobs: Sequence[BlobId]) -> None:
        """``blobs`` that were marked are gone from the store."""
        ...

    async def find_unknown(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`Tree.find_unknown`."""
        ...

    async def tidy(self) -> None:
        """Make the files of the catalogue no larger than they have to be, if nobody writes just now."""
        ...


class Inventory(Protocol):
    """Which blobs there are, and what consists of them."""

    async def list_blobs(self, limit: int, cursor: str | None = None) -> Page[Blob]:
        """All blobs that are referred to, by id."""
        ...

    async def find_users(self, blob: BlobId) -> Sequence[tuple[DrivePath, VersionId]]:
        """Which versions of which files consist of ``blob``. Paths of what is in the trash are those it had."""
        ...

    async def find_miscounts(self) -> Sequence[Miscount]:
        """Count everything that counts to a folder with a quota, for those whose account says something else."""
        ...

    async def find_miscounted_payers(self) -> Sequence[MiscountedPayer]:
        """Count everything that was stored by users, for those of whom something else is said."""
        ...

    async def recount_payers(self) -> None:
        """Let count to each user what they have stored, whatever was said."""
        ...

    async def list_unmeasured(self, limit: int, *, after: BlobId | None = None) -> Sequence[Blob]:
        """
        Blobs that are referred to and whose digest or CRC-32 is not known, by id; none while the drive is frozen.

        :param after: leaves out all up to this one.
        """
        ...

    async def record_checksums(self, measured: Blob) -> None:
        """
        Remember digest and CRC-32 of a blob. Where another has the same bytes, versions refer to that from now on, a
        bounded number in each step; when that fails, some may. While the drive is frozen, nothing is remembered.
        """
        ...


class Pins(Protocol):
    """The catalogue as it is at one moment, and keeping the blobs of which it speaks."""

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """
        A consistent copy of the whole catalogue, made while everything goes on. It is gone when the context ends.

        :raises CloudError: when the context is entered: it cannot be made.
        """
        ...

    async def pin(self, until: Instant) -> PinId:
        """
        Mark nothing for deletion until :meth:`unpin`, or until the moment given has passed. That must be within a day:
        one that is further away was told by a clock that was wrong, and holds up nothing.
        """
        ...

    async def unpin(self, pin: PinId) -> None:
        """End a pin."""
        ...


class Catalogue(Tree, Holdings, Garbage, Inventory, Pins, Freezing, Protocol):
    """Keeps the tree, the versions, the trash, the changes, and what is known about blobs."""


@frozen(kw_only=True)
class Snapshot:
    """
    The catalogue as it was at one moment.

    :ivar catalogue: it, open for questions. Changes would be lost.
    :ivar content: all of it as an SQLite database, the format of interchange, whatever the engine. Reading blocks.
    :ivar size: of ``content``, in bytes.
    """

    catalogue: Catalogue
    content: IO[bytes]
    size: int
