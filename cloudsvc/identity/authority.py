"""Authority over accounts: who may do what with users, groups and keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from cloudsvc.core.actors import ROOT_FOLDER, Actor, Grant, Role
from cloudsvc.core.errors import CloudError
from cloudsvc.core.managers import is_manager
from cloudsvc.identity.bounds import LARGEST_FOLDER
from cloudsvc.identity.errors import (
    folder_unknown,
    grant_too_wide,
    key_ended,
    not_shareable,
    password_too_wide,
    user_not_found,
)
from cloudsvc.identity.folders import Folders
from cloudsvc.identity.grants import is_included
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import Key
from cloudsvc.identity.names import parse_account_name
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.users import User

_PROGRAM: Final = "program:"
"""Before the name of a program where actors are named: no user can be called so."""


def name_program(program: str) -> str:
    """The name of a program as an actor."""
    return f"{_PROGRAM}{program}"


def check_folder(folder: int) -> None:
    """
    See that a number from outside can be the id of a folder at all: databases take no others.

    :raises CloudError: it cannot.
    """
    if not ROOT_FOLDER <= folder <= LARGEST_FOLDER:
        raise folder_unknown()


@frozen(kw_only=True)
class Authority:
    """What takes a look at the drive, or at who the actor is."""

    _store: IdentityStore
    _folders: Folders

    async def find_self(self, actor: Actor) -> User | None:
        """The user who acts; ``None`` where it is the owner or a program."""
        try:
            name = parse_account_name(actor.name)
        except CloudError:
            return None
        return await self._store.find_user(name)

    async def find_acting_key(self, actor: Actor) -> Key | None:
        """
        The key by which the actor acts, as it is now; ``None`` where it is none of the accounts.

        Whether it has expired was asked when the actor was let in, and whether it was revoked since asks the store once
        more where it is handed on.

        :raises CloudError: it is not there any more, or was revoked.
        """
        if not actor.key:
            return None
        found = await self._store.find_key(KeyId(actor.key))
        if found is None or found.is_void or found.key.revoked_at is not None:
            raise key_ended()
        return found.key

    async def check_unlimited(self, actor: Actor) -> None:
        """
        See that the actor acts by nothing that ends or has a rate of its own.

        :raises CloudError: they do, or the key was revoked.
        """
        acting = await self.find_acting_key(actor)
        if acting is not None and not (acting.expires_at is None and acting.rate is None):
            raise password_too_wide()

    async def find_user(self, actor: Actor, name: str) -> User:
        """
        The user of this name, as far as that is the actor's to know: to who is no manager, there is nobody else.

        :raises CloudError: there is no such user.
        """
        wanted = parse_account_name(name)
        if not is_manager(actor) and wanted.text != actor.name:
            raise user_not_found()
        found = await self._store.find_user(wanted)
        if found is None:
            raise user_not_found()
        return found

    async def find_shared(self, actor: Actor, path: str) -> int:
        """
        The folder at ``path``, which the actor may share.

        :raises CloudError: there is none that they see, or they may not.
        """
        folder = await self._folders.find(actor, path)
        await self.check_shares(actor, folder)
        return folder

    async def check_shares(self, actor: Actor, folder: int) -> None:
        """
        See that the actor may give and take roles on ``folder``.

        :raises CloudError: they may not, or it is no number of a folder.
        """
        check_folder(folder)
        if not is_manager(actor):
            chains = await self._folders.locate([folder])
            if not is_included(Grant(role=Role.MANAGER, folder=folder), actor.grants, chains):
                raise not_shareable()

    async def check_included(self, actor: Actor, grants: Iterable[Grant]) -> None:
        """
        See that ``grants`` are no more than the actor has.

        :raises CloudError: they are.
        """
        wanted = [*grants]
        chains = await self._folders.locate({grant.folder for grant in wanted}) if wanted else {}
        for grant in wanted:
            if not is_included(grant, actor.grants, chains):
                raise grant_too_wide()
