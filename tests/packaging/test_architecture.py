"""The map in docs/architecture.md shows the ways that there are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.packaging.conftest import ROOT

PACKAGE = ROOT / "cloudsvc"
PAGE = ROOT / "docs/architecture.md"


def read_map() -> Iterator[tuple[str, set[str]]]:
    """Each room of the package, and the rooms that it may import, as the table says."""
    table = PAGE.read_text().partition("| room |")[2].partition("\n\n")[0]
    for row in table.splitlines()[2:]:
        _, names, _, allowed, _ = row.split("|")
        for name in re.findall(r"`(\w+)(?:/|\.py)`", names):
            yield name, set(re.findall(r"`(\w+)`", allowed))


def find_imports(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports, at its top or when it is used."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module="cloudsvc", names=names):
                modules = [f"cloudsvc.{alias.name}" for alias in names]
            case ast.ImportFrom(module=str(module)):
                modules = [module]
            case _:
                continue
        yield from (module for module in modules if module.startswith("cloudsvc."))


def find_rooms() -> dict[str, set[str]]:
    """Each room of the package, and the other rooms that it imports."""
    rooms: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        rooms.setdefault(room, set()).update(module.split(".")[1] for module in find_imports(path))
    del rooms["__init__"]
    return {room: {other for other in found & rooms.keys() if other != room} for room, found in rooms.items()}


def test_every_room_imports_what_the_map_shows() -> None:
    assert dict(read_map()) == find_rooms()
