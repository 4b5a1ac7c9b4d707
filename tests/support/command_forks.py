"""
A process that has everything imported, and forks one that becomes ``cloudsvc`` for each line it is asked.

It reads ``{"arguments", "directory", "stdout", "stderr"}`` and answers with the process id, and once that process has
ended, with its exit status.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

import alembic.command
import alembic.script  # noqa: F401 - imported here, once, it is there in every fork

import cloudsvc.administration.restoration
import cloudsvc.api.drive
import cloudsvc.cli.drive.commands  # noqa: F401 - as above
from cloudsvc.cli.main import main

_PREPARED = "twisted.internet.reactor"


def serve() -> None:
    """Do what is asked, one after the other."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
        print(pid, flush=True)  # noqa: T201 - this is the answer
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - as above


def _become(order: dict[str, Any]) -> None:
    status: Any = 70
    try:
        os.chdir(order["directory"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(order[name], os.O_WRONLY | os.O_NOCTTY), number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # A reactor cannot be shared with the parent.
        sys.modules.pop(_PREPARED, None)
        main.main(order["arguments"], prog_name="cloudsvc")
    except SystemExit as end:
        status = end.code or 0
    except BaseException:  # noqa: BLE001 - the test is told
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
