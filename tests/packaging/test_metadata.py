"""Metadata of the wheel: complete, valid by the specification of core metadata, and with a description."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata

from cloudsvc import __version__
from tests.packaging.conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Metadata:
    with ZipFile(wheel) as archive:
        return Metadata.from_email(archive.read(f"cloudsvc-{__version__}.dist-info/METADATA"), validate=True)


def test_it_says_what_an_index_shows(metadata: Metadata) -> None:
    assert metadata.summary
    assert len(metadata.summary) < 100
    assert metadata.license_expression == "MIT"
    assert metadata.license_files == ["LICENSE"]
    assert metadata.author
    assert metadata.maintainer
    assert metadata.keywords
    assert {"Framework :: Twisted", "Typing :: Typed"} <= set(metadata.classifiers or ())


def test_its_description_is_the_readme(metadata: Metadata) -> None:
    assert (metadata.description_content_type or "").startswith("text/markdown")
    assert (metadata.description or "").strip() == (ROOT / "README.md").read_text().strip()


def test_the_pythons_of_its_classifiers_are_those_that_are_allowed(metadata: Metadata) -> None:
    prefix = "Programming Language :: Python :: 3."
    named = [each.removeprefix(prefix) for each in metadata.classifiers or () if each.startswith(prefix)]
    allowed = metadata.requires_python
    assert allowed is not None
    assert named
    assert all(allowed.contains(f"3.{minor}") for minor in named)
    assert not allowed.contains(f"3.{min(map(int, named)) - 1}")


def test_its_addresses_are_complete(metadata: Metadata) -> None:
    urls = metadata.project_urls or {}
    assert urls
    assert all(url.startswith("https://") and "example" not in url for url in urls.values())


def test_what_only_some_need_is_an_extra(metadata: Metadata) -> None:
    assert {"all", "memcached", "postgresql", "redis", "thumbnails"} <= set(metadata.provides_extra or ())
