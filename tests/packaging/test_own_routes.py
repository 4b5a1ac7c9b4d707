"""The server's own routes take what an extension gets from where an extension gets it."""

from __future__ import annotations

import ast
from pathlib import Path

from cloudsvc import api, extend
from cloudsvc.extend import drive, identity


def test_what_extend_offers_is_imported_from_there() -> None:
    elsewhere = [
        f"{file.name}: {node.module}.{alias.name}"
        for folder in api.__path__
        for file in Path(folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module not in {extend.__name__, drive.__name__, identity.__name__}
        for alias in node.names
        if alias.name in {*extend.__all__, *drive.__all__, *identity.__all__}
    ]
    assert elsewhere == []
