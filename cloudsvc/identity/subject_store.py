"""
Interface of the store of subjects, which is that of users, groups and keys (:mod:`cloudsvc.identity.store`): each
method is one atomic step on durable storage, of which the same holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cloudsvc.identity.subjects import FoundSubject, Subject, SubjectId
from cloudsvc.identity.users import User, UserId


class SubjectStore(Protocol):
    """Keeps subjects, and removes those of a user who is removed."""

    async def add_subject(self, subject: Subject) -> Subject:
        """
        Add a subject whose ``made`` is ``NEVER``, instead of one of the same that has been declared void.

        :return: as it is now.
        :raises CloudError: its user is not there, or is disabled; it is somebody's already; or there would be more than
            :data:`~cloudsvc.identity.bounds.MAX_USER_SUBJECTS` of one user.
        """
        ...

    async def add_user_of(self, user: User, subject: Subject) -> User:
        """
        Add a user together with the subject that they are: as :meth:`~cloudsvc.identity.store.IdentityStore.add_user`
        and :meth:`add_subject`, of which either both are done or neither is.
        """
        ...

    async def find_subject(self, issuer: str, name: str) -> FoundSubject | None:
        """Whom an issuer calls so."""
        ...

    async def list_subjects(self, user: UserId) -> Sequence[Subject]:
        """All of a user, by their ids."""
        ...

    async def remove_subject(self, user: UserId, subject: SubjectId) -> None:
        """
        Remove one of a user, and the sessions that were begun by it.

        :raises CloudError: there is no such subject.
        """
        ...
