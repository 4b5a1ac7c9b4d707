"""Another program that makes users with a key each: ``python -m tests.support.account_writer PLACE COUNT``."""

from __future__ import annotations

import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import gettempdir

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from cloudsvc.core.secrets import Secret
from cloudsvc.identity.store import IdentityStore
from tests.support.identity_stores import HASH, make_user, make_user_key, open_postgres, open_sqlite


def open_place(place: str) -> AbstractAsyncContextManager[IdentityStore]:
    """The store at the URL of a database, or in a directory."""
    if place.startswith("postgresql:"):
        return open_postgres(Path(gettempdir()), Secret(place))
    return open_sqlite(Path(place))


async def make_all(place: str, count: str) -> None:
    """Make so many, one after the other, and rotate the key of each."""
    async with open_place(place) as store:
        for number in range(int(count)):
            user = await store.add_user(make_user(f"user-{number}"), HASH)
            key = await store.add_key(make_user_key(user), bytes(32))
            await store.rotate_key(key, make_user_key(user), bytes(32))
            print(number, flush=True)  # noqa: T201  # whoever started it waits for that


if __name__ == "__main__":
    react(lambda _: Deferred.fromCoroutine(make_all(*sys.argv[1:])))
