"""Copies within a store: the bytes do not come here."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from cloudsvc.storage.blobs.objects.calls import Calls
from cloudsvc.storage.blobs.objects.client import ObjectClient
from cloudsvc.storage.blobs.objects.faults import StoreFault
from cloudsvc.storage.blobs.objects.parts import PartSizes


async def copy_object(calls: Calls, sizes: PartSizes, source: str, destination: str) -> None:
    """
    Have the store copy an object, and see that the copy has as many bytes.

    :raises ObjectMissing: there is none.
    :raises StoreFault: it cannot be copied.
    """
    size = await calls.run(partial(ObjectClient.find_size, key=source))
    if size <= sizes.copied:

        def copy(client: ObjectClient) -> None:
            client.copy(source, destination)
            if (found := client.find_size(destination)) != size:
                raise StoreFault("copy_object", f"{found} bytes instead of {size}", is_temporary=True)

        await calls.run(copy)
        return
    upload = await calls.run(partial(ObjectClient.begin_upload, key=destination))
    try:
        tags = []
        for number, (start, stop) in enumerate(sizes.list_copied(size), 1):
            copy_part = partial(ObjectClient.copy_part, key=destination, upload=upload, number=number, source=source)
            tags.append(await calls.run(partial(copy_part, start=start, stop=stop)))
        await calls.run(partial(ObjectClient.complete, key=destination, upload=upload, tags=tags, size=size))
    except BaseException:
        # Should that fail, it is swept later.
        with suppress(StoreFault):
            await calls.run(partial(ObjectClient.abort, key=destination, upload=upload))
        raise
