"""
Accounts of space: whose quota what is stored counts to, and how much that is.

Each version counts to the nearest folder with a quota, and to its *payer*: the user on whose behalf it was stored
(:class:`cloudsvc.core.actors.Payer`). What the owner, programs and commands have stored has no payer.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import ROOT_ID, NodeId

MOST_QUOTAS: Final = 1_000
"""Folders that may have a quota. Whether one is below a folder is asked when that is thrown away."""


@frozen(kw_only=True)
class Account:
    """
    What is stored for a *quota owner*: a folder with a quota.

    What is in the folder counts to it, old versions and what was thrown away from there too, but for what is in a
    folder below with a quota of its own. The root has no account: its quota is the capacity of the drive, to which each
    blob counts once, whoever refers to it.

    :ivar quota: in bytes.
    :ivar stored_bytes: of all versions, each with its whole size, be it that others have the same bytes.
    """

    owner: NodeId
    quota: int
    stored_bytes: int


@frozen(kw_only=True)
class Quota:
    """
    A folder with a quota, for whoever lists them.

    :ivar path: where the folder is, or was before it was thrown away.
    """

    path: DrivePath
    account: Account


@frozen(kw_only=True)
class Miscount:
    """
    A quota whose account says something else than what is stored, as only a damaged catalogue has it.

    :ivar counted: bytes of what counts to it.
    """

    quota: Quota
    counted: int


@frozen(kw_only=True)
class MiscountedPayer:
    """
    A user to whom something else is said to count than what is stored, as only a damaged catalogue has it.

    :ivar stored_bytes: as it is said.
    :ivar counted: bytes of what they have stored.
    """

    name: str
    stored_bytes: int
    counted: int


@frozen(kw_only=True)
class Allowance:
    """
    What a file may take beyond what is free when it is stored, as so much is given up right after.

    :ivar owner: of which quota owner ``drive`` and ``quota`` are taken: only if it counts to the account of this one.
    :ivar drive: bytes beyond the capacity of the drive.
    :ivar quota: bytes beyond the quota of the owner.
    :ivar payer: bytes beyond the quota of whoever pays for it, of whose they are taken.
    """

    owner: NodeId = ROOT_ID
    drive: int = 0
    quota: int = 0
    payer: int = 0


NO_ALLOWANCE: Final = Allowance()
