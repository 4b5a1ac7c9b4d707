"""Stamps of the Makefile: what make takes for made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT

pytestmark = pytest.mark.slow

STAMPS = ".venv/.runtime", "build/tools/lint/.ready"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with environments that are as new as can be, and whose programs start."""
    clone = tmp_path / "a clone"
    shutil.copytree(ROOT / "requirements", clone / "requirements")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    for stamp in STAMPS:
        bin_ = (clone / stamp).parent / "bin"
        bin_.mkdir(parents=True)
        (bin_ / "python3").symlink_to(sys.executable)
        (bin_ / "pip").write_text(f"#!{bin_}/python3\n")
        (clone / stamp).touch()
    return clone


def wants_environments(clone: Path) -> list[bool]:
    """Whether make would make each of them, whatever the make that runs this test was told."""
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "VENV"}}
    dry = [
        subprocess.run(["make", "-n", stamp], cwd=clone, env=environment, capture_output=True, text=True, check=True)
        for stamp in STAMPS
    ]
    return ["-m venv --clear" in each.stdout for each in dry]


def test_what_is_there_is_kept(clone: Path) -> None:
    assert wants_environments(clone) == [False, False]


def test_in_a_clone_that_was_moved_they_are_made_again(clone: Path) -> None:
    """Their programs name an interpreter that is not there any more."""
    moved = clone.rename(clone.with_name("moved"))
    assert wants_environments(moved) == [True, True]


def test_after_their_python_has_gone_they_are_made_again(clone: Path) -> None:
    for stamp in STAMPS:
        python = (clone / stamp).parent / "bin/python3"
        python.unlink()
        python.symlink_to("/nowhere/python3.10")
    assert wants_environments(clone) == [True, True]
