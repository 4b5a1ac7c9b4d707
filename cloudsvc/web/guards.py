"""Guards of routes: decorators that refuse before the body is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from cloudsvc.access.credentials import CredentialSource
from cloudsvc.core.actors import Principal
from cloudsvc.web.operations import H, note
from cloudsvc.web.origins import check_same_origin
from cloudsvc.web.policies import policies_of
from cloudsvc.web.rate_limits import Subject

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request


def authorized(scope: str = "", *, when: Callable[[Any], bool] | None = None) -> Callable[[H], H]:
    """
    Let in only who holds a valid credential, and where ``scope`` is given one with that scope: 401 or 403 otherwise.

    :param when: says of the application whether to ask for one; the route's documentation then has to tell of it.
    """

    def decorate(handler: H) -> H:
        @wraps(handler)
        async def guarded(self: object, request: Request, **arguments: Any) -> Any:
            if when is None or when(self):
                request.principal = await policies_of(request).authenticator.authenticate(request, scope)
            return await handler(self, request, **arguments)

        noted = scope if when is None else None
        return note(guarded, scope=noted)  # type: ignore[return-value]  # wraps keeps the signature

    return decorate


async def authenticate(request: Request, scope: str = "") -> Principal:
    """
    The principal of a request, on a route that lets others in as well; for errors see :func:`authorized`.

    :param scope: which it has to have.
    """
    request.principal = await policies_of(request).authenticator.authenticate(request, scope)
    return request.principal


async def authenticate_by(request: Request, source: CredentialSource, credential: bytes) -> Principal:
    """
    The principal of a request by a credential that its route has found itself, such as one in the path; for errors see
    :func:`authorized`.

    :param source: of this kind of credential, which need not be one that is asked for with every request.
    """
    request.principal = await policies_of(request).authenticator.authenticate_by(request, source, credential)
    return request.principal


def same_origin(handler: H) -> H:
    """
    Let in only what a page of this server sends, as browsers say: 403 otherwise.

    Changes by a session are refused without it too; it is for routes that begin one, to which a page of others could
    have somebody signed in as somebody else.
    """

    @wraps(handler)
    async def guarded(self: object, request: Request, **arguments: Any) -> Any:
        check_same_origin(request)
        return await handler(self, request, **arguments)

    return note(guarded)  # type: ignore[return-value]  # wraps keeps the signature


def throttled(kind: str = "api", *, by: Subject | None = None) -> Callable[[H], H]:
    """
    Let in only as often as the rate class ``kind`` allows: 429 beyond.

    :param by: whose requests are counted together: those of one ``client`` (address) or of one ``principal``, which
        takes an ``@authorized`` above it; as ``rate_limit.by`` of the settings has it, where it does not say.
    """

    def decorate(handler: H) -> H:
        @wraps(handler)
        async def guarded(self: object, request: Request, **arguments: Any) -> Any:
            await policies_of(request).rate_limits.admit(request, kind, by)
            return await handler(self, request, **arguments)

        return note(guarded, throttle=kind)  # type: ignore[return-value]  # wraps keeps the signature

    return decorate


def records_change(handler: H) -> H:
    """
    Record what a route does as a change, though its method is a safe one: where a browser is sent by the page of
    somebody else, there is no other.

    Put it below the guards. The method returns a :class:`~cloudsvc.web.responses.Response`.
    """

    @wraps(handler)
    async def recording(self: object, request: Request, **arguments: Any) -> Any:
        recorder = policies_of(request).recorder
        if recorder is None:
            return await handler(self, request, **arguments)
        recorder.check()
        value: Any = await handler(self, request, **arguments)
        await recorder.record(request, value.status)
        return value

    return recording  # type: ignore[return-value]  # wraps keeps the signature
