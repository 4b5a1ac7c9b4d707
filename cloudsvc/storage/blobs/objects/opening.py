"""Opening of a blob store in a bucket: it is there, it can be used, and it is ours."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec
from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]  # has no types
from msgspec import Struct
from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.coroutines import shield
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.blobs.objects.advice import explain
from cloudsvc.storage.blobs.objects.budget import Budget
from cloudsvc.storage.blobs.objects.calls import Calls
from cloudsvc.storage.blobs.objects.client import Note, ObjectClient
from cloudsvc.storage.blobs.objects.connecting import make_client
from cloudsvc.storage.blobs.objects.deadlines import Deadline, Patience
from cloudsvc.storage.blobs.objects.faults import ObjectMissing, StoreFault
from cloudsvc.storage.blobs.objects.keys import Keys
from cloudsvc.storage.blobs.objects.parts import PartSizes
from cloudsvc.storage.blobs.objects.settings import ObjectStoreSettings
from cloudsvc.storage.blobs.objects.store import ObjectBlobs

_UPLOADS: Final = 256 * 2**20
"""Bytes on their way to the store, of all uploads together: what has arrived and was not yet acknowledged."""

_UPLOAD_PATIENCE: Final = 20.0
"""Seconds for which an upload waits for its share of them."""

_READ_AHEAD: Final = 128 * 2**20
"""Bytes that are read ahead for all readers together. For whoever comes then, less is read at a time."""

_FORMAT: Final = 1


class _Installation(Struct, frozen=True, kw_only=True):
    """What the marker says: whose the objects below a prefix are, and how they lie there."""

    installation: str
    format: int = _FORMAT


async def open_objects(
    settings: ObjectStoreSettings,
    *,
    installation: str,
    threads: ThreadRunner,
    clock: IReactorTime,
    knows_blobs: bool = False,
    sizes: PartSizes | None = None,
    patience: Patience | None = None,
    note: Note | None = None,
) -> ObjectBlobs:
    """
    The store in a bucket. Whoever opens it closes it.

    The first installation that opens an empty prefix has it: a marker says so from then on.

    :param installation: names the drive whose blobs these are; the same on all its machines.
    :param knows_blobs: whether the catalogue refers to any: an empty prefix is not the right one then.
    :param threads: of its own, some 16: they wait for the network.
    :param clock: monotonic; its ``seconds`` are asked for in these threads too.
    :param note: is told of each request, for metrics, in the thread that makes it.
    :raises OperatorError: it cannot be reached or used, or is another installation's. Nothing was changed.
    """
    calls = await _connect(settings, threads, clock, patience or Patience(), note or _forget)
    keys = Keys.below(settings.prefix)
    try:
        await _claim(calls, keys, settings, installation, knows_blobs=knows_blobs)
    except BaseException:
        await shield(calls.close())
        raise
    return ObjectBlobs(
        calls=calls,
        keys=keys,
        sizes=sizes or PartSizes(),
        writing=Budget(most=_UPLOADS, clock=clock, patience=_UPLOAD_PATIENCE),
        reading=Budget(most=_READ_AHEAD, clock=clock, patience=_UPLOAD_PATIENCE),
    )


async def find_installation(settings: ObjectStoreSettings, *, threads: ThreadRunner, clock: IReactorTime) -> str | None:
    """
    Whose the objects in a bucket are; ``None`` where nobody has claimed them.

    :raises OperatorError: as :func:`open_objects`, but for what only that wants to know.
    """
    calls, keys = await _connect(settings, threads, clock, Patience(), _forget), Keys.below(settings.prefix)
    try:
        owner = await _read_owner(calls, keys)
    except ObjectMissing:
        return None
    except StoreFault as problem:
        raise OperatorError([explain(problem, settings)]) from None
    finally:
        await shield(calls.close())
    if owner is None or owner.format > _FORMAT:
        raise OperatorError([_refuse(owner, settings)])
    return owner.installation


async def _connect(
    settings: ObjectStoreSettings, threads: ThreadRunner, clock: IReactorTime, patience: Patience, note: Note
) -> Calls:
    deadline = Deadline(at=clock.seconds(), seconds=clock.seconds)
    try:
        client = await threads.run(make_client, settings, patience, deadline, note)
    except (BotoCoreError, ValueError, OSError) as problem:
        raise OperatorError([f"{settings.url} cannot be used: {problem}"]) from None
    return Calls(client=client, threads=threads, seconds=clock.seconds, patience=patience)


def _forget(_operation: str, _outcome: str, _seconds: float) -> None:
    """Nobody wants to know."""


async def _claim(
    calls: Calls, keys: Keys, settings: ObjectStoreSettings, installation: str, *, knows_blobs: bool
) -> None:
    """
    See that the marker names this installation; where nothing is, put it there.

    Stores differ in whether they know a condition on writing. So two that begin at the same moment could both find
    nothing; then one of them finds the other's marker when it looks again, at the latest when it starts anew.
    """
    try:
        found, _ = await calls.run(partial(ObjectClient.list, prefix=keys.prefix, most=1))
        try:
            owner = await _read_owner(calls, keys)
        except ObjectMissing:
            if found:
                raise OperatorError(
                    [f"{settings.url} has objects and no {keys.installation}: it is not ours, name an empty prefix"]
                ) from None
            if knows_blobs:
                raise OperatorError(
                    [f"{settings.url} is empty, and the catalogue refers to blobs: name the prefix where they are"]
                ) from None
            marker = msgspec.json.encode(_Installation(installation=installation))
            await calls.run(partial(ObjectClient.put, key=keys.installation, content=marker))
            owner = await _read_owner(calls, keys)
    except (StoreFault, ObjectMissing) as problem:
        raise OperatorError([explain(problem, settings)]) from None
    if owner != _Installation(installation=installation):
        raise OperatorError([_refuse(owner, settings)])


async def _read_owner(calls: Calls, keys: Keys) -> _Installation | None:
    """What the marker says; ``None`` where it is none."""
    _, content = await calls.run(partial(ObjectClient.fetch, key=keys.installation, most=4096))
    try:
        return msgspec.json.decode(content or b"", type=_Installation)
    except msgspec.DecodeError:
        return None


def _refuse(owner: _Installation | None, settings: ObjectStoreSettings) -> str:
    if owner is None:
        return f"{settings.url} has a damaged installation.json; name another prefix, or bring it back"
    if owner.format > _FORMAT:
        return f"{settings.url} was written by a newer program; install that one"
    return f"{settings.url} belongs to another installation, {owner.installation}; name another prefix in blobs.url"
