"""The catalogue in a database: statements once for all engines, and a folder for what each engine has of its own."""

from cloudsvc.storage.catalogue.migration import HEAD, NewerSchema
from cloudsvc.storage.catalogue.sqlite.examination import examine, examine_definitions
from cloudsvc.storage.catalogue.sqlite.migration import begin_anew, find_revision, migrate
from cloudsvc.storage.catalogue.sqlite.opening import SQLiteCatalogue, open_catalogue
from cloudsvc.storage.database.lanes import READER_THREADS

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
