"""The ``cloudsvc`` command: everything an administrator does beside running the server."""
