"""Lines that are cut at random while several write: what was acknowledged is there, what was refused is not."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Final

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import capturedLogs

from cloudsvc.core.errors import CloudError
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.nodes import BlobId
from cloudsvc.storage.catalogue import examine
from tests.support.catalogues import TESTER, Trial, Watch, make_blob, open_postgres
from tests.support.lines import Fault, run_line
from tests.support.postgresql import find_cluster, find_database
from tests.support.reactors import in_reactor

WRITERS: Final = 3
EACH: Final = 40
FAULTS: Final = (Fault.LOST, Fault.UNANSWERED)


@define
class Chance:
    """Cuts one of so many pieces, and more often where a commit is in it."""

    seed: int
    choice: random.Random = field(init=False)
    is_over: bool = False

    @choice.default
    def _choose(self) -> random.Random:
        return random.Random(self.seed)  # noqa: S311  # a test that can be repeated

    def __call__(self, piece: bytes) -> Fault:
        one_of = 10 if b"COMMIT" in piece else 200
        if self.is_over or self.choice.randrange(one_of):
            return Fault.NONE
        return self.choice.choice(FAULTS)


@define
class Record:
    """What was to be stored, and what came of it."""

    blobs: dict[str, BlobId] = field(factory=dict)
    outcomes: dict[str, str] = field(factory=dict)

    def list(self, outcome: str) -> set[str]:
        return {path for path, each in self.outcomes.items() if each == outcome}


async def write(trial: Trial, name: int, record: Record) -> None:
    for number in range(EACH):
        path = f"{name}/{number}"
        blob = make_blob(path.encode())
        record.blobs[path] = blob.id
        try:
            await trial.store(path, blob)
        except CloudError as problem:
            record.outcomes[path] = problem.code
        else:
            record.outcomes[path] = ""


@pytest.mark.parametrize("seed", range(3))
@in_reactor
async def test_every_answer_is_true(tmp_path: Path, seed: int) -> None:
    direct, port, watch, record = find_database(tmp_path), find_cluster().port, Watch(), Record()
    chances = [Chance(10 * seed + number) for number in range(WRITERS)]
    with ExitStack() as lines, capturedLogs():
        async with AsyncExitStack() as stack:
            trials = []
            for chance in chances:
                line = lines.enter_context(run_line(port))
                url = Secret(direct.reveal().replace(f":{port}/", f":{line.port}/"))
                trials.append(Trial(await stack.enter_async_context(open_postgres(tmp_path, watch, url)), watch))
                line.judge = chance
            works = [write(trial, name, record) for name, trial in enumerate(trials)]
            await gatherResults([Deferred.fromCoroutine(work) for work in works])
            for chance in chances:
                chance.is_over = True
            for path in record.list("commit_unknown"):
                unknown = await trials[int(path[0])].catalogue.find_unknown([record.blobs[path]])
                is_there = await trials[0].find(path) is not None
                assert bool(unknown) != is_there, path
    async with open_postgres(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        there = {*await trial.files()}
        assert record.list("") <= there <= record.list("") | record.list("commit_unknown")
        assert {*record.outcomes.values()} <= {"", "commit_unknown", "storage_failed"}
        usage = await catalogue.usage(TESTER)
        assert (usage.versions, usage.blobs) == (len(there), len(there))
        numbers = [change.number for change in await trial.changes()]
        assert numbers == [*range(1, len(numbers) + 1)]
        async with catalogue.snapshot() as snapshot:
            (tmp_path / "copy").write_bytes(snapshot.content.read())
    examine(tmp_path / "copy")
    # Something was cut, and most was stored all the same.
    assert record.list("commit_unknown")
    assert len(there) > WRITERS * EACH // 2
