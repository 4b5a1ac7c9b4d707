"""Trying mutants: a copy of the tree, the tests that run the changed line, and how that ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from difflib import unified_diff
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from attrs import define, frozen
from coverage import CoverageData

from scripts.mutants.mutations import Mutation

ROOT: Final = Path(__file__).parents[2]
_PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", "--no-header")

_LONGEST: Final = 3600.0
"""Seconds for all tests of a room."""


class Verdict(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    ENDLESS = "killed by time"
    SURVIVED = "survived"
    UNTRIED = "no test runs this line"


@frozen(kw_only=True)
class Mutant:
    """A module with a change."""

    module: str
    mutation: Mutation

    def describe(self, source: bytes) -> str:
        """Where it is, and the difference that it makes."""
        lines = unified_diff(
            source.decode().splitlines(), self.mutation.apply(source).decode().splitlines(), n=0, lineterm=""
        )
        changed = "\n".join(line for line in [*lines][3:] if not line.startswith("@@"))
        return f"{self.module}:{self.mutation.line} ({self.mutation.kind})\n{changed}"


@define
class Trials:
    """A copy of the tree in which mutants are tried one after the other."""

    tree: Path
    seconds: float

    def measure(self, tests: Sequence[str], modules: Sequence[str]) -> dict[str, dict[int, list[str]]]:
        """
        Which of ``tests`` run which line of ``modules``; they have to pass.

        A line with no test at all is one that runs when its module is imported, or in a process of its own.
        """
        status = self._run(tests, {}, _LONGEST)
        if status != 0:
            raise RuntimeError(f"the tests fail without any mutant (status {status}): {' '.join(tests)}")
        # Where a bound on memory is tested, what measures may well pass it.
        measuring = [*tests, "--maxfail=100", "--cov=cloudsvc", "--cov-context=test", "--cov-report="]
        self._run(measuring, {"COVERAGE_CORE": "ctrace"}, _LONGEST)
        data = CoverageData(str(self.tree / ".coverage"))
        data.read()
        found: dict[str, dict[int, list[str]]] = {}
        for module in modules:
            lines = data.contexts_by_lineno(str(self.tree / module))
            found[module] = {
                line: sorted({context.rpartition("|")[0] for context in contexts if context})
                for line, contexts in lines.items()
            }
        return found

    def judge(self, mutant: Mutant, tests: Sequence[str]) -> Verdict:
        """What ``tests`` make of it."""
        file = self.tree / mutant.module
        source = file.read_bytes()
        file.write_bytes(mutant.mutation.apply(source))
        try:
            status = self._run(tests, {}, self.seconds)
        finally:
            file.write_bytes(source)
        if status is None:
            return Verdict.ENDLESS
        return Verdict.SURVIVED if status == 0 else Verdict.KILLED

    def _run(self, arguments: Sequence[str], environ: Mapping[str, str], seconds: float) -> int | None:
        """The exit status of the tests; ``None`` where their time is over."""
        # Compiled files are told apart by size and second of their source, which a mutant may share with another.
        environment = {**os.environ, "PYTHONPATH": str(self.tree), "PYTHONDONTWRITEBYTECODE": "1", **environ}
        with subprocess.Popen(
            [*_PYTEST, *arguments],
            cwd=self.tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                # What a mutant has started and left behind goes with it.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def open_trials(seconds: float) -> Iterator[Trials]:
    """Trials in a copy of what is tracked, as it is now; each may take so long."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    with TemporaryDirectory(prefix="mutants-") as directory:
        tree = Path(directory).resolve()
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        yield Trials(tree, seconds)
