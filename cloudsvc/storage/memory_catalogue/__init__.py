"""The catalogue in plain data: the plainest one, for tests and to hold others against. Nothing outlives the process."""

from cloudsvc.storage.memory_catalogue.catalogue import Memory, MemoryCatalogue
from cloudsvc.storage.memory_catalogue.reading import read_database

__all__ = ["Memory", "MemoryCatalogue", "read_database"]
