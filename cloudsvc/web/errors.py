"""Error table: the one place that maps errors to HTTP statuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from cloudsvc.core.errors import CloudError, Kind

STATUS_OF_KIND: Final[Mapping[Kind, int]] = MappingProxyType(
    {
        Kind.INVALID: HTTPStatus.BAD_REQUEST,
        Kind.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
        Kind.FORBIDDEN: HTTPStatus.FORBIDDEN,
        Kind.NOT_FOUND: HTTPStatus.NOT_FOUND,
        Kind.CONFLICT: HTTPStatus.CONFLICT,
        Kind.GONE: HTTPStatus.GONE,
        Kind.PRECONDITION_FAILED: HTTPStatus.PRECONDITION_FAILED,
        Kind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        Kind.UNSUPPORTED_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        Kind.UNPROCESSABLE: HTTPStatus.UNPROCESSABLE_ENTITY,
        Kind.THROTTLED: HTTPStatus.TOO_MANY_REQUESTS,
        Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
        Kind.NO_SPACE: HTTPStatus.INSUFFICIENT_STORAGE,
    }
)
"""What each kind of error is in HTTP (RFC 9110 section 15; 429: RFC 6585; 507: RFC 4918)."""


class HTTPError(Exception):
    """
    A refusal that only makes sense in HTTP, such as 405 or 431. Domain code raises :class:`CloudError` instead.

    :param error: the stable machine-readable name in the answer.
    :param headers: further header fields of the answer.
    """

    def __init__(self, status: int, error: str, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.headers = headers


def as_http_error(problem: BaseException) -> HTTPError | None:
    """``problem`` as it is reported to the client, or ``None`` for the unexpected, of which nothing is."""
    if isinstance(problem, HTTPError):
        return problem
    if isinstance(problem, CloudError):
        return HTTPError(STATUS_OF_KIND[problem.kind], problem.code, problem.message, tuple(_list_fields(problem)))
    return None


def _list_fields(problem: CloudError) -> Iterator[tuple[bytes, bytes]]:
    """What else is said of an error, in header fields."""
    if problem.retry_after is not None:
        yield b"Retry-After", b"%d" % problem.retry_after
    shortage = problem.shortage
    if shortage is not None:
        # No standard has fields for it. The words are those of RFC 9425 (quotas of mail): scope, limit and used.
        yield b"Quota-Scope", shortage.scope.encode("ascii")
        if shortage.limit is not None and shortage.used is not None:
            yield b"Quota-Limit", b"%d" % shortage.limit
            yield b"Quota-Used", b"%d" % shortage.used


def not_found() -> HTTPError:
    """Nothing is at this path (RFC 9110 section 15.5.5)."""
    return HTTPError(404, "not_found", "There is nothing at this path.")


def method_not_allowed(allowed: Iterable[str | bytes]) -> HTTPError:
    """The refusal of a method, with the ``Allow`` header that RFC 9110 section 15.5.6 demands."""
    allow = list_methods(allowed)
    return HTTPError(
        405, "method_not_allowed", f"This method is not allowed here; {allow.decode()} are.", ((b"Allow", allow),)
    )


def list_methods(allowed: Iterable[str | bytes]) -> bytes:
    """The value of ``Allow`` (RFC 9110 section 10.2.1): ``allowed``, and ``OPTIONS``, which is answered everywhere."""
    return b", ".join(sorted({b"OPTIONS", *(name if isinstance(name, bytes) else name.encode() for name in allowed)}))
