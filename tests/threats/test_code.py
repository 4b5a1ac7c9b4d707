"""Forbidden constructs: the server's own code has none of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cloudsvc

SOURCES = sorted(Path(cloudsvc.__file__).parent.rglob("*.py"))
SHELLS = {"os.system", "os.popen", "subprocess", "pty", "eval", "exec", "pickle", "marshal"}


def find_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                yield f"{owner}.{name}"
            case ast.Call(func=ast.Name(id=name)):
                yield name


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_shell_no_program_and_no_code_from_data(source: Path) -> None:
    """There are no hooks that run commands: whoever could set one could run anything."""
    assert SHELLS.isdisjoint(find_names(ast.parse(source.read_text())))
