"""Stores of identity in tests: every implementation, and short ways to fill them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from cloudsvc.core.actors import Grant, Role
from cloudsvc.core.clock import Instant
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.bounds import SESSION_SECONDS
from cloudsvc.identity.groups import Group, make_group_id
from cloudsvc.identity.key_format import make_key
from cloudsvc.identity.keys import Key
from cloudsvc.identity.link_format import LinkId, make_link_secret
from cloudsvc.identity.links import Link
from cloudsvc.identity.names import parse_account_name
from cloudsvc.identity.scopes import USER_SCOPES
from cloudsvc.identity.sessions import Session, make_session
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.subjects import Subject, make_subject_id
from cloudsvc.identity.users import User, make_user_id
from cloudsvc.storage.database.lanes import READER_THREADS
from cloudsvc.storage.identity.memory import MemoryIdentity
from cloudsvc.storage.identity.memory_accounts import Accounts
from cloudsvc.storage.identity.postgresql import PostgreSQLIdentity, open_postgresql_identity
from cloudsvc.storage.identity.sqlite import NAME, SQLiteIdentity, open_sqlite_identity
from tests.support.postgresql import find_database
from tests.support.reactors import run_threads

OpenIdentity: TypeAlias = Callable[[Path], AbstractAsyncContextManager[IdentityStore]]
"""A way to the store in a directory, which may be empty, closed at the end. Several may be open at once."""

BEGINNING: Final[Instant] = 1_000_000_000
"""When everything in tests is made, unless they say otherwise."""

_MEMORIES: Final[dict[Path, Accounts]] = {}
"""What stores in memory have kept, by the directories where others would have kept it."""


@asynccontextmanager
async def open_memory(directory: Path) -> AsyncIterator[MemoryIdentity]:
    """One in memory: of a directory, all have the same."""
    yield MemoryIdentity(_MEMORIES.setdefault(directory, Accounts()))


@asynccontextmanager
async def open_sqlite(directory: Path) -> AsyncIterator[SQLiteIdentity]:
    """One in SQLite."""
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
        store = await open_sqlite_identity(
            directory / NAME,
            writer=writer,
            readers=readers,
            clock=reactor,
        )
        try:
            yield store
        finally:
            await store.close()


@asynccontextmanager
async def open_postgres(
    directory: Path, url: Secret | None = None, *, look_seconds: float = 86_400.0
) -> AsyncIterator[PostgreSQLIdentity]:
    """
    One in PostgreSQL: of a directory, all have the same database.

    :param url: another way there, or to another database.
    :param look_seconds: between two looks for changes; so long that tests know why somebody is woken.
    """
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
        store = await open_postgresql_identity(
            find_database(directory) if url is None else url,
            writer=writer,
            readers=readers,
            reactor=reactor,  # type: ignore[arg-type]  # the module stands for it
            look_seconds=look_seconds,
        )
        try:
            yield store
        finally:
            await store.close()


IDENTITY_STORES: Final[dict[str, OpenIdentity]] = {
    "memory": open_memory,
    "sqlite": open_sqlite,
    "postgresql": open_postgres,
}
"""Every implementation of ``IdentityStore``."""


@contextmanager
def refusing(code: str, kind: Kind) -> Iterator[None]:
    """Meanwhile something is refused with this error."""
    with pytest.raises(CloudError) as caught:
        yield
    assert (caught.value.code, caught.value.kind) == (code, kind)


def grant(role: Role, folder: int) -> Grant:
    """A role on a folder."""
    return Grant(role=role, folder=folder)


HASH: Final = Secret(f"$argon2id$v=19$m=65536,t=3,p=4${'s' * 22}${'t' * 43}")
"""What is kept of a password that nobody knows."""


def make_user(name: str = "anna", **fields: Any) -> User:
    """A user who is to be added."""
    return User(
        **{
            "id": make_user_id(),
            "name": parse_account_name(name),
            "scopes": USER_SCOPES,
            "created_at": BEGINNING,
            **fields,
        }
    )


def make_group(name: str = "family", *grants: Grant) -> Group:
    """A group that is to be added."""
    return Group(id=make_group_id(), name=parse_account_name(name), grants=grants, created_at=BEGINNING)


def make_user_key(user: User, **fields: Any) -> Key:
    """A key of ``user`` that is to be added."""
    made = {"id": make_key().id, "holder": user.id, "maker": str(user.name)}
    return Key(**{"scopes": USER_SCOPES, "created_at": BEGINNING, **made, **fields})


def make_program_key(name: str = "camera", *grants: Grant, **fields: Any) -> Key:
    """A key of a program that is to be added."""
    made = {"id": make_key().id, "program": parse_account_name(name), "maker": "owner", "grants": grants}
    return Key(**{"scopes": USER_SCOPES, "created_at": BEGINNING, **made, **fields})


def make_user_session(user: User, **fields: Any) -> Session:
    """A session of ``user`` that is to be added."""
    made = {"id": make_session().id, "user": user.id, "created_at": BEGINNING, "seen_at": BEGINNING}
    return Session(**{"ends_at": BEGINNING + SESSION_SECONDS * 1_000_000, **made, **fields})


def make_user_link(user: User, **fields: Any) -> Link:
    """A link of ``user`` that is to be added."""
    return make_link(**{"holder": user.id, "maker": str(user.name), **fields})


def make_link(**fields: Any) -> Link:
    """A link of the owner that is to be added."""
    made = {"id": LinkId(make_link_secret().id), "role": Role.VIEWER, "target": 5, "maker": "owner"}
    return Link(**{**made, "created_at": BEGINNING, **fields})


def make_subject(user: User, name: str = "1001", **fields: Any) -> Subject:
    """Who ``user`` is to a provider, which is to be added."""
    made = {"id": make_subject_id(), "user": user.id, "issuer": "https://login.example", "name": name}
    return Subject(**{"created_at": BEGINNING, **made, **fields})
