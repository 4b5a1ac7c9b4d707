"""Use-cases of signing in by identity providers: who somebody is by what one says, and who users are to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from cloudsvc.core.actors import Actor
from cloudsvc.core.clock import Instant
from cloudsvc.core.errors import CloudError
from cloudsvc.core.managers import check_manager, is_manager
from cloudsvc.identity.authority import Authority
from cloudsvc.identity.bounds import MAX_USER_GROUPS
from cloudsvc.identity.claims import Policy, Told, read_claims
from cloudsvc.identity.errors import (
    CHANGED_MEANWHILE,
    GROUP_NOT_FOUND,
    NAME_TAKEN,
    invalid_subject,
    session_not_found,
    sign_in_not_allowed,
    subject_name_taken,
    subject_nameless,
    subject_unlinked,
    too_many,
    users_only,
)
from cloudsvc.identity.groups import GroupId
from cloudsvc.identity.names import parse_account_name
from cloudsvc.identity.scopes import USER_SCOPES, check_scopes
from cloudsvc.identity.session_resolving import SessionResolver
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.signing_in import Proof
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.subjects import MAX_ISSUER, MAX_SUBJECT, Subject, SubjectId, make_subject_id
from cloudsvc.identity.users import User, UserId, make_user_id

_ATTEMPTS: Final = 5
"""How often groups are set anew when somebody else has changed the same user meanwhile."""


@frozen(kw_only=True)
class Federation:
    """
    Signing in by identity providers. Errors are those of :mod:`cloudsvc.identity.errors`.

    Somebody is who their subject says: the pair of an issuer and what it calls them. Nobody becomes an existing user by
    having their name or their address at a provider.

    :param sessions: by which users ask for links.
    :param policies: of the providers, by their names.
    :param settle: is awaited after each change: what it has taken from somebody holds when it returns.
    :param is_trusted: as :class:`~cloudsvc.identity.resolving.Resolver` has it; where it is not, nobody signs in.
    """

    _store: IdentityStore
    _authority: Authority
    _sessions: SessionResolver
    _policies: Mapping[str, Policy]
    _now: Callable[[], Instant]
    _settle: Callable[[], Awaitable[object]]
    _is_trusted: Callable[[], bool] = lambda: True

    async def prove(self, provider: str, claims: Mapping[str, Any]) -> Proof:
        """
        Who has signed in, as a provider says, with the groups that follow from it. Somebody new becomes a user where
        that is allowed.

        :param claims: verified.
        :raises CloudError: they are nobody here, and do not become anybody; or they may not sign in.
        """
        policy = self._policies[provider]
        told = read_claims(claims, policy)
        found = await self._store.find_subject(policy.issuer, told.subject)
        if not self._is_trusted() or (found is not None and found.is_void):
            raise subject_unlinked()
        if found is None:
            _check_allowed(policy, told)
            user, subject = await self._add_user(policy, told)
        else:
            user, subject = found.holder.user, found.subject.id
            if user.is_disabled:
                raise sign_in_not_allowed()
            user = await self._set_groups(user, policy, told)
            _check_allowed(policy, told)
        return Proof(user=user, subject=subject)

    async def link(self, provider: str, claims: Mapping[str, Any], user: str, session: str) -> str:
        """
        Let whoever has signed in at a provider be a user, who has asked for that in a session. The name of the user.

        :raises CloudError: the session is no good any more; or the subject is somebody's already.
        """
        found = await self._sessions.find_again(SessionId(session))
        if found is None or found.session.user != user:
            raise session_not_found()
        policy = self._policies[provider]
        await self._add(UserId(user), policy.issuer, read_claims(claims, policy).subject)
        return found.actor.name

    async def link_user(self, actor: Actor, name: str, issuer: str, subject: str) -> Subject:
        """
        Let whom an issuer calls ``subject`` be a user, for who manages the accounts.

        :raises CloudError: the actor may not, there is no such user, or the subject is somebody's already.
        """
        check_manager(actor)
        await self._authority.check_unlimited(actor)
        user = await self._authority.find_user(actor, name)
        # As with a password, or else whoever has few scopes would sign in as somebody who has more.
        check_scopes(user.scopes, actor.scopes)
        if not (issuer.startswith("https://") and len(issuer) <= MAX_ISSUER and 0 < len(subject) <= MAX_SUBJECT):
            raise invalid_subject()
        return await self._add(user.id, issuer, subject)

    async def list_subjects(self, actor: Actor, name: str | None = None) -> Sequence[Subject]:
        """
        Who a user is to providers.

        :param name: of the user; ``None`` for the actor.
        :raises CloudError: the actor is no user, or there is none of this name that they may know of.
        """
        user = await self._find_user(actor, name)
        return await self._store.list_subjects(user.id)

    async def unlink(self, actor: Actor, subject: str, name: str | None = None) -> None:
        """
        Let a user no longer be somebody at a provider. Sessions that were begun by it end.

        :param name: as :meth:`list_subjects` has it.
        :raises CloudError: there is no such subject of that user.
        """
        user = await self._find_user(actor, name)
        await self._store.remove_subject(user.id, SubjectId(subject))
        await self._settle()

    # --------------------------------------------------------------------------------------------------------------

    async def _find_user(self, actor: Actor, name: str | None) -> User:
        if name is not None and (is_manager(actor) or name != actor.name):
            return await self._authority.find_user(actor, name)
        found = await self._authority.find_self(actor)
        if found is None:
            raise users_only()
        return found

    async def _add(self, user: UserId, issuer: str, name: str) -> Subject:
        subject = Subject(id=make_subject_id(), user=user, issuer=issuer, name=name, created_at=self._now())
        added = await self._store.add_subject(subject)
        await self._settle()
        return added

    async def _add_user(self, policy: Policy, told: Told) -> tuple[User, SubjectId]:
        if not policy.adds_users:
            raise subject_unlinked()
        try:
            name = parse_account_name(told.name)
        except CloudError as problem:
            raise subject_nameless(policy.name_claim) from problem
        wanted = {group for group in (await self._find_mapped(policy, told)).items() if group[1]}
        user = User(
            id=make_user_id(),
            name=name,
            display_name=told.display_name,
            scopes=USER_SCOPES,
            groups=_bound({group for group, _ in wanted}),
            created_at=self._now(),
        )
        subject = Subject(
            id=make_subject_id(), user=user.id, issuer=policy.issuer, name=told.subject, created_at=self._now()
        )
        try:
            added = await self._store.add_user_of(user, subject)
        except CloudError as problem:
            if problem.code == NAME_TAKEN:
                # Whose name it is need not be who has it at the provider.
                raise subject_name_taken(str(name)) from problem
            raise
        await self._settle()
        return added, subject.id

    async def _set_groups(self, user: User, policy: Policy, told: Told) -> User:
        """
        ``user`` in those groups, of those that follow from groups at the provider, that do.

        Being taken out of one takes effect like every restriction: when this returns, and elsewhere within a second.
        """
        for attempt in range(_ATTEMPTS):
            mapped = await self._find_mapped(policy, told)
            wanted = ({*user.groups} - mapped.keys()) | {group for group, is_in in mapped.items() if is_in}
            if wanted == {*user.groups}:
                return user
            try:
                user = await self._store.replace_user(evolve(user, groups=_bound(wanted)))
            except CloudError as problem:
                if problem.code not in {CHANGED_MEANWHILE, GROUP_NOT_FOUND} or attempt == _ATTEMPTS - 1:
                    raise
                holder = await self._store.find_holder(user.id)
                if holder is None or holder.user.is_disabled:
                    raise sign_in_not_allowed() from problem
                user = holder.user
            else:
                await self._settle()
                return user
        raise AssertionError("the last attempt has returned or raised")

    async def _find_mapped(self, policy: Policy, told: Told) -> Mapping[GroupId, bool]:
        """The groups here that any group at the provider leads to, and whether one does in which they are."""
        found: dict[GroupId, bool] = {}
        for there, here in policy.groups.items():
            group = await self._store.find_group(parse_account_name(here))
            if group is not None:
                found[group.id] = found.get(group.id, False) or there in told.groups
        return found


def _check_allowed(policy: Policy, told: Told) -> None:
    if policy.allowed and not policy.allowed & told.groups:
        raise sign_in_not_allowed()


def _bound(groups: set[GroupId]) -> tuple[GroupId, ...]:
    if len(groups) > MAX_USER_GROUPS:
        raise too_many("groups of a user", MAX_USER_GROUPS)
    return tuple(sorted(groups))
