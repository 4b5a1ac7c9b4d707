"""SQLite: what it alone has, which are files with a log."""
