"""A catalogue and blobs of two installations are not opened together."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from cloudsvc.core.errors import OperatorError
from cloudsvc.storage.blobs.marker import NAME, make_marker, read_marker
from cloudsvc.storage.catalogue.catalogue import DatabaseCatalogue
from cloudsvc.storage.claims import Claimable, claim_directory, claim_home
from tests.support.catalogues import Trial, Watch, open_sqlite
from tests.support.inline_threads import Inline
from tests.support.reactors import in_reactor

A, B = "a" * 32, "b" * 32
BLOB = "ab" + "c" * 30


async def claimed(
    home: Path, blobs: Path, claim: Callable[..., Awaitable[None]], work: Callable[[Trial], Awaitable[object]]
) -> str:
    """Whose the catalogue in ``home`` is, after ``work`` was done with it and it was opened beside ``blobs``."""
    watch = Watch()
    async with open_sqlite(home, watch) as catalogue:
        await work(Trial(catalogue=catalogue, watch=watch))
        await claim(catalogue, blobs, Inline())
        return (await catalogue.identify()).installation


async def nothing(_: Trial) -> None:
    """A catalogue that is new."""


async def store_something(trial: Trial) -> None:
    await trial.store("a.txt")


def belong_to(installation: str) -> Callable[[Trial], Awaitable[None]]:
    async def claim(trial: Trial) -> None:
        assert isinstance(trial.catalogue, DatabaseCatalogue)
        await trial.catalogue.claim(installation)

    return claim


def belong_to_and_store(installation: str) -> Callable[[Trial], Awaitable[None]]:
    async def do(trial: Trial) -> None:
        await belong_to(installation)(trial)
        await store_something(trial)

    return do


def put_blob(directory: Path) -> None:
    (directory / "blobs" / BLOB[:2]).mkdir(parents=True)
    (directory / "blobs" / BLOB[:2] / BLOB).touch()


@pytest.mark.parametrize("work", [nothing, store_something])
@in_reactor
async def test_a_home_is_claimed_once_whatever_is_in_it(
    tmp_path: Path, work: Callable[[Trial], Awaitable[None]]
) -> None:
    put_blob(tmp_path)
    installation = await claimed(tmp_path, tmp_path, claim_home, work)
    assert installation == read_marker(tmp_path)
    assert await claimed(tmp_path, tmp_path, claim_home, nothing) == installation
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


@in_reactor
async def test_a_home_whose_claim_was_cut_off_is_claimed_by_the_next(tmp_path: Path) -> None:
    make_marker(tmp_path, A)
    assert await claimed(tmp_path, tmp_path, claim_home, store_something) == A


@in_reactor
async def test_a_home_is_not_opened_with_blobs_that_are_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=f"where blobs.url said: set it again; .* write {A} into it"):
        await claimed(tmp_path, tmp_path, claim_home, belong_to_and_store(A))
    assert read_marker(tmp_path) is None
    # As it is advised.
    (tmp_path / NAME).write_text(f"{A}\n")
    assert await claimed(tmp_path, tmp_path, claim_home, nothing) == A


@pytest.mark.parametrize("claim", [claim_home, claim_directory])
@in_reactor
async def test_blobs_of_another_installation_are_left_alone(
    tmp_path: Path, claim: Callable[[Claimable, Path, Inline], Awaitable[None]]
) -> None:
    make_marker(tmp_path, B)
    with pytest.raises(OperatorError, match=f"belong to installation {B}, and the catalogue to {A}"):
        await claimed(tmp_path, tmp_path, claim, belong_to(A))
    assert read_marker(tmp_path) == B


@in_reactor
async def test_a_database_takes_an_empty_directory(tmp_path: Path) -> None:
    home, blobs = tmp_path / "home", tmp_path / "blobs"
    home.mkdir()
    blobs.mkdir()
    installation = await claimed(home, blobs, claim_directory, nothing)
    assert read_marker(blobs) == installation
    assert await claimed(home, blobs, claim_directory, store_something) == installation
    assert await claimed(home, blobs, claim_directory, nothing) == installation


@in_reactor
async def test_a_database_takes_no_directory_with_blobs_that_it_does_not_know(tmp_path: Path) -> None:
    put_blob(tmp_path)
    with pytest.raises(OperatorError, match=r"name the right one in database\.url"):
        await claimed(tmp_path, tmp_path, claim_directory, nothing)
    assert read_marker(tmp_path) is None


@in_reactor
async def test_a_database_that_knows_blobs_takes_no_empty_directory(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"name the right one in database\.url"):
        await claimed(tmp_path, tmp_path, claim_directory, store_something)
    assert read_marker(tmp_path) is None


@pytest.mark.parametrize("claim", [claim_home, claim_directory])
@pytest.mark.parametrize("content", [b"", b"\xff" * 99, A.encode() + b"b", b"../../x"])
@in_reactor
async def test_a_damaged_marker_is_told_and_kept(
    tmp_path: Path, content: bytes, claim: Callable[[Claimable, Path, Inline], Awaitable[None]]
) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(OperatorError, match=r"installation is damaged: .*; bring it back from a backup"):
        await claimed(tmp_path, tmp_path, claim, nothing)
    assert (tmp_path / NAME).read_bytes() == content


def test_of_two_that_claim_at_once_the_first_one_has_it(tmp_path: Path) -> None:
    assert make_marker(tmp_path, A) == A
    assert make_marker(tmp_path, B) == A
    assert [each.name for each in tmp_path.iterdir()] == [NAME]


@in_reactor
async def test_a_catalogue_is_claimed_once(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        assert (await catalogue.claim(A)).installation == A
        assert (await catalogue.claim(B)).installation == A
    with closing(sqlite3.connect(tmp_path / "catalogue.sqlite3")) as connection:
        assert connection.execute("SELECT installation FROM state").fetchall() == [(A,)]
