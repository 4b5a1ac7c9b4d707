"""Subjects of identity providers in the store of accounts in a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from attrs import define

from cloudsvc.identity.subjects import FoundSubject, Subject, SubjectId
from cloudsvc.identity.users import User, UserId
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.reading import ReadingConnection
from cloudsvc.storage.identity import subjects
from cloudsvc.storage.identity.steps import Steps

C = TypeVar("C", bound=ReadingConnection)


@define(eq=False, kw_only=True)
class SubjectSteps(Steps[C]):
    """A :class:`cloudsvc.identity.subject_store.SubjectStore` in a database."""

    async def add_subject(self, subject: Subject) -> Subject:
        """As :meth:`cloudsvc.identity.subject_store.SubjectStore.add_subject`."""
        return await self._change(lambda connection: subjects.add_subject(connection, subject))

    async def add_user_of(self, user: User, subject: Subject) -> User:
        """As :meth:`cloudsvc.identity.subject_store.SubjectStore.add_user_of`."""
        return await self._change(lambda connection: subjects.add_user_of(connection, user, subject))

    async def find_subject(self, issuer: str, name: str) -> FoundSubject | None:
        """As :meth:`cloudsvc.identity.subject_store.SubjectStore.find_subject`."""
        return await self._readers.run(lambda connection: subjects.find_subject(connection, issuer, name))

    async def list_subjects(self, user: UserId) -> Sequence[Subject]:
        """As :meth:`cloudsvc.identity.subject_store.SubjectStore.list_subjects`."""
        return await self._readers.run(lambda connection: subjects.list_subjects(connection, user), Lane.PAGES)

    async def remove_subject(self, user: UserId, subject: SubjectId) -> None:
        """As :meth:`cloudsvc.identity.subject_store.SubjectStore.remove_subject`."""
        await self._change(lambda connection: subjects.remove_subject(connection, user, subject))
