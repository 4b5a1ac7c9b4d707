"""Actors: who acts, what is granted to them, and by which credential that was established."""

from __future__ import annotations

from enum import Enum
from typing import Final

from attrs import field, frozen
from attrs.validators import max_len

from cloudsvc.core.rates import Rate

ROOT_FOLDER: Final = 1
"""The id of the root folder of a drive, in every catalogue."""


MAX_GRANTS: Final = 1_000
"""Grants of one actor: each question about the drive carries all of them."""


class Role(Enum):
    """What one may be to a folder and everything below it; :mod:`cloudsvc.drive.permissions` has its rights."""

    VIEWER = "viewer"
    """Sees and reads everything."""
    UPLOADER = "uploader"
    """Makes new files, and sees nothing."""
    EDITOR = "editor"
    """A viewer who changes everything, and puts it into the trash and back."""
    MANAGER = "manager"
    """An editor who also removes for good, and shares."""


@frozen(kw_only=True)
class Grant:
    """
    A role on a folder and on everything below it.

    It hangs on the folder, not on its path: it follows where the folder is moved, sleeps while the folder is in the
    trash, and has ended when the folder was purged. Another folder at the same path is not granted.

    :ivar folder: the id of the folder (:data:`cloudsvc.drive.nodes.NodeId`), which is never used again.
    """

    role: Role
    folder: int


MANAGING_GRANT: Final = Grant(role=Role.MANAGER, folder=ROOT_FOLDER)
"""What makes somebody a manager of the whole drive."""


@frozen(kw_only=True)
class Payer:
    """
    The user to whose quota it counts what an actor stores.

    :ivar name: of the user, unique and stable.
    :ivar quota: bytes that they may have stored, wherever it is; ``None`` for as many as there is room for.
    """

    name: str
    quota: int | None = None


@frozen(kw_only=True)
class Actor:
    """
    Someone on whose behalf a use-case runs.

    :ivar name: unique and stable; ``owner`` is whoever holds the server's own key.
    :ivar scopes: the routes that the actor may use, as the coarse check before anything is looked up; ``*`` is all.
    :ivar grants: what the actor may do in the drive, :data:`MAX_GRANTS` at most. Without any, there is nothing that the
        actor sees.
    :ivar key: the id of the key of the accounts by which they act, which limits what they may hand on; empty where it
        is none of these. Actors are equal whatever it is: it does not say who they are.
    :ivar payer: to whose quota it counts what they store; ``None`` where it counts to no user. Actors are equal
        whatever it is: another quota takes nothing from what is under way.
    :raises ValueError: there are more grants.
    """

    name: str
    scopes: frozenset[str]
    grants: tuple[Grant, ...] = field(default=(), validator=max_len(MAX_GRANTS))
    key: str = field(default="", eq=False)
    payer: Payer | None = field(default=None, eq=False)

    def may(self, scope: str) -> bool:
        """Whether the actor's scopes include ``scope``."""
        return "*" in self.scopes or scope in self.scopes


def make_full_actor(name: str) -> Actor:
    """An actor who may do everything everywhere."""
    return Actor(name=name, scopes=frozenset({"*"}), grants=(MANAGING_GRANT,))


OWNER: Final = make_full_actor("owner")

OWNER_CREDENTIAL: Final = "owner"
"""What the owner's token is called where credentials are named."""


@frozen(kw_only=True)
class Principal:
    """
    An actor together with the credential that proved it.

    :ivar via: of which kind that is, such as ``key`` or ``bearer``.
    :ivar credential: names it, where it can be revoked while requests run that it has let in; empty where it cannot.
    :ivar rate: how often this credential may be used, where that is less than others may.
    """

    actor: Actor
    via: str
    credential: str = ""
    rate: Rate | None = None
