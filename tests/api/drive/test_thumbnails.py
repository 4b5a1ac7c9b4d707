"""Thumbnails over HTTP: of what a path names, and for whom nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from tests.support.drive_site import DriveSite, open_site
from tests.support.reactors import in_reactor, wait_for
from tests.support.site import Answer
from tests.support.thumbnails.in_memory import MemoryThumbnails

PICTURE = "/files/a/picture.png"


@frozen(kw_only=True)
class Gallery:
    """A site with a drive in which there is a picture, and what its thumbnails are made and kept by."""

    drive: DriveSite
    thumbnails: MemoryThumbnails

    async def ask(self, path: str = f"{PICTURE}/thumbnail", **headers: str) -> Answer:
        return await self.drive.ask(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    thumbnails = MemoryThumbnails()
    context = open_site(
        tmp_path,
        make_thumbnails=thumbnails.serve,
    )
    site = wait_for(context.__aenter__())
    wait_for(site.opened.store("a/picture.png", b"content", media_type="image/png"))
    yield Gallery(drive=site, thumbnails=thumbnails)
    wait_for(context.__aexit__(None, None, None))


@in_reactor
async def test_whoever_names_its_tag_has_it(gallery: Gallery) -> None:
    first = await gallery.ask()
    assert (first.status, first.body) == (200, b"a thumbnail")
    tag = first.headers["ETag"]
    gallery.thumbnails.kept.clear()
    gallery.thumbnails.loaded.clear()
    for known in (tag, f"W/{tag}", f'"another", {tag}'):
        again = await gallery.ask(If_None_Match=known)
        assert (again.status, again.headers["ETag"]) == (304, tag)
    assert (gallery.thumbnails.made, gallery.thumbnails.loaded) == (1, [])


@in_reactor
async def test_whoever_names_another_tag_gets_it(gallery: Gallery) -> None:
    for known in ('"another"', '""'):
        answer = await gallery.ask(If_None_Match=known)
        assert (answer.status, answer.body) == (200, b"a thumbnail")
    assert gallery.thumbnails.made == 1


@in_reactor
async def test_conditions(gallery: Gallery) -> None:
    tag = (await gallery.ask()).headers["ETag"]
    assert (await gallery.ask(If_None_Match="*")).status == 304
    assert (await gallery.ask(If_Match=tag)).status == 200
    assert (await gallery.ask(If_Match=tag, If_None_Match=tag)).status == 304
    for fields in ({"If_Match": '"another"'}, {"If_Match": '"another"', "If_None_Match": tag}):
        refused = await gallery.ask(**fields)
        assert (refused.status, refused.json["error"]) == (412, "precondition_failed")


@pytest.mark.parametrize("fields", [{}, {"If_None_Match": "*"}, {"If_None_Match": '"any"'}])
@in_reactor
async def test_what_has_none(gallery: Gallery, fields: dict[str, str]) -> None:
    await gallery.drive.opened.store("a/text", b"content", media_type="text/plain")
    refused = await gallery.ask("/files/a/text/thumbnail", **fields)
    assert (refused.status, refused.json["error"]) == (415, "unsupported_media")
    missing = await gallery.ask("/files/a/nothing/thumbnail", **fields)
    assert (missing.status, missing.json["error"]) == (404, "file_not_found")
    assert gallery.thumbnails.made == 0


@in_reactor
async def test_an_old_version_has_none(gallery: Gallery) -> None:
    refused = await gallery.ask(f"{PICTURE}/thumbnail?version=1")
    assert (refused.status, refused.json["error"]) == (400, "no_thumbnail_of_version")
    # Of a file that is called so, old versions are sent.
    stored = await gallery.drive.opened.store("b/thumbnail", b"old")
    await gallery.drive.opened.store("b/thumbnail", b"new")
    answer = await gallery.ask(f"/files/b/thumbnail?version={stored.file.version.id}")
    assert (answer.status, answer.body) == (200, b"old")
