"""This server with its drive, as :mod:`bench.peers.cloudsvc_drive` has it, and with its own bound on connections."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.peers import cloudsvc_drive, cloudsvc_login

if __name__ == "__main__":
    del cloudsvc_login.SETTINGS["CLOUDSVC__CONNECTIONS__PER_CLIENT"]
    cloudsvc_drive.main(Path(sys.argv[1]))
