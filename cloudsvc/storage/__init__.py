"""Storage of the drive on this machine: the catalogue in SQLite, the blobs in a directory."""
