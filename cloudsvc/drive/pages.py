"""
Keyset pagination: a page costs the same wherever it begins. What keeps its place in the list is listed exactly once,
whatever happens to the rest meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Generic, TypeVar

from attrs import frozen

from cloudsvc.drive.names import ROOT, DrivePath

T_co = TypeVar("T_co", covariant=True)


@frozen(kw_only=True)
class Page(Generic[T_co]):
    """
    Some items of a list.

    :ivar cursor: asks for the page after this one; ``None`` where this is the last. Opaque, printable, without secrets.
    """

    items: Sequence[T_co]
    cursor: str | None


class Order(Enum):
    """How a list of files is sorted. Where two files are alike in it, age decides."""

    PATH = "path"
    """By the names from the top down, compared by their keys."""
    NAME = "name"
    CREATED = "created"
    UPDATED = "updated"
    SIZE = "size"


@frozen(kw_only=True)
class FileQuery:
    """
    Which files to list, and in which order.

    :ivar folder: only files somewhere below it.
    :ivar tag: only files with this tag.
    :ivar media_type: only files of this type, such as ``image/png``, whatever its parameters, or of this kind of types,
        such as ``image``.
    :ivar text: only files whose name contains it, compared without case.
    """

    folder: DrivePath = ROOT
    tag: str | None = None
    media_type: str | None = None
    text: str | None = None
    order: Order = Order.CREATED
    descending: bool = True
