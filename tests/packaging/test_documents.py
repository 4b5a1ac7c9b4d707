"""Documents for those who work on the project: the files, the folders and the orders that they name exist."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.packaging.conftest import ROOT

ROOTS = "|".join(
    ("bench", "cloudsvc", "config", "deploy", "docs", "monitoring", "requirements", "scripts", "tests", "twisted")
)
PATH = re.compile(rf"`((?:{ROOTS})/[\w./-]*)`")
DOCUMENTS = sorted(
    str(file.relative_to(ROOT))
    for file in [*(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "README.md", ROOT / "tests/README.md"]
    if file.name != "upstream.md"
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_exists(document: str) -> None:
    named = set(PATH.findall((ROOT / document).read_text()))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_module_that_is_named_by_its_room_exists(document: str) -> None:
    rooms = "|".join(place.name for place in (ROOT / "cloudsvc").iterdir() if place.is_dir())
    named = set(re.findall(rf"`((?:{rooms})/[\w/]+\.py)`", (ROOT / document).read_text()))
    assert sorted(path for path in named if not any((ROOT / root / path).exists() for root in ("", "cloudsvc"))) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_to_a_file_leads_to_one(document: str) -> None:
    place = (ROOT / document).parent
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / document).read_text())
    assert [link for link in links if "://" not in link and not (place / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_to_a_heading_leads_to_one(document: str) -> None:
    file = ROOT / document
    links = re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", file.read_text())
    pages = {link: file.parent / link if link else file for link, _ in links}
    headings = {link: list_anchors(page.read_text()) for link, page in pages.items()}
    assert [f"{link}#{anchor}" for link, anchor in links if anchor not in headings[link]] == []


def list_anchors(text: str) -> set[str]:
    """The names of its headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "README.md", "tests/README.md"])
def test_every_order_for_make_exists(document: str) -> None:
    orders = re.findall(r"(?:^|`)make ([^`#\n]+)", (ROOT / document).read_text(), re.MULTILINE)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for order in orders for word in shlex.split(order) if re.fullmatch(r"[a-z-]+", word)}
    assert named
    assert named <= targets


def test_every_folder_of_tests_is_explained() -> None:
    folders = {
        file.parent.relative_to(ROOT).parts[1]
        for file in (ROOT / "tests").rglob("test_*.py")
        if file.parent != ROOT / "tests"
    }
    explained = set(re.findall(r"`tests/(\w+)`", (ROOT / "tests/README.md").read_text()))
    assert folders <= explained
