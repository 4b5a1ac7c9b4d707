"""Judgement of a run: what histories, the feed, the catalogue and the bucket say in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Final

from tests.support.chaos.contents import digest_content
from tests.support.chaos.databases import DATABASE, Pair
from tests.support.chaos.feed import Reader, compare_readers, count_effects, list_present, replay
from tests.support.chaos.history import Operation, Outcome, list_registers
from tests.support.chaos.linearizability import Undecided, explain, is_linearizable

_KEPT: Final = """
    SELECT DISTINCT encode(blob.digest, 'hex') FROM version
    JOIN blob ON blob.id = version.blob JOIN node ON node.id = version.node
    WHERE node.parent IS DISTINCT FROM 3 AND blob.digest IS NOT NULL AND blob.marked = 0
"""


def check_registers(operations: Sequence[Operation]) -> Iterator[str]:
    """Paths of which what clients saw cannot have happened, with the shortest explanation that is found."""
    for path, steps in list_registers(operations).items():
        try:
            if is_linearizable(steps):
                continue
        except Undecided:
            yield f"{path}: {len(steps)} operations are too many to judge"
            continue
        core = explain(steps)
        named = {step.operand for step in core} - {None}
        refused = [each for each in operations if each.outcome is Outcome.REFUSED and each.value in named]
        lines = "\n    ".join(map(str, [*core, *refused]))
        yield f"{path}: this cannot have happened:\n    {lines}"


def list_kept(databases: Pair) -> set[str]:
    """Digests of all versions of files that are there or in the trash, in hexadecimal digits."""
    return {digest for (digest,) in databases.primary.ask(_KEPT, DATABASE)}


def check_bytes(operations: Sequence[Operation], kept: Set[str]) -> Iterator[str]:
    """
    Contents that were acknowledged and that no version has. That the bytes are those, ``cloudsvc verify`` says.

    :param kept: digests of all versions.
    """
    for each in operations:
        if each.value is not None and each.outcome is Outcome.DONE and digest_content(each.value).hex() not in kept:
            yield f"acknowledged and lost: {each}"


def check_feed(
    operations: Sequence[Operation], readers: Sequence[Reader], whole: Reader, others: Set[str]
) -> Iterator[str]:
    """
    Changes that are missing, too many, out of order, or not the same for everybody.

    :param others: paths with which somebody else has done something.
    """
    yield from compare_readers(readers, whole)
    yield from count_effects(operations, whole.without(others))
    yield from replay(whole)


def check_presence(present: set[str], whole: Reader) -> Iterator[str]:
    """Paths where the feed says something else than the drive."""
    for path in present ^ list_present(whole):
        yield f"{path} {'is' if path in present else 'is not'} there, and the feed says otherwise"
