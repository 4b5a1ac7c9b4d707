"""Shortages of room, as far as whoever is refused may know of them."""

from __future__ import annotations

from cloudsvc.core.actors import Actor
from cloudsvc.core.errors import CloudError, Shortage
from cloudsvc.drive.catalogue import Holdings, Tree
from cloudsvc.drive.errors import NO_CAPACITY, QUOTA_EXCEEDED, USER_QUOTA_EXCEEDED, CommandError, RoomError
from cloudsvc.drive.nodes import NodeId
from cloudsvc.drive.permissions import Right, is_permitted

_SCOPES = {NO_CAPACITY: "drive", QUOTA_EXCEEDED: "folder", USER_QUOTA_EXCEEDED: "user"}


async def find_shortage(actor: Actor, problem: CloudError, tree: Tree, holdings: Holdings) -> Shortage | None:
    """
    Which quota is used up where ``problem`` says that one is. It costs nothing but where something was refused.

    Of a folder with a quota that the actor does not see, no more is told than that there is one; so it is of somebody
    else's quota, and of what the whole drive may hold.
    """
    refused = problem.reason if isinstance(problem, CommandError) else problem
    if not isinstance(refused, RoomError):
        return None
    try:
        if refused.code == QUOTA_EXCEEDED:
            return await _describe_folder(actor, refused.owner, tree, holdings)
        if refused.code == USER_QUOTA_EXCEEDED:
            return await _describe_payer(actor, holdings)
    except CloudError:
        # It is refused all the same; how much there is nobody can say just now.
        pass
    return Shortage(scope=_SCOPES[refused.code])


async def _describe_folder(actor: Actor, owner: NodeId, tree: Tree, holdings: Holdings) -> Shortage:
    location = (await tree.locate([owner])).get(owner)
    if location is not None and is_permitted(actor, Right.SEE, location.chain):
        account = await holdings.find_account(owner)
        if account is not None:
            return Shortage(scope="folder", limit=account.quota, used=account.stored_bytes)
    return Shortage(scope="folder")


async def _describe_payer(actor: Actor, holdings: Holdings) -> Shortage:
    payer = actor.payer
    if payer is None or payer.name != actor.name:
        return Shortage(scope="user")
    used = await holdings.count_paid_bytes([payer.name])
    return Shortage(scope="user", limit=payer.quota, used=used[payer.name])
