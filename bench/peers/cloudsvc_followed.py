"""This server with its drive and room for more than 10,000 connections, as :mod:`bench.peers.cloudsvc_drive` has it."""

from __future__ import annotations

import os

from bench.peers import cloudsvc_drive, cloudsvc_login

SETTINGS = {"CLOUDSVC__CONNECTIONS__TOTAL": "20000", "CLOUDSVC__CONNECTIONS__PER_CLIENT": "20000"}


def main() -> None:
    """Become ``twistd``."""
    cloudsvc_login.SETTINGS.update(SETTINGS)
    os.environ.update(SETTINGS)
    cloudsvc_drive.main(None)


if __name__ == "__main__":
    main()
