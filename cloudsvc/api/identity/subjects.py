"""Routes of subjects: who users are to identity providers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

from attrs import frozen
from msgspec import Meta

from cloudsvc.api.identity.descriptions import FAILED, NO_RIGHT, NO_USER, READ, WRITE, NameText, NoQuery
from cloudsvc.api.identity.subject_messages import SubjectEntry, SubjectMessage, SubjectPage
from cloudsvc.extend import (
    Klein,
    Message,
    Request,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authorized,
    route,
    throttled,
)
from cloudsvc.extend.identity import MAX_ISSUER, MAX_SUBJECT, Federation, Subject

_NO_SUBJECT: Final = "There is no such user, or no such account of theirs at a provider."
_TAKEN: Final = "It is linked to a user already, or that user is disabled, or has too many."

SubjectText = Annotated[str, Meta(min_length=24, max_length=24)]
"""The id of a subject."""


@frozen(kw_only=True)
class NewSubject:
    """
    Who a user is to an identity provider.

    :ivar issuer: As it is configured.
    :ivar subject: What it calls the user, in the claim `sub`.
    """

    issuer: Annotated[str, Meta(min_length=1, max_length=MAX_ISSUER, extra_json_schema={"pattern": "^https://"})]
    subject: Annotated[str, Meta(min_length=1, max_length=MAX_SUBJECT)]


@frozen(kw_only=True)
class SubjectRoutes:
    """``/me/subjects`` and ``/users/{name}/subjects``."""

    app: ClassVar[Klein] = Klein()
    federation: Federation

    @route(app, "GET", "/me/subjects", errors={403: NO_RIGHT, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    async def list_own_subjects(self, request: Request, query: NoQuery) -> SubjectPage:
        """List one's accounts at identity providers."""
        return _list(await self.federation.list_subjects(request.actor))

    @route(app, "DELETE", "/me/subjects/<subject>", errors={403: NO_RIGHT, 404: _NO_SUBJECT, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def unlink_own_subject(self, request: Request, subject: SubjectText, query: NoQuery) -> Message:
        """Unlink one of one's accounts at identity providers. Sessions that were begun by it end."""
        await self.federation.unlink(request.actor, subject)
        return Message(message="Unlinked.")

    @route(app, "GET", "/users/<name>/subjects", errors={403: NO_RIGHT, 404: NO_USER, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    async def list_subjects(self, request: Request, name: NameText, query: NoQuery) -> SubjectPage:
        """List a user's accounts at identity providers, for who manages the accounts."""
        return _list(await self.federation.list_subjects(request.actor, name))

    @route(
        app,
        "POST",
        "/users/<name>/subjects",
        status=201,
        errors={403: NO_RIGHT, 404: NO_USER, 409: _TAKEN, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(NewSubject)
    async def link_subject(self, request: Request, name: NameText, query: NoQuery, body: NewSubject) -> SubjectMessage:
        """Link an account at an identity provider to a user, for who manages the accounts."""
        linked = await self.federation.link_user(request.actor, name, body.issuer, body.subject)
        return SubjectMessage(message="Linked.", subject=SubjectEntry.of(linked))

    @route(app, "DELETE", "/users/<name>/subjects/<subject>", errors={403: NO_RIGHT, 404: _NO_SUBJECT, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def unlink_subject(self, request: Request, name: NameText, subject: SubjectText, query: NoQuery) -> Message:
        """Unlink one of a user's accounts at identity providers. Sessions that were begun by it end."""
        await self.federation.unlink(request.actor, subject, name)
        return Message(message="Unlinked.")


def _list(found: Sequence[Subject]) -> SubjectPage:
    return SubjectPage(message="Accounts listed.", subjects=tuple(map(SubjectEntry.of, found)))
