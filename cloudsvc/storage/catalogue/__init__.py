"""The catalogue in an SQLite database."""

from cloudsvc.storage.catalogue.catalogue import SQLiteCatalogue, open_catalogue
from cloudsvc.storage.catalogue.examination import examine, examine_definitions
from cloudsvc.storage.catalogue.lanes import READER_THREADS
from cloudsvc.storage.catalogue.migration import HEAD, NewerSchema, begin_anew, find_revision, migrate

__all__ = [
    "HEAD",
    "READER_THREADS",
    "NewerSchema",
    "SQLiteCatalogue",
    "begin_anew",
    "examine",
    "examine_definitions",
    "find_revision",
    "migrate",
    "open_catalogue",
]
