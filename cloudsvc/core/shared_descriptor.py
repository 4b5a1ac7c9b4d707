"""Shared open file: several threads read it, and the last of them closes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from attrs import define, field


@define(eq=False)
class SharedDescriptor:
    """
    An open file descriptor, closed once nobody uses it: a thread may still read when whoever asked it has left, and
    must not read another file that has got the same number. It begins with one user, and any thread may call it.
    """

    _number: int
    _users: int = 1
    _others: list[int] = field(factory=list)
    _lock: Lock = field(factory=Lock)

    @contextmanager
    def used(self) -> Iterator[int]:
        """
        Its number, which stays open meanwhile.

        :raises ValueError: it is closed.
        """
        with self._lock:
            if self._users == 0:
                raise ValueError("the file is closed")
            self._users += 1
        try:
            yield self._number
        finally:
            self.release()

    def attach(self, number: int) -> None:
        """Close another descriptor together with it. Only while it is :meth:`used`."""
        self._others.append(number)

    def release(self) -> None:
        """Count one user less, and close it after the last."""
        with self._lock:
            self._users -= 1
            if self._users > 0:
                return
        for number in (self._number, *self._others):
            os.close(number)
