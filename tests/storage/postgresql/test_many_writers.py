"""Several catalogues on one database, as processes have them: what holds for one writer holds for all of them."""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.commands import Command, Condition, Copy, Discard, EditTags, Move, Purge, SetQuota
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.catalogue import examine
from tests.support.catalogues import TESTER, Trial, Watch, make_blob, open_postgres, store
from tests.support.postgresql import find_database
from tests.support.reactors import in_reactor, run_threads

ROOT: Final = Path(__file__).parents[3]

WRITERS: Final = 8
SIZE: Final = 10
"""Bytes of a file."""


@asynccontextmanager
async def open_several(directory: Path, count: int) -> AsyncIterator[list[Trial]]:
    """So many catalogues on one database. At the end, all in it is what this program could have written."""
    watch = Watch()
    async with AsyncExitStack() as stack:
        trials = [Trial(await stack.enter_async_context(open_postgres(directory, watch)), watch) for _ in range(count)]
        yield trials
        await check_invariants(trials[0], directory)


async def check_invariants(trial: Trial, directory: Path) -> None:
    copy = directory / "copy"
    async with trial.catalogue.snapshot() as snapshot:
        copy.write_bytes(snapshot.content.read())
        counted = await snapshot.catalogue.find_miscounts()
        blobs = (await snapshot.catalogue.list_blobs(1000)).items
        stored = await snapshot.catalogue.stored_bytes()
    examine(copy)
    assert counted == []
    assert stored >= sum(blob.size for blob in blobs)


async def together(works: Sequence[Awaitable[Any]]) -> list[Any]:
    """The results of all, begun at once."""

    async def wait(work: Awaitable[Any]) -> Any:
        return await work

    return list(await gatherResults([Deferred.fromCoroutine(wait(work)) for work in works], consumeErrors=True))


async def attempt(work: Awaitable[Any]) -> str:
    """The code of the refusal, or nothing."""
    try:
        await work
    except CloudError as problem:
        return problem.code
    return ""


def content(number: int) -> bytes:
    return b"%0*d" % (SIZE, number)


@in_reactor
async def test_whoever_has_seen_a_change_meets_no_smaller_number_later(tmp_path: Path) -> None:
    each = 12
    async with open_several(tmp_path, WRITERS) as trials:
        expected = WRITERS * each

        async def write(trial: Trial, name: int) -> None:
            for number in range(each):
                await trial.store(f"{name}-{number}", content(number))

        async def follow(trial: Trial) -> list[int]:
            seen: list[int] = []
            while len(seen) < expected:
                found = await trial.catalogue.read_changes(TESTER, seen[-1] if seen else 0, 5)
                seen += [change.number for change in found.items]
            return seen

        writing = [write(trial, name) for name, trial in enumerate(trials)]
        results = await together([*writing, *(follow(trial) for trial in trials)])
        assert results[WRITERS:] == [[*range(1, expected + 1)]] * WRITERS


@in_reactor
async def test_one_of_many_gets_a_name(tmp_path: Path) -> None:
    async with open_several(tmp_path, WRITERS) as trials:
        for name in range(5):
            absent = Condition(absent=True)
            works = [
                attempt(trial.store(f"folder/{name}", content(10 * name + number), condition=absent))
                for number, trial in enumerate(trials)
            ]
            codes = await together(works)
            assert sorted(codes) == ["", *["precondition_failed"] * (WRITERS - 1)]
        assert len(await trials[0].files()) == 5
        assert await trials[0].catalogue.stored_bytes() == 5 * SIZE


@in_reactor
async def test_of_two_who_saw_the_same_version_one_replaces_it(tmp_path: Path) -> None:
    async with open_several(tmp_path, 4) as trials:
        await trials[0].store("a", content(0))
        for round_ in range(1, 6):
            seen = (await trials[0].find_file("a")).version.validator
            condition = Condition(validators=frozenset({seen}))
            works = [
                attempt(trial.store("a", content(10 * round_ + number), condition=condition))
                for number, trial in enumerate(trials)
            ]
            assert sorted(await together(works)) == ["", *["precondition_failed"] * 3]
        assert len(await trials[0].versions("a")) == 6


@in_reactor
async def test_the_capacity_is_that_of_all(tmp_path: Path) -> None:
    async with open_several(tmp_path, WRITERS) as trials:
        works = [
            attempt(trials[number % WRITERS].store(str(number), content(number), capacity=10 * SIZE))
            for number in range(5 * WRITERS)
        ]
        codes = await together(works)
        assert codes.count("") == 10
        assert set(codes) == {"", "no_capacity"}
        assert await trials[0].catalogue.stored_bytes() == 10 * SIZE


@in_reactor
async def test_a_quota_is_that_of_all(tmp_path: Path) -> None:
    async with open_several(tmp_path, WRITERS) as trials:
        await trials[0].make_folder("folder")
        await trials[0].do(SetQuota(path=parse_path("folder"), quota=10 * SIZE))
        works = [
            attempt(trials[number % WRITERS].store(f"folder/{number}", content(number)))
            for number in range(5 * WRITERS)
        ]
        codes = await together(works)
        assert codes.count("") == 10
        assert set(codes) == {"", "quota_exceeded"}


@in_reactor
async def test_what_is_on_its_way_out_is_never_referred_to_again(tmp_path: Path) -> None:
    """Uploads of the same bytes, while others throw them away and collect what nobody refers to."""
    contents = [content(number) for number in range(3)]
    async with open_several(tmp_path, 4) as trials:
        gone: set[str] = set()

        async def use(trial: Trial, name: str) -> None:
            chosen = random.Random(name)  # noqa: S311  # a test that can be repeated
            for _ in range(15):
                await trial.store(name, make_blob(chosen.choice(contents)), versions_kept=1)
                if chosen.random() < 0.5:
                    await trial.discard(name)
                    await attempt(trial.do(Purge(entry=None)))

        async def collect(trial: Trial) -> None:
            for _ in range(15):
                gone.update(await trial.collect())

        users = [use(trial, f"{name}") for name, trial in enumerate(trials[:3])]
        await together([*users, collect(trials[3])])
        assert gone
        for path in await trials[0].files():
            file = await trials[0].find_file(path)
            assert file.version.blob.id not in gone
        kept = {blob.id for blob in (await trials[0].catalogue.list_blobs(100)).items}
        assert not kept & gone


@in_reactor
async def test_other_processes_write_at_the_same_time(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.second_writer", find_database(tmp_path).reveal()]
    async with open_several(tmp_path, 1) as [trial]:
        with run_threads(2) as threads:
            neighbours = [await threads.run(start, [*command, name, "40"]) for name in ("one", "two")]
            for each in neighbours:
                assert each.stdout is not None
                await threads.run(each.stdout.readline)
            for number in range(40):
                await trial.store(f"ours/{number}", b"%d" % (number // 2))
            for each in neighbours:
                await threads.run(each.communicate)
                assert each.returncode == 0
        usage = await trial.catalogue.usage(TESTER)
        assert (usage.files, usage.versions, usage.blobs) == (120, 120, 20)
        assert [change.number for change in await trial.changes()] == [*range(1, 124)]


def start(command: Sequence[str]) -> Popen[bytes]:
    return Popen(command, stdout=PIPE, cwd=ROOT)


@in_reactor
async def test_anything_at_once(tmp_path: Path) -> None:
    names = ["a", "b", "a/b", "b/c", "a/b/c"]

    def choose(chosen: random.Random) -> Command:
        one, other = (parse_path(chosen.choice(names)) for _ in range(2))
        commands: list[Command] = [
            store(str(one / other.name), content(chosen.randrange(9))),
            Move(path=one, destination=other),
            Copy(source=one, destination=other),
            Discard(path=one),
            EditTags(path=one, add=(chosen.choice("xyz"),), most=5),
            SetQuota(path=one, quota=chosen.choice([None, 20 * SIZE])),
            Purge(entry=None),
        ]
        return chosen.choice(commands)

    async with open_several(tmp_path, 5) as trials:

        async def work(trial: Trial, seed: int) -> list[str]:
            chosen = random.Random(seed)  # noqa: S311  # a test that can be repeated
            return [await attempt(trial.do(choose(chosen))) for _ in range(40)]

        codes = await together([work(trial, seed) for seed, trial in enumerate(trials)])
        flat = [code for each in codes for code in each]
        assert flat.count("") > 30
        assert not {"storage_failed", "commit_unknown"} & {*flat}
        numbers = [change.number for change in await trials[0].changes()]
        assert numbers == [*range(1, len(numbers) + 1)]
