"""Accounts of space: what counts to the quota of which folder. Each is counted when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from attrs import evolve

from cloudsvc.drive.accounts import MOST_QUOTAS, Account, Quota
from cloudsvc.drive.commands import SetQuota
from cloudsvc.drive.errors import quota_exceeded, root_has_capacity, too_many_quotas
from cloudsvc.drive.nodes import ROOT_ID, Folder, Node, NodeId, VersionId
from cloudsvc.drive.permissions import is_unlimited
from cloudsvc.storage.memory_catalogue.context import Context
from cloudsvc.storage.memory_catalogue.tables import PURGED, Content, Entry, Tables


def find_owner(tables: Tables, chain: Sequence[int]) -> NodeId:
    """The quota owner to which what is at the end of ``chain`` counts."""
    return next((NodeId(each) for each in reversed(chain) if each in tables.quotas), ROOT_ID)


def find_account(tables: Tables, owner: NodeId) -> Account | None:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_account`."""
    if owner not in tables.quotas:
        return None
    return Account(owner=owner, quota=tables.quotas[owner], stored_bytes=count_account(tables, owner))


def count_account(tables: Tables, owner: NodeId) -> int:
    """The bytes of all versions that count to ``owner``, each with its whole size."""
    return _measure(tables, (content for _, content in tables.list_contents() if content.account == owner))


def count_droppable(tables: Tables, owner: NodeId) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.droppable_bytes`, while nothing is pinned."""
    return _measure(tables, (each for each in list_evictable(tables, owner) if each.account == owner))


def list_quotas(tables: Tables) -> Sequence[Quota]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_quotas`."""
    return [
        Quota(path=path, account=account)
        for owner in sorted(tables.quotas)
        if (path := tables.find_path_anywhere(owner)) is not None
        and (account := find_account(tables, owner)) is not None
    ]


def set_quota(context: Context, command: SetQuota) -> Node:
    """As the command says."""
    if not command.path:
        raise root_has_capacity()
    folder, tables = context.locate(command.path, Folder), context.tables
    owner, chain = folder.entry.id, folder.chain
    above = find_owner(tables, chain[:-1])
    # Whoever may use a quota must not share it out, for what is in a folder with one of its own does not count to it.
    around = chain[:-1] if above == ROOT_ID else chain[: chain.index(above)]
    context.authorisation.check_node(command.path.parent, around)
    if is_unlimited(context.actor):
        context.recounted.share_out()
    if command.quota is None:
        if owner in tables.quotas:
            _end(context, owner, above)
    else:
        if owner not in tables.quotas:
            if len(tables.quotas) >= MOST_QUOTAS:
                raise too_many_quotas(MOST_QUOTAS)
            _recount(context, owner, {above}, owner)
        tables.quotas[owner] = command.quota
    return context.node(owner, folder.path)


def check_quota(tables: Tables, owner: NodeId, allowed: int = 0) -> None:
    """
    See that no more is stored than the quota of ``owner``.

    :param allowed: bytes that may be beyond it, since they are about to be given up.
    :raises CloudError: there is more.
    """
    if owner in tables.quotas and count_account(tables, owner) > tables.quotas[owner] + allowed:
        raise quota_exceeded(owner)


def bring_to_account(context: Context, top: NodeId, former: NodeId, chain: Sequence[int]) -> None:
    """
    Let ``top`` and everything below it, which is at the end of ``chain`` now, count to the account there.

    :param former: to which it has counted.
    :raises CloudError: it does not fit in there, or is more than one step can do.
    """
    tables = context.tables
    owner = find_owner(tables, chain)
    if owner != former:
        # What counts to the root in something that does not was in a folder that is being removed.
        _recount(context, top, {former, ROOT_ID} - {owner}, owner)
        check_quota(tables, owner)


def has_owner_below(tables: Tables, folder: NodeId) -> bool:
    """Whether a folder somewhere below this one has a quota of its own."""
    return any(entry.id in tables.quotas for entry in tables.walk(folder) if entry.id != folder)


def release_account(tables: Tables, folder: NodeId, limit: int) -> int:
    """
    Let what counts to a folder that is about to be removed count to the root: that was thrown away from there before.

    :param limit: versions and entries of the trash in this step.
    :return: how many there were. Where there are none any more, the account is gone as well.
    """
    given = _give(tables, folder, ROOT_ID, limit)
    given += _give_trash(tables, folder, ROOT_ID, limit - given)
    if given < limit:
        tables.quotas.pop(folder, None)
    return given


def list_evictable(tables: Tables, owner: NodeId) -> Iterator[Content]:
    """The versions that go with what may be given up of one account, and those that are on their way out."""
    thrown = [each.node for each in tables.trash.values() if each.account == owner and not each.is_shared]
    gone = {entry.id for top in (PURGED, *thrown) for entry in tables.walk(top)}
    for entry, content in tables.list_contents():
        if entry.id in gone or (content.account == owner and content.superseded_at is not None):
            yield content


def _measure(tables: Tables, contents: Iterable[Content]) -> int:
    """The sizes of versions together."""
    return sum(tables.blobs[content.blob].blob.size for content in contents)


def _end(context: Context, owner: NodeId, above: NodeId) -> None:
    """
    Let everything that counts to ``owner`` count to the owner above, be it beyond that one's quota.

    :raises CloudError: that is more than one step can do, with what it has done already.
    """
    tables, recounted = context.tables, context.recounted
    given = _give(tables, owner, above, recounted.most)
    recounted.add(given)
    # Of the entries of the trash, most have a version. Those of folders in which nothing is have none.
    recounted.add(max(0, _give_trash(tables, owner, above, given + recounted.most) - given))
    del tables.quotas[owner]


def _recount(context: Context, top: NodeId, former: set[NodeId], owner: NodeId) -> None:
    """
    Let count to ``owner`` what counted to those in ``former`` of ``top`` and all below it.

    :raises CloudError: that is more than one step can do, with what it has done already.
    """
    entries = [*context.tables.walk(top)]
    versions = {content.id for entry in entries for content in entry.contents if content.account in former}
    # Of the nodes, most have one version.
    context.recounted.add(max(len(entries), len(versions)))
    _charge(context.tables, entries, versions, owner)


def _give(tables: Tables, owner: NodeId, other: NodeId, most: int) -> int:
    """Let up to ``most`` versions that count to ``owner`` count to ``other``; how many."""
    versions = sorted(content.id for _, content in tables.list_contents() if content.account == owner)[:most]
    _charge(tables, tables.nodes.values(), {*versions}, other)
    return len(versions)


def _charge(tables: Tables, entries: Iterable[Entry], versions: Set[VersionId], owner: NodeId) -> None:
    """Let those of ``entries`` that are among ``versions`` count to ``owner``."""
    for entry in [each for each in entries if any(content.id in versions for content in each.contents)]:
        contents = (evolve(each, account=owner) if each.id in versions else each for each in entry.contents)
        tables.put(evolve(entry, contents=tuple(contents)))


def _give_trash(tables: Tables, owner: NodeId, other: NodeId, most: int) -> int:
    """Let up to ``most`` entries of the trash that count to ``owner`` count to ``other``; how many."""
    given = [thrown for thrown in tables.trash.values() if thrown.account == owner][:most]
    for thrown in given:
        tables.trash[thrown.id] = evolve(thrown, account=other)
    return len(given)
