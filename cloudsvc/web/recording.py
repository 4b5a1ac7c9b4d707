"""Recording of requests: what was changed, before it is answered, and what was refused."""

from __future__ import annotations

from collections.abc import Coroutine
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import CancelledError

from cloudsvc.web.errors import as_http_error
from cloudsvc.web.http1.exchange import SAFE_METHODS
from cloudsvc.web.responses import Reply, Response

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request


class Recorder(Protocol):
    """What is told of requests for routes."""

    def check(self) -> None:
        """
        Called before a request that may change something is handled.

        :raises CloudError: it could not be recorded.
        """
        ...

    async def record(self, request: Request, status: int) -> None:
        """
        Called when a request that may change something was carried out, before it is answered with ``status``.

        :raises CloudError: it could not be recorded.
        """
        ...

    def note(self, request: Request, status: int) -> None:
        """A request is answered with this status, that of an error."""
        ...

    def see(self, request: Request, status: int) -> None:
        """A request that changes nothing is answered with this status, that of no error."""
        ...


async def recorded(request: Request, work: Coroutine[Any, Any, Any], status: int, recorder: Recorder) -> Any:
    """
    What ``work`` returns, once it is recorded.

    :param status: of the answer, where the value has none of its own.
    """
    may_change = request.method not in SAFE_METHODS
    if may_change:
        try:
            recorder.check()
        except BaseException:
            work.close()
            raise
    try:
        value = await work
    except CancelledError:
        raise
    except Exception as problem:
        error = as_http_error(problem)
        recorder.note(request, HTTPStatus.INTERNAL_SERVER_ERROR if error is None else error.status)
        raise
    if may_change:
        status = value.status if isinstance(value, Response | Reply) else status
        if status < HTTPStatus.BAD_REQUEST:
            await recorder.record(request, status)
        else:
            recorder.note(request, status)
    else:
        recorder.see(request, value.status if isinstance(value, Response | Reply) else status)
    return value
