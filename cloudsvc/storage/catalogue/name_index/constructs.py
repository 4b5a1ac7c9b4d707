"""The construct of SQL by which names are found in an engine's index of trigrams."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement


class names_with(FunctionElement[int]):  # noqa: N801  # named as functions of SQL are
    """
    The ids of files whose names may contain a text, from the engine's index of trigrams, to be selected from.

    Given the text, folded, and an expression of FTS5 for it, of which each engine uses one.
    """

    inherit_cache = True


@compiles(names_with, "sqlite")
def _compile_names_for_sqlite(element: names_with, compiler: SQLCompiler, **options: Any) -> str:
    _, expression = element.clauses
    return f"(SELECT rowid AS id FROM node_text WHERE node_text MATCH {compiler.process(expression, **options)})"  # noqa: S608  # a compiler's own text


@compiles(names_with, "postgresql")
def _compile_names_for_postgresql(element: names_with, compiler: SQLCompiler, **options: Any) -> str:
    text, _ = element.clauses
    # The sign of LIKE for anything is written as a number, since drivers have a meaning for it of their own.
    escaped = f"regexp_replace({compiler.process(text, **options)}, '([_' || chr(37) || '\\\\])', '\\\\\\1', 'g')"
    return f"(SELECT id FROM node WHERE kind = 1 AND folded LIKE chr(37) || {escaped} || chr(37))"  # noqa: S608  # as above
