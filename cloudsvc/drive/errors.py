"""The refusals of the drive, each in one place with its code and its words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.names import Path


class CommandError(CloudError):
    """
    One of several commands cannot be done.

    :ivar reason: the refusal that it would have met alone.
    """

    def __init__(self, number: int, reason: CloudError) -> None:
        super().__init__(reason.kind, reason.code, f"Operation {number}: {reason.message}")
        self.reason = reason


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


def file_not_found(path: Path) -> CloudError:
    """There is no file at ``path``."""
    return CloudError(Kind.NOT_FOUND, "file_not_found", f"There is no file {str(path)!r}.")


def folder_not_found(path: Path) -> CloudError:
    """There is no folder at ``path``."""
    return CloudError(Kind.NOT_FOUND, "folder_not_found", f"There is no folder {str(path)!r}.")


def node_not_found(path: Path) -> CloudError:
    """There is neither a file nor a folder at ``path``."""
    return CloudError(Kind.NOT_FOUND, "not_found", f"There is nothing at {str(path)!r}.")


def version_not_found(path: Path) -> CloudError:
    """The file at ``path`` has no such version."""
    return CloudError(Kind.NOT_FOUND, "version_not_found", f"The file {str(path)!r} has no such version.")


def trash_entry_not_found() -> CloudError:
    """There is no such entry in the trash."""
    return CloudError(Kind.NOT_FOUND, "trash_entry_not_found", "There is no such entry in the trash.")


def upload_not_found() -> CloudError:
    """There is no such upload in progress."""
    return CloudError(Kind.NOT_FOUND, "upload_not_found", "There is no such upload; begin a new one.")


def already_exists(path: Path) -> CloudError:
    """Something is at ``path`` already."""
    return CloudError(Kind.CONFLICT, "already_exists", f"There is something at {str(path)!r} already.")


def is_folder(path: Path) -> CloudError:
    """A folder is where a file should be."""
    return CloudError(Kind.CONFLICT, "is_folder", f"{str(path)!r} is a folder, so it cannot be a file.")


def is_file(path: Path) -> CloudError:
    """A file is where a folder should be."""
    return CloudError(Kind.CONFLICT, "is_file", f"{str(path)!r} is a file, so nothing can be in it.")


def into_itself(path: Path) -> CloudError:
    """A folder cannot be put below itself."""
    return CloudError(Kind.CONFLICT, "into_itself", f"The folder {str(path)!r} cannot be put into itself.")


def root_is_fixed() -> CloudError:
    """The root can be neither moved, replaced nor deleted."""
    return CloudError(Kind.INVALID, "root_is_fixed", "The root folder always stays where it is; name one inside it.")


def changed_meanwhile(path: Path) -> CloudError:
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


def file_too_large(most: int) -> CloudError:
    """A file is larger than allowed; ``most`` is in bytes."""
    return CloudError(Kind.TOO_LARGE, "file_too_large", f"A file can have at most {most} bytes.")


def no_capacity() -> CloudError:
    """The capacity of the drive is used up, also without trash and old versions."""
    return CloudError(Kind.NO_SPACE, "no_capacity", "The drive is full; delete files, or let it hold more.")


def no_space() -> CloudError:
    """The disk is full."""
    return CloudError(Kind.NO_SPACE, "no_space", "The server's disk is full.")


def storage_failed() -> CloudError:
    """The storage does not work; the log says why."""
    return CloudError(Kind.UNAVAILABLE, "storage_failed", "The server's storage does not work at the moment.")


def digest_mismatch() -> CloudError:
    """The bytes that arrived have another digest than announced."""
    return CloudError(Kind.INVALID, "digest_mismatch", "The content does not have the digest that was sent with it.")


def invalid_media_type() -> CloudError:
    """What is said to be the type of a file is none."""
    return CloudError(Kind.INVALID, "invalid_media_type", "The type of the file is no media type such as image/png.")


def bad_cursor() -> CloudError:
    """A cursor that no page of this list gave."""
    return CloudError(Kind.INVALID, "bad_cursor", "This cursor belongs to no such list; begin without one.")


def changes_forgotten() -> CloudError:
    """Changes of so long ago are not remembered."""
    return CloudError(
        Kind.GONE, "changes_forgotten", "Changes of so long ago are not remembered; list everything anew."
    )


def change_unknown() -> CloudError:
    """There was no change of this number yet."""
    return CloudError(Kind.INVALID, "change_unknown", "There was no change of this number; list everything anew.")


def not_picturable() -> CloudError:
    """A file is neither a picture nor a film of a known format."""
    return CloudError(
        Kind.UNSUPPORTED_TYPE, "not_picturable", "Thumbnails are made of pictures and films of common formats only."
    )


def picture_too_large() -> CloudError:
    """A picture has more pixels than will be decoded, or takes too much to decode."""
    return CloudError(Kind.UNPROCESSABLE, "picture_too_large", "The picture is too large for a thumbnail to be made.")


def picture_damaged() -> CloudError:
    """A picture or film cannot be decoded."""
    return CloudError(Kind.UNPROCESSABLE, "picture_damaged", "The picture or film is damaged.")


def too_many_thumbnails() -> CloudError:
    """More thumbnails are asked for than are made."""
    return CloudError(Kind.UNAVAILABLE, "too_many_thumbnails", "Too many thumbnails are being made; try again soon.")
