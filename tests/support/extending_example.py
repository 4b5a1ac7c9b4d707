"""The worked example of docs/extending.md, followed as a reader would follow it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from tests.support.server import PATIENCE, environment

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"

_BLOCK = re.compile(r"^```(\w+) (?:file=)?(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@frozen(kw_only=True)
class Block:
    """
    A block of the page with something to do.

    :ivar target: the file that it is, or ``run``, ``serve`` or ``ask``.
    """

    language: str
    target: str
    text: str


@frozen(kw_only=True)
class Example:
    """
    The directory after everything before ``serve`` was done.

    :ivar environ: what the reader's shell has besides.
    """

    directory: Path
    token: str
    environ: Mapping[str, str]

    @property
    def home(self) -> Path:
        return self.directory / "home"

    def run(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """What a shell in the directory makes of ``script``."""
        return subprocess.run(
            ["sh", "-e"],
            input=script,
            cwd=self.directory,
            env=environment({**self.environ, **environ}),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


def read_blocks() -> Iterator[Block]:
    """What the page asks its reader to do, in its order."""
    for language, target, text in _BLOCK.findall(PAGE.read_text("utf-8")):
        yield Block(language=language, target=target, text=text)


def make_example(directory: Path, pip: Path) -> Example:
    """Follow the page up to the point where the server is started."""
    example = Example(directory=directory, token="", environ=_make_environment(directory, pip))
    shown = ""
    for block in read_blocks():
        if block.target == "run":
            result = example.run(block.text)
            assert result.returncode == 0, f"{block.text}\n{result.stdout}{result.stderr}"
            shown += result.stdout
        elif block.language != "console":
            file = directory / block.target
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)
    (token,) = re.findall(r"^[A-Za-z0-9_-]{43}$", shown, re.MULTILINE)
    return Example(directory=directory, token=token, environ=example.environ)


def _make_environment(directory: Path, pip: Path) -> dict[str, str]:
    """Of a reader who has this environment, but whose pip installs beside it, and needs no network."""
    packages = str(directory / "packages")
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), str(pip.parent), os.environ["PATH"])),
        "PYTHONPATH": packages,
        "PIP_PYTHON": sys.executable,
        "PIP_TARGET": packages,
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # means that there is none
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }
