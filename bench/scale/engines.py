"""The whole server with its catalogue in SQLite and in PostgreSQL: small uploads, look-ups and lists over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bench.load import Throughput
from bench.postgresql import run_postgresql
from bench.requests import put
from bench.scale.nodes import (
    SMALL,
    fill_folder,
    list_others,
    measure_look_ups,
    measure_pages,
    measure_uploads,
    name_database,
    run_node,
)
from bench.stages import Ground, Samples
from bench.stores import PAGE

ENGINES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
WORKS: Final = {
    "upload": "upload of 4 KiB, durable",
    "look-up": "look-up of a file (304)",
    "list": f"list of {PAGE} files",
}
TITLES: Final = {
    f"whole-{engine}-{name}": f"{work}, {title}" for name, work in WORKS.items() for engine, title in ENGINES.items()
}

_FILE: Final = "/api/files/small.txt"
_FOLDER: Final = "page"


def measure_engines(ground: Ground) -> Samples:
    """One round of it. The server has its core, and PostgreSQL those of the client."""
    samples = _measure(ground, "sqlite", {})
    with run_postgresql(list_others(ground)) as database:
        return samples | _measure(ground, "postgresql", name_database(database.url))


def _measure(ground: Ground, engine: str, settings: Mapping[str, str]) -> dict[str, Throughput]:
    page = f"/api/folders/{_FOLDER}?limit={PAGE}"
    with run_node(ground, settings) as server:
        put(server, _FILE, SMALL)
        fill_folder(server, f"/api/files/{_FOLDER}", PAGE)
        found = {
            "look-up": measure_look_ups(ground, server, _FILE),
            "list": measure_pages(ground, server, page),
            "upload": measure_uploads(ground, server, "new"),
        }
    return {f"whole-{engine}-{name}": each for name, each in found.items()}
