"""This server with its drive, as :mod:`bench.peers.cloudsvc_login` has it, with room for what is sent to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.peers import cloudsvc_login
from bench.peers.setup import Setup

SETTINGS = {
    "CLOUDSVC__RATE_LIMIT__TRANSFER_LIMIT": "1000000000/minute",
    "CLOUDSVC__STORAGE_CONFIG__MAX_FILE_SIZE_MB": "4096",
    "CLOUDSVC__STORAGE_CONFIG__CAPACITY_GB": "1000",
}


def main(store: Path | None) -> None:
    """Become ``twistd``, with the drive that lies in ``store`` or an empty one."""
    data = Setup.from_environment().directory / "home" / "data"
    data.mkdir(parents=True)
    if store is not None:
        (data / "drive").symlink_to(store)
    os.environ.update(SETTINGS)
    cloudsvc_login.main([])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
