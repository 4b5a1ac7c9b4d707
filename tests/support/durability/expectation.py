"""Expected contents of a drive after its diary."""

from __future__ import annotations

import json
from collections.abc import Sequence

from attrs import define, field

from tests.support.durability.inspection import Found
from tests.support.durability.model import Deed, Note, Tree, do_all, is_within
from tests.support.durability.workload import CLIENTS, name_root


@define
class _History:
    """What one client has done: the tree that makes, and the changes that tell of it."""

    tree: Tree = field(factory=dict)
    notes: list[Note] = field(factory=list)

    def after(self, deeds: Sequence[Deed]) -> _History:
        tree, notes = do_all(self.tree, [*deeds])
        return _History(tree, self.notes + notes)


@define
class Expectation:
    """
    Knows for each client what was acknowledged, and what was under way when it ended.

    :ivar acknowledged: how many deeds were.
    """

    _settled: dict[int, _History] = field(factory=lambda: {client: _History() for client in range(CLIENTS)})
    _under_way: dict[int, list[Deed]] = field(factory=dict)
    _epoch: str = ""
    _changes: list[tuple[int, Note]] = field(factory=list)
    _seen: int = 0
    _durable: dict[str, int] = field(factory=dict)
    acknowledged: int = 0

    def read(self, diary: str) -> None:
        """Take in what happened since the drive was found last."""
        lines = diary.splitlines()
        for line in lines:
            match json.loads(line):
                case ["begin", client, deeds]:
                    self._under_way[client] = deeds
                case ["done", client]:
                    self._settled[client] = self._settled[client].after(self._under_way.pop(client))
                    self.acknowledged += 1
                case ["durable", blob, size]:
                    self._durable[blob] = size
                case ["ended", blob]:
                    self._durable.pop(blob, None)
                case ["seen", number]:
                    self._seen = max(self._seen, number)

    def check(self, found: Found) -> None:
        """See that what is found may be; from now on it is what is."""
        assert not found.problems, "; ".join(found.problems)
        self._check_changes(found)
        for blob, size in self._durable.items():
            assert found.suspended.get(blob, 0) >= size, f"{size} bytes of {blob} were durable"
        for client, settled in self._settled.items():
            tree = {path: what for path, what in found.tree.items() if is_within(path, name_root(client))}
            notes = [note for _, note in found.changes if is_within(str(note[1]), name_root(client))]
            possible = [settled, settled.after(self._under_way.pop(client, []))]
            now = _History(tree, notes)
            assert now in possible, f"client {client}: {_differ(now, possible)}"
            self._settled[client] = now

    def _check_changes(self, found: Found) -> None:
        assert self._epoch in {"", found.epoch}, "another epoch"
        numbers = [number for number, _ in found.changes]
        assert numbers == sorted({*numbers}), "the numbers do not rise"
        assert found.changes[: len(self._changes)] == self._changes, "a change was lost"
        assert max(numbers, default=0) >= self._seen, f"change {self._seen} was seen, and is lost"
        self._epoch, self._changes = found.epoch, found.changes


def _differ(now: _History, possible: Sequence[_History]) -> str:
    """What is not as it may be, without what is."""
    return "; or ".join(
        f"{dict(now.tree.items() - each.tree.items())} instead of {dict(each.tree.items() - now.tree.items())},"
        f" {now.notes[-5:]} instead of {each.notes[-5:]}"
        for each in possible
    )
