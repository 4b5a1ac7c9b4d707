"""Tracked files work for everybody: no addresses of package indexes, no paths of one host."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.packaging.conftest import ROOT, run


@pytest.fixture(scope="module")
def tracked() -> dict[Path, str]:
    names = run("git", "ls-files", "-z").split("\0")
    paths = [ROOT / name for name in names if name and (ROOT / name).is_file()]
    return {path: path.read_text(errors="replace") for path in paths}


def find(tracked: dict[Path, str], *forbidden: str) -> list[str]:
    return [f"{path.relative_to(ROOT)}: {text}" for path, body in tracked.items() for text in forbidden if text in body]


def test_no_lock_says_where_to_fetch_from(tracked: dict[Path, str]) -> None:
    locks = {path: body for path, body in tracked.items() if path.parent.name == "requirements" or "lock" in path.name}
    assert locks
    assert not find(locks, "://", "--index-url", "--find-links")


def test_no_file_names_a_package_index(tracked: dict[Path, str], pip: Path) -> None:
    said = run(pip, "install", "--help")
    if shutil.which("npm"):
        said += run("npm", "config", "get", "registry")
    hosts = {urlsplit(address.rstrip(").,")).hostname or "" for address in re.findall(r"https?://\S+", said)}
    indexes = {host for host in hosts if "." in host and not host.startswith("pip.")}
    assert indexes
    assert not find(tracked, *indexes)


def test_no_file_holds_a_path_of_this_machine(tracked: dict[Path, str]) -> None:
    assert not find(tracked, f"{ROOT}/", f"{Path.home()}/")


def test_programs_can_be_run(tracked: dict[Path, str]) -> None:
    scripts = [path for path, body in tracked.items() if body.startswith("#!")]
    assert scripts
    assert [path for path in scripts if not path.stat().st_mode & 0o100] == []


def test_every_hash_of_an_action_names_its_version(tracked: dict[Path, str]) -> None:
    workflows = [body for path, body in tracked.items() if path.parent.name == "workflows"]
    uses = re.findall(r"uses: *(.*)", "\n".join(workflows))
    assert uses
    assert [line for line in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
