"""Contract of catalogues: where folders are, by their ids."""

from __future__ import annotations

from cloudsvc.drive.catalogue import Location
from cloudsvc.drive.commands import Move, Restore
from cloudsvc.drive.names import ROOT, parse_path
from cloudsvc.drive.nodes import ROOT_ID, NodeId
from tests.support.catalogues import Trial
from tests.support.reactors import in_reactor


async def find_id(trial: Trial, path: str) -> NodeId:
    node = await trial.find(path)
    assert node is not None
    return node.id


@in_reactor
async def test_folders_are_where_their_chains_say(trial: Trial) -> None:
    await trial.make_folder("a/b/c")
    await trial.make_folder("d")
    a, b, c, d = [await find_id(trial, path) for path in ("a", "a/b", "a/b/c", "d")]
    assert await trial.catalogue.locate([c, d, ROOT_ID]) == {
        c: Location(chain=(ROOT_ID, a, b, c), path=parse_path("a/b/c")),
        d: Location(chain=(ROOT_ID, d), path=parse_path("d")),
        ROOT_ID: Location(chain=(ROOT_ID,), path=ROOT),
    }


@in_reactor
async def test_names_are_told_as_they_are_kept(trial: Trial) -> None:
    await trial.make_folder("e\N{COMBINING ACUTE ACCENT}")
    folder = await find_id(trial, "\N{LATIN SMALL LETTER E WITH ACUTE}")
    [found] = (await trial.catalogue.locate([folder])).values()
    assert str(found.path) == "e\N{COMBINING ACUTE ACCENT}"


@in_reactor
async def test_a_folder_that_is_moved_is_elsewhere(trial: Trial) -> None:
    await trial.make_folder("a/b")
    await trial.make_folder("c")
    b, c = await find_id(trial, "a/b"), await find_id(trial, "c")
    await trial.do(Move(path=parse_path("a/b"), destination=parse_path("c/x")))
    assert await trial.catalogue.locate([b]) == {b: Location(chain=(ROOT_ID, c, b), path=parse_path("c/x"))}


@in_reactor
async def test_what_is_in_the_trash_is_nowhere(trial: Trial) -> None:
    await trial.make_folder("a/b")
    a, b = await find_id(trial, "a"), await find_id(trial, "a/b")
    thrown = await trial.discard("a")
    assert await trial.catalogue.locate([a, b]) == {}
    await trial.do(Restore(entry=thrown.id))
    assert (await trial.catalogue.locate([a, b])).keys() == {a, b}


@in_reactor
async def test_what_was_never_there_is_nowhere(trial: Trial) -> None:
    assert await trial.catalogue.locate([]) == {}
    assert await trial.catalogue.locate([NodeId(number) for number in (0, -1, 999, 2**62)]) == {}
