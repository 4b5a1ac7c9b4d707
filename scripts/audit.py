"""Audit of what is locked for known vulnerabilities, which never takes "could not be asked" for "there are none".

pip-audit skips what its index has no advisories of, and passes even when that is everything. Here the exit status is 0
only when every package was audited and none is vulnerable, 1 when one is, and 75 (EX_TEMPFAIL) when some could not be
audited.

    python3 scripts/audit.py requirements/runtime.txt ...
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

NOT_AUDITED = 75
_OPTIONS = ("--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json")


def main(locks: Sequence[str]) -> int:
    """The exit status for what is locked in ``locks``."""
    requirements = [part for lock in locks for part in ("--requirement", lock)]
    done = subprocess.run(["pip-audit", *_OPTIONS, *requirements], check=False, capture_output=True, text=True)
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        sys.stderr.write(done.stderr)
        return _tell("nothing was audited: pip-audit gave no report", NOT_AUDITED)
    vulnerable = [package for package in packages if package.get("vulns")]
    for package in vulnerable:
        for each in package["vulns"]:
            fixed = ", ".join(each.get("fix_versions", ())) or "no version yet"
            _tell(f"{package['name']} {package['version']}: {each['id']}, fixed in {fixed}", 1)
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    audited = len(packages) - len(skipped)
    if vulnerable:
        return _tell(f"{len(vulnerable)} of {audited} packages that were audited are vulnerable", 1)
    if skipped or not packages:
        return _tell(f"{audited} of {len(packages)} packages were audited, not {', '.join(skipped)}", NOT_AUDITED)
    return _tell(f"{audited} packages were audited: no known vulnerabilities", 0)


def _tell(line: str, status: int) -> int:
    sys.stdout.write(f"{line}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
