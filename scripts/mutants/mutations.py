"""Mutations: places where a module can be changed by a little, and into what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from attrs import frozen

_COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_OPERATORS: Final[dict[type[ast.operator], str]] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*"}
_SAID: Final = ("_log.", "self.log.", "warnings.")
"""Statements that begin so only tell; what they tell is for people."""


@frozen(kw_only=True)
class Mutation:
    """
    One change of a module's source.

    :ivar line: where it begins.
    :ivar start: of the bytes that are replaced, counted from the beginning; they end before ``stop``.
    :ivar kind: what sort of change it is.
    """

    line: int
    start: int
    stop: int
    new: bytes
    kind: str

    def apply(self, source: bytes) -> bytes:
        """The source with the change."""
        return source[: self.start] + self.new + source[self.stop :]


def find_mutations(source: bytes) -> list[Mutation]:
    """Every change of ``source`` that there is, in its order; each of them still compiles."""
    found = {(each.start, each.stop, each.new): each for each in _Finder(source).find(ast.parse(source))}
    return sorted(
        (each for each in found.values() if _compiles(each.apply(source))), key=lambda each: (each.start, each.new)
    )


def _compiles(source: bytes) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


class _Finder:
    def __init__(self, source: bytes) -> None:
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def find(self, node: ast.AST) -> Iterator[Mutation]:
        """The changes of ``node`` and of what is in it, but for what is only said: types, documentation, logs."""
        if isinstance(node, ast.stmt) and self._only_says(node):
            return
        yield from self._change(node)
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list", "type_params", "bases"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from self.find(child)

    def _only_says(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Import | ast.ImportFrom):
            return True
        if isinstance(node, ast.If):
            return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        if isinstance(node, ast.Expr):
            return isinstance(node.value, ast.Constant) or self._text(node).startswith(_SAID)
        return isinstance(node, ast.Assign) and self._text(node).startswith(("__all__", "_log", "log "))

    def _change(self, node: ast.AST) -> Iterator[Mutation]:
        if isinstance(node, ast.stmt):
            yield from self._change_statement(node)
        else:
            yield from self._change_expression(node)

    def _change_expression(self, node: ast.AST) -> Iterator[Mutation]:
        match node:
            case ast.Compare():
                yield from self._change_comparison(node)
            case ast.BoolOp(op=op, values=values):
                word, other = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                for left, right in pairwise(values):
                    yield from self._replace_between(left, right, word, other, f"{word} to {other}")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield self._replace(node, f"({self._text(operand)})", "not left out")
            case ast.IfExp(test=test):
                yield self._replace(test, f"not ({self._text(test)})", "condition turned round")
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                old = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//"}[type(op)]
                yield from self._replace_between(left, right, old, _OPERATORS[type(op)], "operator")
            case ast.Constant():
                yield from self._change_constant(node)
            case ast.Call(args=[first, second, *_]) if not isinstance(first, ast.Starred | ast.GeneratorExp):
                if not isinstance(second, ast.Starred) and self._text(first) != self._text(second):
                    swapped = f"{self._text(second)}, {self._text(first)}"
                    yield self._cut(self._begin(first), self._end(second), swapped, "arguments swapped")

    def _change_statement(self, node: ast.stmt) -> Iterator[Mutation]:
        match node:
            case ast.If(test=test) | ast.While(test=test):
                yield self._replace(test, f"not ({self._text(test)})", "condition turned round")
            case ast.Return(value=ast.expr() as value) if self._text(value) != "None":
                yield self._replace(value, "None", "nothing returned")
            case ast.Raise() | ast.Expr() | ast.AugAssign() | ast.Break() | ast.Continue() | ast.Delete():
                yield self._replace(node, "pass", "statement left out")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
                yield self._replace(node, "pass", "statement left out")
            case ast.With(items=items) | ast.AsyncWith(items=items):
                if all(item.optional_vars is None for item in items):
                    colon = self._source.index(b":", self._end(items[-1].context_expr))
                    yield self._cut(self._begin(node), colon + 1, "if True:", "guard left out")

    def _change_comparison(self, node: ast.Compare) -> Iterator[Mutation]:
        for (left, right), operator in zip(pairwise([node.left, *node.comparators]), node.ops, strict=True):
            yield self._cut(
                self._end(left), self._begin(right), f" {_COMPARISONS[type(operator)]} ", "comparison", inside=True
            )

    def _change_constant(self, node: ast.Constant) -> Iterator[Mutation]:
        value = node.value
        if isinstance(value, bool):
            yield self._replace(node, str(not value), "truth")
        elif isinstance(value, int):
            for other in (value + 1, value - 1):
                yield self._replace(node, str(other) if other >= 0 else f"({other})", "number")

    def _replace(self, node: ast.expr | ast.stmt, new: str, kind: str) -> Mutation:
        return self._cut(self._begin(node), self._end(node), new, kind)

    def _replace_between(self, left: ast.expr, right: ast.expr, old: str, new: str, kind: str) -> Iterator[Mutation]:
        """Replace the operator between two operands, around which there may be parentheses."""
        start, stop = self._end(left), self._begin(right)
        at = self._source[start:stop].find(old.encode())
        if at >= 0:
            yield self._cut(start + at, start + at + len(old), new, kind)

    def _cut(self, start: int, stop: int, new: str, kind: str, *, inside: bool = False) -> Mutation:
        if inside:
            # Of what lies between two operands, parentheses and line breaks stay.
            between = self._source[start:stop]
            kept_before = len(between) - len(between.lstrip(b") \n"))
            kept_after = len(between) - len(between.rstrip(b"( \n"))
            start, stop, new = start + kept_before, stop - kept_after, new.strip()
        line = self._source.count(b"\n", 0, start) + 1
        return Mutation(line=line, start=start, stop=stop, new=new.encode(), kind=kind)

    def _begin(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.expr | ast.stmt) -> int:
        return self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def _text(self, node: ast.expr | ast.stmt) -> str:
        return self._source[self._begin(node) : self._end(node)].decode()
