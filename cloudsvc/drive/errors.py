"""Errors of the drive, each in one place with its code and its words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import ROOT_ID, NodeId


class CommandError(CloudError):
    """
    One of several commands cannot be done.

    :ivar reason: the refusal that it would have met alone.
    :ivar number: which one; 1 is the first.
    """

    def __init__(self, number: int, reason: CloudError) -> None:
        super().__init__(
            reason.kind, reason.code, f"Operation {number}: {reason.message}", retry_after=reason.retry_after
        )
        self.reason = reason
        self.number = number


class RoomError(CloudError):
    """
    There is too little room.

    :ivar owner: the quota owner to which what was to be stored counts.
    :ivar missing: bytes by which the quota of a payer was exceeded, where it is that one.
    """

    def __init__(self, code: str, message: str, owner: NodeId, missing: int = 0) -> None:
        super().__init__(Kind.NO_SPACE, code, message)
        self.owner = owner
        self.missing = missing


@contextmanager
def telling_which(number: int, count: int) -> Iterator[None]:
    """
    Meanwhile the ``number``-th of ``count`` commands is looked at.

    :raises CommandError: it is refused, and is not the only one.
    """
    try:
        yield
    except CloudError as problem:
        if count == 1:
            raise
        raise CommandError(number, problem) from problem


def file_not_found(path: DrivePath) -> CloudError:
    """There is no file at ``path``."""
    return CloudError(Kind.NOT_FOUND, "file_not_found", f"There is no file {str(path)!r}.")


def folder_not_found(path: DrivePath) -> CloudError:
    """There is no folder at ``path``."""
    return CloudError(Kind.NOT_FOUND, "folder_not_found", f"There is no folder {str(path)!r}.")


def node_not_found(path: DrivePath) -> CloudError:
    """There is neither a file nor a folder at ``path``."""
    return CloudError(Kind.NOT_FOUND, "not_found", f"There is nothing at {str(path)!r}.")


def forbidden(path: DrivePath) -> CloudError:
    """The actor has no right to do this at ``path``."""
    return CloudError(Kind.FORBIDDEN, "forbidden", f"Nobody has given you the right to do this at {str(path)!r}.")


def entry_forbidden() -> CloudError:
    """The actor sees an entry of the trash, and has no right to do this with it."""
    return CloudError(
        Kind.FORBIDDEN, "forbidden", "Nobody has given you the right to do this with what is in the trash."
    )


def version_not_found(path: DrivePath) -> CloudError:
    """The file at ``path`` has no such version."""
    return CloudError(Kind.NOT_FOUND, "version_not_found", f"The file {str(path)!r} has no such version.")


def trash_entry_not_found() -> CloudError:
    """There is no such entry in the trash."""
    return CloudError(Kind.NOT_FOUND, "trash_entry_not_found", "There is no such entry in the trash.")


def already_exists(path: DrivePath) -> CloudError:
    """Something is at ``path`` already."""
    return CloudError(Kind.CONFLICT, "already_exists", f"There is something at {str(path)!r} already.")


def is_folder(path: DrivePath) -> CloudError:
    """A folder is where a file should be."""
    return CloudError(Kind.CONFLICT, "is_folder", f"{str(path)!r} is a folder, so it cannot be a file.")


def is_file(path: DrivePath) -> CloudError:
    """A file is where a folder should be."""
    return CloudError(Kind.CONFLICT, "is_file", f"{str(path)!r} is a file, so nothing can be in it.")


def destination_inside_source(path: DrivePath) -> CloudError:
    """A folder cannot be put below itself."""
    return CloudError(
        Kind.CONFLICT, "destination_inside_source", f"The folder {str(path)!r} cannot be put into itself."
    )


def root_immutable() -> CloudError:
    """The root can be neither moved, replaced nor deleted."""
    return CloudError(Kind.INVALID, "root_immutable", "The root folder always stays where it is; name one inside it.")


def changed_meanwhile(path: DrivePath) -> CloudError:
    """A condition on the file at ``path`` does not hold."""
    return CloudError(
        Kind.PRECONDITION_FAILED,
        "precondition_failed",
        f"{str(path)!r} is not as the request demands; look at it again.",
    )


def too_many_tags(most: int) -> CloudError:
    """A file would have more tags than allowed."""
    return CloudError(Kind.INVALID, "too_many_tags", f"A file can have at most {most} tags.")


def tag_too_long(most: int) -> CloudError:
    """A tag has more characters than allowed."""
    return CloudError(Kind.INVALID, "tag_too_long", f"A tag can have at most {most} characters.")


def too_many_nodes(most: int) -> CloudError:
    """More files and folders would come to be than one step can make."""
    message = f"One request can make at most {most} files and folders; do it in parts."
    return CloudError(Kind.TOO_LARGE, "too_many_nodes", message)


def too_many_names(most: int) -> CloudError:
    """The paths in one request have more names, all together, than are looked up in one step."""
    message = f"The paths in one request can have at most {most} names together; do it in parts."
    return CloudError(Kind.TOO_LARGE, "too_many_nodes", message)


def file_too_large(most: int) -> CloudError:
    """A file is larger than allowed; ``most`` is in bytes."""
    return CloudError(Kind.TOO_LARGE, "file_too_large", f"A file can have at most {most} bytes.")


NO_CAPACITY: Final = "no_capacity"
"""The code of :func:`no_capacity`."""

QUOTA_EXCEEDED: Final = "quota_exceeded"
"""The code of :func:`quota_exceeded`."""

USER_QUOTA_EXCEEDED: Final = "user_quota_exceeded"
"""The code of :func:`payer_quota_exceeded`."""


def no_capacity(owner: NodeId = ROOT_ID) -> RoomError:
    """The capacity of the drive is used up, also without trash and old versions."""
    return RoomError(NO_CAPACITY, "The drive is full; delete files, or let it hold more.", owner)


def quota_exceeded(owner: NodeId) -> RoomError:
    """The quota of a folder is used up, also without its trash and old versions."""
    message = "The quota of the folder is used up; delete files for good, or let it hold more."
    return RoomError(QUOTA_EXCEEDED, message, owner)


def payer_quota_exceeded(actor: Actor, owner: NodeId = ROOT_ID, missing: int = 0) -> RoomError:
    """The quota of the payer of an actor is used up, also without what could be given up; of others no more is told."""
    message = "The quota of the user for whom this is stored is used up; tell them."
    if actor.payer is not None and actor.payer.name == actor.name:
        message = "Your quota is used up; delete files that you have stored for good, or have it raised."
    return RoomError(USER_QUOTA_EXCEEDED, message, owner, missing)


def root_has_capacity() -> CloudError:
    """The root's quota is a setting."""
    message = "How much the drive may hold is its capacity, which its configuration says; name a folder in it."
    return CloudError(Kind.INVALID, "root_has_capacity", message)


def too_many_quotas(most: int) -> CloudError:
    """So many folders have a quota that one more may not."""
    return CloudError(Kind.CONFLICT, "too_many_quotas", f"At most {most} folders can have a quota.")


def too_many_recounted(most: int) -> CloudError:
    """More would come to count to another quota than one step can do."""
    message = f"One request can bring at most {most} files, folders and versions to another quota; do it in parts."
    return CloudError(Kind.TOO_LARGE, "too_many_nodes", message)


NO_SPACE: Final = "no_space"
"""The code of :func:`no_space`."""


def no_space() -> CloudError:
    """The disk is full."""
    return CloudError(Kind.NO_SPACE, NO_SPACE, "The server's disk is full.")


def storage_failed() -> CloudError:
    """The storage does not work; the log says why."""
    return CloudError(Kind.UNAVAILABLE, "storage_failed", "The server's storage does not work at the moment.")


def commit_unknown() -> CloudError:
    """The storage was lost while it was to make something durable: that may have been done, or not."""
    return CloudError(
        Kind.UNAVAILABLE,
        "commit_unknown",
        "The server's storage did not answer; what you asked for may have been done. Look before you try again.",
        retry_after=5,
    )


READ_ONLY: Final = "read_only"
"""The code of :func:`drive_frozen`, :func:`drive_moved` and :func:`drive_arriving`."""


def drive_frozen() -> CloudError:
    """The drive takes no changes for a while, as the last of it is copied to other engines; nothing was done."""
    return CloudError(
        Kind.UNAVAILABLE, READ_ONLY, "The drive is about to move and takes no changes; try again soon.", retry_after=10
    )


def drive_moved() -> CloudError:
    """The drive has moved to other engines, and this is the former one; nothing was done."""
    return CloudError(
        Kind.UNAVAILABLE,
        READ_ONLY,
        "The drive has moved to another server and takes no changes here any more.",
        retry_after=3600,
    )


def drive_arriving() -> CloudError:
    """The drive has come from other engines, which have not been left yet; nothing was done."""
    return CloudError(
        Kind.UNAVAILABLE,
        READ_ONLY,
        "The drive is about to move here and takes no changes yet; try again soon.",
        retry_after=10,
    )


def too_many_reads() -> CloudError:
    """So many lists are being read that one more would wait too long."""
    return CloudError(
        Kind.UNAVAILABLE,
        "too_many_reads",
        "Too many lists are being read at the moment; try again soon.",
        retry_after=2,
    )


def too_many_uploads() -> CloudError:
    """So many bytes are on their way to the storage that the next ones would wait too long."""
    return CloudError(
        Kind.UNAVAILABLE, "too_many_uploads", "Too much is being stored at the moment; try again soon.", retry_after=10
    )


def query_too_slow() -> CloudError:
    """What was asked for takes longer to find than anybody may have."""
    return CloudError(
        Kind.UNAVAILABLE, "query_too_slow", "This takes the server too long just now; ask for less.", retry_after=10
    )


def too_many_changes() -> CloudError:
    """So many large changes wait that one more would wait too long; nothing was done."""
    return CloudError(
        Kind.UNAVAILABLE, "too_many_changes", "Too many large changes are waiting; try again soon.", retry_after=5
    )


def digest_mismatch() -> CloudError:
    """The bytes that arrived have another digest than announced."""
    return CloudError(Kind.INVALID, "digest_mismatch", "The content does not have the digest that was sent with it.")


def invalid_media_type() -> CloudError:
    """What is said to be the type of a file is none."""
    message = (
        "The type of the file is no media type such as image/png (a range such as image/* is none); "
        "without one, the name of the file tells it."
    )
    return CloudError(Kind.INVALID, "invalid_media_type", message)


def bad_cursor() -> CloudError:
    """A cursor that no page of this list gave."""
    return CloudError(Kind.INVALID, "bad_cursor", "This cursor belongs to no such list; begin without one.")


def changes_expired() -> CloudError:
    """Changes of so long ago are not remembered, or the history is another one since a backup was restored."""
    return CloudError(
        Kind.GONE,
        "changes_expired",
        "Changes since then are not remembered. Begin anew: ask where the changes stand now, list everything, and then"
        " follow from there.",
    )


def change_unknown() -> CloudError:
    """There was no change of this number yet."""
    return CloudError(Kind.INVALID, "change_unknown", "There was no change of this number; list everything anew.")


def invalid_position() -> CloudError:
    """Where to go on with changes is said by what no answer and no event has given."""
    return CloudError(
        Kind.INVALID,
        "invalid_position",
        "This is no position among the changes: give the id of a change as it was told.",
    )


def too_many_followers() -> CloudError:
    """So many follow the changes that one more would cost the others."""
    return CloudError(
        Kind.UNAVAILABLE, "too_many_followers", "Too many follow the changes already; try again later.", retry_after=30
    )


def unsupported_media() -> CloudError:
    """A file is neither an image nor a video of a known format, nor audio with a cover."""
    return CloudError(
        Kind.UNSUPPORTED_TYPE,
        "unsupported_media",
        "Thumbnails are made of images, videos, and audio that has a cover, of common formats only.",
    )


def no_decoders() -> CloudError:
    """What decodes images and videos is not installed, which its operator has chosen."""
    return CloudError(
        Kind.UNSUPPORTED_TYPE,
        "thumbnails_not_installed",
        "This server makes no thumbnails: what decodes images and videos is not installed.",
    )


def image_too_large() -> CloudError:
    """An image has more pixels than will be decoded, or takes too much to decode."""
    return CloudError(Kind.UNPROCESSABLE, "image_too_large", "The image is too large for a thumbnail to be made.")


def image_damaged() -> CloudError:
    """An image or video cannot be decoded."""
    return CloudError(Kind.UNPROCESSABLE, "image_damaged", "The image or video is damaged.")


def too_many_thumbnails() -> CloudError:
    """More thumbnails are asked for than are made."""
    return CloudError(Kind.UNAVAILABLE, "too_many_thumbnails", "Too many thumbnails are being made; try again soon.")
