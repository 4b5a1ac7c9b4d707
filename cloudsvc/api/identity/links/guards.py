"""The guard of routes for visitors: the secret of a link, which stands in the path, and nothing else lets in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeVar

from attrs import frozen

from cloudsvc.api.identity.links.pages import PAGES, wants_page
from cloudsvc.extend import (
    Actor,
    CloudError,
    CredentialSource,
    HTTPError,
    Kind,
    Principal,
    Request,
    RequestHead,
    authenticate_by,
    read_cookie,
)
from cloudsvc.extend.identity import Link, ResolvedLink, Visits, link_locked, link_not_found

H = TypeVar("H", bound=Callable[..., Any])

_VIA: Final = "link"

_TOLD: Final = {
    Kind.FORBIDDEN: "This link does not let you do that.",
    Kind.NOT_FOUND: "There is nothing here.",
    Kind.CONFLICT: "Something else is there already; choose another name.",
    Kind.GONE: "This has gone.",
    Kind.PRECONDITION_FAILED: "What is there is not any more what you know of; ask for it again.",
    Kind.NO_SPACE: "There is no room for it; ask whoever has given you the link.",
}
"""What is said of refusals of the drive, which name whole paths: a visitor knows no more than what is shared."""


@frozen(kw_only=True)
class Visitor(Principal):
    """
    Somebody who has shown a link.

    :ivar visit: the link, and what it lets do.
    :ivar is_locked: whether it has a password which they have not shown; then they may do nothing.
    """

    visit: ResolvedLink
    is_locked: bool


@frozen
class LinkSource(CredentialSource):
    """The secret of a link in a path, which its routes find themselves: in no other request it is looked for."""

    visits: Visits

    name = _VIA

    def find(self, head: RequestHead, /) -> bytes | None:
        """See :class:`~cloudsvc.extend.CredentialSource`."""
        return None

    async def identify(self, credential: bytes, head: RequestHead, /) -> Visitor | None:
        """See :class:`~cloudsvc.extend.CredentialSource`."""
        visit = await self.visits.find(credential)
        if visit is None:
            return None
        shown = read_cookie(head.requestHeaders, name_cookie(visit.link))
        is_locked = not self.visits.is_unlocked(visit.link, shown)
        actor = Actor(name=visit.actor.name, scopes=frozenset()) if is_locked else visit.actor
        return Visitor(actor=actor, via=_VIA, credential=actor.name, visit=visit, is_locked=is_locked)


class Visited(Protocol):
    """An object with routes for visitors."""

    @property
    def source(self) -> LinkSource: ...


def name_cookie(link: Link) -> bytes:
    """What the cookie is called by which a link stays unlocked."""
    return f"__Host-cloudsvc-link-{link.id}".encode("ascii")


def visited(*, locked: bool = False) -> Callable[[H], H]:
    """
    Let in only who shows a good link, as :func:`~cloudsvc.extend.authorized` does with keys, whose limit of wrong ones
    holds for links too: 404 otherwise, whatever is wrong. The handler is told the link by :func:`visitor_of`, and no
    secret.

    :param locked: whether to let in who has not shown its password yet.
    """

    def decorate(handler: H) -> H:
        @wraps(handler)
        async def guarded(self: Visited, request: Request, *, token: str, **arguments: Any) -> Any:
            if wants_page(request):
                request.error_renderer = PAGES
            await _let_in(request, self.source, token)
            if visitor_of(request).is_locked and not locked:
                raise link_locked()
            try:
                return await handler(self, request, **arguments)
            except CloudError as problem:
                raise _hide(problem) from problem

        return guarded  # type: ignore[return-value]  # wraps keeps the signature but for `token`

    return decorate


def visitor_of(request: Request) -> Visitor:
    """Who visits. Only routes behind :func:`visited` have one."""
    if not isinstance(request.principal, Visitor):
        raise RuntimeError(  # noqa: TRY004  # of the program, not of a value
            f"the route {request.pattern} has no @visited guard"
        )
    return request.principal


async def _let_in(request: Request, source: LinkSource, token: str) -> None:
    try:
        await authenticate_by(request, source, token.encode())
    except HTTPError as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            raise link_not_found() from None
        raise


def _hide(problem: CloudError) -> CloudError:
    text = _TOLD.get(problem.kind)
    if text is None or problem.code in {"link_not_found", "link_locked", "wrong_password"}:
        return problem
    code = "not_found" if problem.kind is Kind.NOT_FOUND else problem.code
    return CloudError(problem.kind, code, text, retry_after=problem.retry_after)
