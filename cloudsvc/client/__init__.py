"""
Client of a cloudsvc server, for programs: :class:`Client` waits for each answer, :class:`AsyncClient` is for asyncio.

It needs the extra ``client``, and nothing of the server. docs/client.md has a worked example.
"""

from __future__ import annotations

from cloudsvc.client.asynchronous import AsyncClient
from cloudsvc.client.connecting import Timeouts
from cloudsvc.client.errors import (
    ChangedError,
    ClientError,
    ConflictError,
    DamagedError,
    ForbiddenError,
    GoneError,
    LocalError,
    MalformedAnswerError,
    NoSpaceError,
    NotFoundError,
    PreconditionFailedError,
    RefusedError,
    ThrottledError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnreachableError,
    UntrustedError,
)
from cloudsvc.client.links import Link, LinkRole, Profile, RoleOnFolder, Shared
from cloudsvc.client.operations import Copy, Delete, MakeFolder, Move, Operation, Restore, Tag
from cloudsvc.client.retrying import RetryPolicy
from cloudsvc.client.synchronous import Client
from cloudsvc.client.values import (
    Change,
    Done,
    Downloaded,
    Health,
    ListedFile,
    Node,
    Purged,
    Status,
    Stored,
    Tagged,
    Trashed,
    Version,
)
from cloudsvc.core.secrets import Secret

__all__ = [
    "AsyncClient",
    "Change",
    "ChangedError",
    "Client",
    "ClientError",
    "ConflictError",
    "Copy",
    "DamagedError",
    "Delete",
    "Done",
    "Downloaded",
    "ForbiddenError",
    "GoneError",
    "Health",
    "Link",
    "LinkRole",
    "ListedFile",
    "LocalError",
    "MakeFolder",
    "MalformedAnswerError",
    "Move",
    "NoSpaceError",
    "Node",
    "NotFoundError",
    "Operation",
    "PreconditionFailedError",
    "Profile",
    "Purged",
    "RefusedError",
    "Restore",
    "RetryPolicy",
    "RoleOnFolder",
    "Secret",
    "Shared",
    "Status",
    "Stored",
    "Tag",
    "Tagged",
    "ThrottledError",
    "Timeouts",
    "TooLargeError",
    "Trashed",
    "UnauthenticatedError",
    "UnavailableError",
    "UnreachableError",
    "UntrustedError",
    "Version",
]
