"""Disk errors in the words of the drive."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from twisted.logger import Logger

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import no_space, storage_failed

_log = Logger("cloudsvc.storage")

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def translate(problem: OSError) -> CloudError:
    """The error that a client is told. What an administrator has to look at is logged."""
    if problem.errno in _FULL:
        return no_space()
    _log.error("the disk fails: {reason}", reason=str(problem))
    return storage_failed()


@contextmanager
def translated() -> Iterator[None]:
    """Raise the translation of any ``OSError``."""
    try:
        yield
    except OSError as problem:
        raise translate(problem) from problem
