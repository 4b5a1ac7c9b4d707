"""The catalogue in an SQLite database."""

from cloudsvc.storage.catalogue.catalogue import SQLiteCatalogue, open_catalogue
from cloudsvc.storage.catalogue.examination import examine, examine_definitions, settle
from cloudsvc.storage.catalogue.migration import HEAD, NewerSchema, find_revision, migrate, restart_epoch

__all__ = [
    "HEAD",
    "NewerSchema",
    "SQLiteCatalogue",
    "examine",
    "examine_definitions",
    "find_revision",
    "migrate",
    "open_catalogue",
    "restart_epoch",
    "settle",
]
