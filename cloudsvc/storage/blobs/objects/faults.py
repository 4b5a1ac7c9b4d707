"""Faults of an object store, and what is told of them: to whoever waits, and to the operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from twisted.logger import Logger

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import no_space, storage_failed

_log = Logger("cloudsvc.storage")

_FULL: Final = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "507"})
"""Codes of stores that take no more."""

_RETRY_AFTER: Final = 10
"""Seconds after which a store may work again that is restarted, or has too much to do."""

MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
"""Codes for an object that is not there."""

_TEMPORARY: Final = frozenset(
    {"BadDigest", "IncompleteBody", "InternalError", "RequestTimeout", "SlowDown", "XAmzContentSHA256Mismatch"}
)
"""Codes of what may go well another time: also of bytes that were altered on the way."""

_TEMPORARY_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class ObjectMissing(Exception):  # noqa: N818  # a state of affairs that callers decide on
    """There is no object under a key."""


class UploadMissing(Exception):  # noqa: N818  # a state of affairs that callers decide on
    """There is no such upload: it was completed or aborted."""


class StoreFault(Exception):  # noqa: N818  # what it is called by everybody who runs one
    """
    The store did not do what it was asked. The text names the operation and the code, and nothing that was sent.

    :ivar code: as S3 has it, a status, or the name of what went wrong on the way.
    :ivar is_temporary: whether it may do it another time.
    """

    def __init__(self, operation: str, code: str, *, is_temporary: bool) -> None:
        super().__init__(f"{operation}: {code}")
        self.operation = operation
        self.code = code
        self.is_temporary = is_temporary


def classify(operation: str, code: str, status: int) -> StoreFault | UploadMissing | ObjectMissing:
    """What a refusal of the store is, by its code and its status."""
    if code == "NoSuchUpload":
        return UploadMissing(operation)
    if code in MISSING:
        return ObjectMissing(operation)
    is_temporary = code in _TEMPORARY or status in _TEMPORARY_STATUSES
    return StoreFault(operation, code, is_temporary=is_temporary)


def translate(problem: StoreFault | UploadMissing | ObjectMissing) -> CloudError:
    """The error that a client is told. What an operator has to look at is logged."""
    if isinstance(problem, StoreFault) and problem.code in _FULL:
        return no_space()
    _log.error("the object store fails: {reason}", reason=str(problem))
    failure = storage_failed()
    is_temporary = isinstance(problem, StoreFault) and problem.is_temporary
    return CloudError(failure.kind, failure.code, failure.message, retry_after=_RETRY_AFTER if is_temporary else None)


@contextmanager
def translated() -> Iterator[None]:
    """
    Raise the translation of whatever fault the store has.

    What is missing is a fault, too, for those whom nobody has told that it may be: others catch it inside.
    """
    try:
        yield
    except (StoreFault, UploadMissing, ObjectMissing) as problem:
        raise translate(problem) from problem
