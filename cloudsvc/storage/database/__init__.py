"""Databases: what whoever keeps something in SQLite or PostgreSQL needs of them, whatever it keeps."""
