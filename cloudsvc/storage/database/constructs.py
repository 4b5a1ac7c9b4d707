"""
Constructs of SQL that each engine writes in its own way, so that all statements have one source.

Lists are given as JSON in one parameter, which both engines unpack: a statement has one text, however long the list.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Integer, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement


class json_item(FunctionElement[str]):  # noqa: N801  # named as functions of SQL are
    """The text at a position, which counts from 0, of a JSON list; ``NULL`` beyond its end."""

    type = String()
    inherit_cache = True


@compiles(json_item, "sqlite")
def _compile_item_for_sqlite(element: json_item, compiler: SQLCompiler, **options: Any) -> str:
    items, position = element.clauses
    # The path is made of a number. `->>` does the same, from SQLite 3.38 on.
    return f"json_extract({compiler.process(items, **options)}, '$[' || {compiler.process(position, **options)} || ']')"


@compiles(json_item, "postgresql")
def _compile_item_for_postgresql(element: json_item, compiler: SQLCompiler, **options: Any) -> str:
    items, position = element.clauses
    return f"(CAST({compiler.process(items, **options)} AS JSON) ->> {compiler.process(position, **options)})"


class json_member(FunctionElement[int]):  # noqa: N801  # as above
    """The number that a JSON object has under a key, which is a number as well; ``NULL`` where there is none."""

    type = Integer()
    inherit_cache = True


@compiles(json_member, "sqlite")
def _compile_member_for_sqlite(element: json_member, compiler: SQLCompiler, **options: Any) -> str:
    members, key = element.clauses
    return f"json_extract({compiler.process(members, **options)}, '$.\"' || {compiler.process(key, **options)} || '\"')"


@compiles(json_member, "postgresql")
def _compile_member_for_postgresql(element: json_member, compiler: SQLCompiler, **options: Any) -> str:
    members, key = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(CAST({members} AS JSON) ->> CAST({key} AS TEXT) AS BIGINT)"


class json_numbers(FunctionElement[int]):  # noqa: N801  # as above
    """The numbers of a JSON list, to be used on the right side of ``IN``."""

    type = Integer()
    inherit_cache = True


@compiles(json_numbers, "sqlite")
def _compile_numbers_for_sqlite(element: json_numbers, compiler: SQLCompiler, **options: Any) -> str:
    [items] = element.clauses
    return f"(SELECT value FROM json_each({compiler.process(items, **options)}))"  # noqa: S608  # a compiler's own text


@compiles(json_numbers, "postgresql")
def _compile_numbers_for_postgresql(element: json_numbers, compiler: SQLCompiler, **options: Any) -> str:
    [items] = element.clauses
    listed = f"json_array_elements_text(CAST({compiler.process(items, **options)} AS JSON))"
    return f"(SELECT CAST(value AS BIGINT) FROM {listed} AS listed (value))"  # noqa: S608  # as above


class shares_number(FunctionElement[bool]):  # noqa: N801  # as above
    """Whether some number is in both of two JSON lists. The second is unpacked once for all rows."""

    type = Boolean()
    inherit_cache = True


@compiles(shares_number, "sqlite")
def _compile_sharing_for_sqlite(element: shares_number, compiler: SQLCompiler, **options: Any) -> str:
    one, other = element.clauses
    listed = f"json_each({compiler.process(one, **options)}) AS one"
    numbers = compiler.process(json_numbers(other), **options)
    return f"EXISTS (SELECT 1 FROM {listed} WHERE one.value IN {numbers})"  # noqa: S608  # a compiler's own text


@compiles(shares_number, "postgresql")
def _compile_sharing_for_postgresql(element: shares_number, compiler: SQLCompiler, **options: Any) -> str:
    one, other = element.clauses
    listed = f"json_array_elements_text(CAST({compiler.process(one, **options)} AS JSON)) AS one (value)"
    numbers = compiler.process(json_numbers(other), **options)
    return f"EXISTS (SELECT 1 FROM {listed} WHERE CAST(one.value AS BIGINT) IN {numbers})"  # noqa: S608  # as above


class json_texts(FunctionElement[str]):  # noqa: N801  # as above
    """The texts of a JSON list, to be used on the right side of ``IN``."""

    type = String()
    inherit_cache = True


@compiles(json_texts, "sqlite")
def _compile_texts_for_sqlite(element: json_texts, compiler: SQLCompiler, **options: Any) -> str:
    [items] = element.clauses
    return f"(SELECT value FROM json_each({compiler.process(items, **options)}))"  # noqa: S608  # as above


@compiles(json_texts, "postgresql")
def _compile_texts_for_postgresql(element: json_texts, compiler: SQLCompiler, **options: Any) -> str:
    [items] = element.clauses
    listed = f"json_array_elements_text(CAST({compiler.process(items, **options)} AS JSON))"
    return f"(SELECT value FROM {listed} AS listed (value))"  # noqa: S608  # as above


def is_among_texts(column: ColumnElement[Any], texts: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether ``column`` is one of the texts in a JSON list."""
    return column.op("IN", is_comparison=True)(json_texts(texts))


def is_among(column: ColumnElement[Any], numbers: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether ``column`` is one of the numbers in a JSON list."""
    return column.op("IN", is_comparison=True)(json_numbers(numbers))


class contains(FunctionElement[bool]):  # noqa: N801  # as above
    """Whether a text has another one somewhere in it."""

    type = Boolean()
    inherit_cache = True


@compiles(contains, "sqlite")
def _compile_contains_for_sqlite(element: contains, compiler: SQLCompiler, **options: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **options)}) > 0)"


@compiles(contains, "postgresql")
def _compile_contains_for_postgresql(element: contains, compiler: SQLCompiler, **options: Any) -> str:
    return f"(strpos({compiler.process(element.clauses, **options)}) > 0)"
