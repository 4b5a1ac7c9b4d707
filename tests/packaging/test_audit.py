"""An audit that could not be made is never taken for one that found nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.conftest import ROOT

SOUND = {"name": "sound", "version": "1", "vulns": []}
SKIPPED = {"name": "skipped", "skip_reason": "Dependency not found on PyPI"}
VULNERABLE = {"name": "bad", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages})


@pytest.mark.parametrize(
    ("printed", "status", "words"),
    [
        (report(SOUND, SOUND), 0, "2 packages were audited"),
        (report(SOUND, VULNERABLE, SKIPPED), 1, "bad 1: PYSEC-1, fixed in 2"),
        (report(SOUND, SKIPPED), 75, "1 of 2 packages were audited, not skipped"),
        (report(SKIPPED), 75, "0 of 1 packages were audited"),
        (report(), 75, "0 of 0 packages"),
        ("", 75, "nothing was audited"),
        ("[]", 75, "nothing was audited"),
    ],
)
def test_the_status_says_what_was_found_out(tmp_path: Path, printed: str, status: int, words: str) -> None:
    (tmp_path / "report").write_text(printed)
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/report\n")
    program.chmod(0o755)
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/audit.py", "requirements/runtime.txt"],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert words in done.stdout


def test_the_gate_says_of_an_audit_that_was_none_what_it_was(tmp_path: Path) -> None:
    """Neither passed nor failed, in the list of stages."""
    (tmp_path / "clone/.ci").mkdir(parents=True)
    gate = tmp_path / "clone/.ci/run"
    gate.write_text((ROOT / ".ci/run").read_text())
    gate.chmod(0o755)
    for name, body in (("make", "exit 0"), ("python3", 'exit "$AUDIT"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    verdicts = []
    for status in ("0", "1", "75"):
        environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "AUDIT": status}
        done = subprocess.run([gate, "audit"], env=environ, capture_output=True, text=True, check=False)
        verdicts.append((done.returncode, done.stdout.partition("==== stages\n")[2].partition(" in ")[0].split()[1:]))
    assert verdicts == [(0, ["passed"]), (1, ["FAILED"]), (0, ["NOT", "AUDITED"])]
