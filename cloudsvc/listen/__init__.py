"""Listening: endpoint descriptions, sockets, and the probe of ``cloudsvc health``."""
