"""The wheel, built once, and environments outside the checkout that hold it and the locked dependencies."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """What the command prints; its failure fails the test and shows what it said."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", directory)
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, pip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' directory of a virtual environment with the wheel and all that it can use in it."""
    return _install(wheel, pip, tmp_path_factory.mktemp("whole"), "runtime")


@pytest.fixture(scope="session")
def bare(wheel: Path, pip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without any of the extras."""
    return _install(wheel, pip, tmp_path_factory.mktemp("bare"), "base")


def _install(wheel: Path, pip: Path, directory: Path, lock: str) -> Path:
    programs = directory / "venv" / "bin"
    venv.create(programs.parent)
    # Python compiles what is imported, which is little of all this.
    install = ("install", "--disable-pip-version-check", "--quiet", "--no-deps", "--no-compile")
    run(pip, "--python", programs / "python", *install, "--require-hashes", "-r", ROOT / f"requirements/{lock}.txt")
    run(pip, "--python", programs / "python", *install, "--no-index", wheel)
    return programs
