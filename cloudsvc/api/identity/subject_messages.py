"""Response messages of the routes of identity providers, and of who users are to them."""

from __future__ import annotations

from attrs import frozen

from cloudsvc.api.moments import Moment
from cloudsvc.extend import Message
from cloudsvc.extend.drive import format_instant
from cloudsvc.extend.identity import Subject


@frozen(kw_only=True)
class ProviderEntry:
    """
    An identity provider by which one may sign in.

    :ivar name: Part of the addresses of its routes.
    :ivar title: For people.
    """

    name: str
    title: str


@frozen(kw_only=True)
class ProviderPage(Message):
    """All of them."""

    providers: tuple[ProviderEntry, ...]


@frozen(kw_only=True)
class LinkMessage(Message):
    """
    A link that is to be made.

    :ivar url: Where a browser goes on, at the provider.
    """

    url: str


@frozen(kw_only=True)
class SubjectEntry:
    """
    Who a user is to an identity provider.

    :ivar issuer: What issues, by its URL.
    :ivar subject: What it calls the user.
    """

    id: str
    issuer: str
    subject: str
    created_at: Moment

    @classmethod
    def of(cls, subject: Subject) -> SubjectEntry:
        """``subject`` as its user sees it."""
        return cls(
            id=subject.id,
            issuer=subject.issuer,
            subject=subject.name,
            created_at=format_instant(subject.created_at),
        )


@frozen(kw_only=True)
class SubjectMessage(Message):
    """One of them."""

    subject: SubjectEntry


@frozen(kw_only=True)
class SubjectPage(Message):
    """Who a user is to identity providers."""

    subjects: tuple[SubjectEntry, ...]
