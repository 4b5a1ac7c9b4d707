"""Public directory: it holds nothing that is anybody's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.homes import faults_of, load_config


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("pages", "data/drive", "certs", "logs", "config"):
        (tmp_path / "home" / name).mkdir(parents=True)
    return tmp_path / "home"


def faults_of_static(home: Path, directory: str, **sections: Any) -> list[str]:
    """What serving ``directory`` would make public."""
    (line,) = faults_of(home, {"static": {"directory": directory}, **sections})
    assert line.startswith(f"config.static.directory: {home / directory} holds, or lies in, what is private (")
    return [os.path.relpath(place, home) for place in line.partition("(")[2].partition(")")[0].split(", ")]


def test_a_directory_of_its_own_is_served(home: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (home / "linked").symlink_to(tmp_path / "site")
    for directory in ("pages", "linked", str(tmp_path / "site")):
        assert load_config(home, {"static": {"directory": directory}}).settings.static.directory == directory


@pytest.mark.parametrize("directory", [".", "..", "/", "pages/.."])
def test_the_home_is_not_public(home: Path, directory: str) -> None:
    assert faults_of_static(home, directory) == [".env", "config", "data", "certs", "certs/key.pem", "logs"]


@pytest.mark.parametrize("place", ["config", "data", "logs", "certs"])
def test_nothing_in_the_private_directories_is_public(home: Path, place: str) -> None:
    (home / place / "pages").mkdir()
    assert faults_of_static(home, place)[0] == place
    assert faults_of_static(home, f"{place}/pages") == [place]


def test_links_do_not_hide_what_is_private(home: Path, tmp_path: Path) -> None:
    (home / "linked").symlink_to(home / "data")
    assert faults_of_static(home, "linked") == ["data"]
    (tmp_path / "disk/drive").mkdir(parents=True)
    (home / "data/drive").rmdir()
    (home / "data").rmdir()
    (home / "data").symlink_to(tmp_path / "disk/drive")
    assert faults_of_static(home, "../disk") == ["../disk/drive"]


def test_what_is_configured_to_lie_elsewhere_is_private_there(home: Path) -> None:
    assert faults_of_static(home, "pages", certificate={"directory": "pages/tls"}) == ["pages/tls", "pages/tls/key.pem"]
    assert faults_of_static(home, "pages", certificate={"ssl_keyfile": "../pages/my.pem"}) == ["pages/my.pem"]
    assert faults_of_static(home, "pages", logging={"directory": "pages/logs"}) == ["pages/logs"]
    audit = {"enabled": True, "file": "pages/audit.jsonl"}
    assert faults_of_static(home, "pages", audit=audit) == ["pages/audit.jsonl"]


def loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.touch(), "Not a directory"),
        (loop, "Too many levels of symbolic links"),
    ],
)
def test_a_directory_that_is_not_there_is_a_fault(home: Path, make: Callable[[Path], None], reason: str) -> None:
    make(home / "site")
    assert faults_of(home, {"static": {"directory": "site"}}) == (
        f"config.static.directory: {home}/site cannot be served: {reason}; make it, or write null",
    )
