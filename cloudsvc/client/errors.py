"""Errors of the client: a small tree, by what a caller can do about them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from attrs import frozen

from cloudsvc.client.effects import Answer

_LONGEST_MESSAGE: Final = 1000
"""Characters of a server's message that are told: whoever answers may be something else."""


class ClientError(Exception):
    """
    Anything that a client raises.

    :ivar code: stable and machine-readable, in snake_case: that of the server where it has answered.
    :ivar message: one sentence for people.
    :ivar request_id: what the server's log calls the request; ``None`` where it has not answered.
    """

    def __init__(self, code: str, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message if request_id is None else f"{message} (request {request_id})")
        self.code = code
        self.message = message
        self.request_id = request_id


class UnreachableError(ClientError):
    """No answer, or not all of one: no connection, a time-out, a connection that was cut."""

    def __init__(self, code: str, message: str, *, begun: bool) -> None:
        super().__init__(code, message)
        self.begun = begun
        """Whether something of the request may have arrived."""


class UntrustedError(UnreachableError):
    """The server could not prove that it is the one that was asked for."""


class MalformedAnswerError(ClientError):
    """An answer that no cloudsvc server gives, a redirection among them."""


class DamagedError(ClientError):
    """Bytes that do not have the digest that they should have."""


class ChangedError(ClientError):
    """Something that changed in the middle of a transfer: a local file, or one of the drive."""


class LocalError(ClientError):
    """A fault on this side: a name that cannot be used here, a file that cannot be read or written, a full disk."""


class RefusedError(ClientError):
    """
    An answer of the server that says no.

    :ivar status: the HTTP status.
    :ivar retry_after: seconds after which trying again may help; ``None`` where the server does not say.
    """

    def __init__(
        self, code: str, message: str, *, request_id: str | None, status: int, retry_after: int | None = None
    ) -> None:
        super().__init__(code, message, request_id=request_id)
        self.status = status
        self.retry_after = retry_after


class UnauthenticatedError(RefusedError):
    """The key is missing, wrong, or no longer valid (401)."""


class ForbiddenError(RefusedError):
    """The key is not allowed to do this (403)."""


class NotFoundError(RefusedError):
    """There is nothing there that the key may see (404)."""


class ConflictError(RefusedError):
    """Something is in the way (409)."""


class PreconditionFailedError(ConflictError):
    """What is there is not what the request named, or is there at all (412)."""


class GoneError(RefusedError):
    """It is no longer there, and will not be again (410)."""


class TooLargeError(RefusedError):
    """More than one request, or one file, may be (413)."""


class ThrottledError(RefusedError):
    """Too many requests (429)."""


class UnavailableError(RefusedError):
    """The server cannot do it at the moment (503)."""


class NoSpaceError(RefusedError):
    """There is no room for it in the drive, or in the folder's quota (507)."""


_CLASSES: Final[Mapping[int, type[RefusedError]]] = {
    HTTPStatus.UNAUTHORIZED: UnauthenticatedError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.GONE: GoneError,
    HTTPStatus.PRECONDITION_FAILED: PreconditionFailedError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLargeError,
    HTTPStatus.TOO_MANY_REQUESTS: ThrottledError,
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError,
    HTTPStatus.INSUFFICIENT_STORAGE: NoSpaceError,
}


@frozen(kw_only=True)
class _Told:
    """The members of an error in JSON that are read."""

    error: str | None = None
    message: str | None = None
    request_id: str | None = None


def as_error(answer: Answer) -> ClientError | None:
    """The refusal that ``answer`` is; ``None`` where it is none."""
    status = answer.status
    if status < HTTPStatus.MULTIPLE_CHOICES or status == HTTPStatus.NOT_MODIFIED:
        return None
    if status < HTTPStatus.BAD_REQUEST:
        return MalformedAnswerError(
            "redirected", f"The server answers {status}, to go elsewhere; redirections are not followed: check the URL."
        )
    told = _read(answer.content)
    retry_after = answer.headers.get("retry-after", "")
    return _CLASSES.get(status, RefusedError)(
        told.error or f"status_{status}",
        (told.message or f"The server answers {status}.")[:_LONGEST_MESSAGE],
        request_id=told.request_id or answer.headers.get("x-request-id"),
        status=status,
        retry_after=int(retry_after) if retry_after.isascii() and retry_after.isdecimal() else None,
    )


def _read(content: bytes) -> _Told:
    """What an error says; nothing where it comes from something else, such as a proxy, or answers a HEAD."""
    try:
        return msgspec.json.decode(content, type=_Told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Told()
