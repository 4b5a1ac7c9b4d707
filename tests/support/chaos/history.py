"""History of a run: what each client asked for, when, and what it was told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import Enum
from math import inf
from pathlib import Path
from threading import Lock
from typing import Any, TextIO, TypeAlias

import cattrs
from attrs import define, evolve, field, frozen

from tests.support.chaos.linearizability import Step


class Outcome(Enum):
    """What is known of an operation when it has ended."""

    DONE = "done"
    REFUSED = "refused"
    """It has changed nothing."""
    UNKNOWN = "unknown"
    """It may have been done, or may still be done."""


Effect: TypeAlias = tuple[str, str]
"""A kind of change (``written``, ``discarded``, ``moved``, ``restored``), and the path that the feed tells with it."""


@frozen(kw_only=True)
class Operation:
    """
    A request of a client, and its answer.

    :ivar begin: in seconds of the clock of the history.
    :ivar end: likewise.
    :ivar status: of the answer; 0 where there was none.
    :ivar error: the code of a refusal, or what became of the connection.
    :ivar retry_after: as the answer says; empty where it says nothing.
    :ivar steps: what it did, or may have done, with each path.
    :ivar effect: what the feed has to tell of it.
    :ivar value: the content that it stored.
    """

    client: str
    kind: str
    path: str
    begin: float
    end: float
    outcome: Outcome
    status: int = 0
    error: str = ""
    retry_after: str = ""
    steps: Sequence[tuple[str, Step]] = ()
    effect: Effect | None = None
    value: str | None = None

    def __str__(self) -> str:
        return f"[{self.begin:.3f} .. {self.end:.3f}] {self.summary}"

    @property
    def summary(self) -> str:
        """Who asked for what, and was told what."""
        answer = f"{self.status} {self.error}".strip()
        return f"{self.client}: {self.kind} {self.path} {answer}"


@define(eq=False)
class History:
    """
    Operations in the order of their ends, in memory and in a file with a line of JSON for each.

    Threads may add to it. Faults and what else happened are told in the same file.
    """

    _file: TextIO
    operations: list[Operation] = field(factory=list)
    _lock: Lock = field(factory=Lock)

    @classmethod
    def open(cls, path: Path) -> History:
        """An empty one."""
        return cls(path.open("w", encoding="utf-8"))

    def add(self, operation: Operation) -> None:
        """Note what a client has been told."""
        with self._lock:
            self.operations.append(operation)
            self._write({"operation": cattrs.unstructure(operation)})

    def tell(self, at: float, event: str) -> None:
        """Note what happened beside."""
        with self._lock:
            self._write({"at": at, "event": event})

    def close(self) -> None:
        """Nothing comes any more."""
        self._file.close()

    def _write(self, entry: dict[str, Any]) -> None:
        # JSON has no infinity; Python writes and reads one all the same.
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


def list_registers(operations: Iterable[Operation]) -> dict[str, list[Step]]:
    """The steps with each path."""
    registers: dict[str, list[Step]] = {}
    for operation in operations:
        if operation.outcome is Outcome.REFUSED and not operation.steps:
            continue
        end = inf if operation.outcome is Outcome.UNKNOWN else operation.end
        for path, step in operation.steps:
            registers.setdefault(path, []).append(evolve(step, begin=operation.begin, end=end, who=operation.summary))
    return registers
