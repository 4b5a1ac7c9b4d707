"""This server with its drive, as :mod:`bench.peers.cloudsvc_drive` has it, with so many workers."""

from __future__ import annotations

import os
import sys

from bench.peers import cloudsvc_drive

if __name__ == "__main__":
    os.environ["CLOUDSVC__SERVER__WORKERS"] = sys.argv[1]
    cloudsvc_drive.main(None)
