"""This server with its drive, as :mod:`bench.peers.cloudsvc_drive` has it, with settings for engines of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bench.peers import cloudsvc_drive

if __name__ == "__main__":
    os.environ.update(json.loads(sys.argv[1]))
    cloudsvc_drive.main(Path(sys.argv[2]) if len(sys.argv) > 2 else None)  # noqa: PLR2004  # what is left is a store
