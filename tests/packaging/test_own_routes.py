"""The server's own routes take what an extension gets from where an extension gets it."""

from __future__ import annotations

import ast
from pathlib import Path

from cloudsvc import api, extend
from cloudsvc.extend import audit, drive, identity, webhooks

MODULES = (extend, audit, drive, identity, webhooks)
OFFERING = {module.__name__ for module in MODULES}
NAMES = {name for module in MODULES for name in module.__all__}


def test_what_extend_offers_is_imported_from_there() -> None:
    elsewhere = [
        f"{file.name}: {node.module}.{alias.name}"
        for folder in api.__path__
        for file in Path(folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module not in OFFERING
        for alias in node.names
        if alias.name in NAMES
    ]
    assert elsewhere == []
