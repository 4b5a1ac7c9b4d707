"""The gate, in a clone with tests that fail always, once, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT

MAKE = f"""#!/bin/sh
for each; do
    case $each in ARGS=*) options=${{each#ARGS=}} ;; esac
done
exec {sys.executable} -m pytest --quiet tests $options
"""

SOUND = "def test_sound(): pass\n"

BROKEN = "def test_broken(): assert False\n"

UNSTABLE = """
from pathlib import Path

def test_unstable():
    seen = Path(__file__).with_suffix(".seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""


@pytest.mark.parametrize(
    ("modules", "status", "verdict", "named"),
    [
        ({"tests/test_one.py": SOUND}, 0, "passed", []),
        ({"tests/test_one.py": SOUND, "tests/test_two.py": BROKEN}, 1, "FAILED", []),
        ({"tests/test_one.py": SOUND, "tests/test_two.py": UNSTABLE}, 0, "UNSTABLE", ["tests/test_two.py"]),
        ({"tests/test_one.py": BROKEN, "tests/test_two.py": UNSTABLE}, 1, "FAILED", []),
        ({f"tests/test_{n}.py": UNSTABLE for n in range(3)}, 0, "UNSTABLE", [f"tests/test_{n}.py" for n in range(3)]),
        ({f"tests/test_{n}.py": UNSTABLE for n in range(4)}, 1, "FAILED", []),
        ({"tests/durability/test_one.py": UNSTABLE}, 1, "FAILED", []),
        ({"tests/test_one.py": SOUND, "tests/test_two.py": "import nothing_of_this_name\n"}, 1, "FAILED", []),
        ({"tests/other.py": ""}, 1, "FAILED", []),
    ],
)
def test_few_tests_that_fail_are_run_again(
    tmp_path: Path, modules: dict[str, str], status: int, verdict: str, named: list[str]
) -> None:
    files = {".ci/run": (ROOT / ".ci/run").read_text(), "programs/make": MAKE, "pytest.ini": "[pytest]\n", **modules}
    for name, content in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}/programs:{os.environ['PATH']}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run([tmp_path / ".ci/run", "test"], env=environ, capture_output=True, text=True, check=False)
    _, _, end = done.stdout.partition("==== passed only by themselves\n")
    stages = done.stdout.partition("==== stages\n")[2].split()
    assert (done.returncode, stages[:2]) == (status, ["test", verdict]), done.stdout
    assert [line.partition("::")[0] for line in end.partition("\n\n")[0].splitlines()] == named
