"""Subjects in plain memory."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, evolve

from cloudsvc.identity import bounds
from cloudsvc.identity.errors import subject_not_found, subject_taken, too_many, user_disabled, user_not_found
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.subjects import FoundSubject, Subject, SubjectId
from cloudsvc.identity.users import UserId
from cloudsvc.storage.identity.memory_steps import MemorySteps


@define(eq=False)
class MemorySubjects(MemorySteps):
    """
    See :class:`cloudsvc.identity.subject_store.SubjectStore`.
    """

    async def add_subject(self, subject: Subject) -> Subject:
        """See :class:`~cloudsvc.identity.subject_store.SubjectStore`."""
        user = self._accounts.users.get(subject.user)
        if user is None:
            raise user_not_found()
        if user.is_disabled:
            raise user_disabled()
        former = self._check_subject(subject)
        return self._put_subject(subject, self._accounts.change(adds=True), former)

    async def find_subject(self, issuer: str, name: str) -> FoundSubject | None:
        """See :class:`~cloudsvc.identity.subject_store.SubjectStore`."""
        accounts = self._accounts
        for each in accounts.subjects.values():
            if (each.issuer, each.name) == (issuer, name):
                holder = accounts.hold(accounts.users[each.user])
                return FoundSubject(subject=each, holder=holder, is_void=each.made <= accounts.void_until)
        return None

    async def list_subjects(self, user: UserId) -> Sequence[Subject]:
        """See :class:`~cloudsvc.identity.subject_store.SubjectStore`."""
        subjects = self._accounts.subjects
        return [found for found in (subjects[each] for each in sorted(subjects)) if found.user == user]

    async def remove_subject(self, user: UserId, subject: SubjectId) -> None:
        """See :class:`~cloudsvc.identity.subject_store.SubjectStore`."""
        found = self._accounts.subjects.get(subject)
        if found is None or found.user != user:
            raise subject_not_found()
        self._accounts.drop_subject(subject)
        self._accounts.change()

    def _check_subject(self, subject: Subject) -> Subject | None:
        """See that ``subject`` may be added; the void one that it replaces."""
        accounts = self._accounts
        same = [e for e in accounts.subjects.values() if (e.issuer, e.name) == (subject.issuer, subject.name)]
        former = same[0] if same else None
        if former is not None and former.made > accounts.void_until:
            raise subject_taken()
        held = [each for each in accounts.subjects.values() if each.user == subject.user and each is not former]
        if len(held) >= bounds.MAX_USER_SUBJECTS:
            raise too_many("accounts at providers of a user", bounds.MAX_USER_SUBJECTS)
        return former

    def _put_subject(self, subject: Subject, revision: Revision, former: Subject | None) -> Subject:
        if former is not None:
            self._accounts.drop_subject(former.id)
        added = evolve(subject, made=revision)
        self._accounts.subjects[subject.id] = added
        return added
