"""Vacuous assertions: those that cannot fail, or are never reached, found in the syntax tree of a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

_REFLEXIVE = (ast.Eq, ast.Is, ast.LtE, ast.GtE, ast.In)
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_CAUGHT = frozenset({"AssertionError", "Exception", "BaseException"})


def find_vacuous_assertions(source: str) -> list[tuple[int, str]]:
    """The lines of such assertions in the text of a module, each with what is wrong with it."""
    tree = ast.parse(source)
    coroutines = {node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef)}
    found = {*_find_constants(tree, coroutines), *_find_unreached(tree), *_find_swallowed(tree)}
    return sorted(found)


def _find_constants(tree: ast.Module, coroutines: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and (reason := _explain_truth(node.test, coroutines)):
            yield node.lineno, reason


def _explain_truth(value: ast.expr, coroutines: set[str]) -> str:
    """Why a value is true whatever happens; empty where it may be false."""
    parts: Sequence[ast.expr]
    match value:
        case ast.Compare():
            return _explain_comparison(value)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return _explain_call(value, name, coroutines)
        case ast.BoolOp():
            parts = value.values
        case ast.IfExp():
            parts = (value.body, value.orelse)
        case ast.NamedExpr():
            parts = (value.value,)
        case _:
            return _explain_literal(value)
    return next(filter(None, (_explain_truth(part, coroutines) for part in parts)), "")


def _explain_literal(value: ast.expr) -> str:
    match value:
        case ast.Constant() if value.value:
            return "a constant is true"
        case ast.UnaryOp(op=ast.Not(), operand=ast.Constant() as operand) if not operand.value:
            return "a constant is true"
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts) if parts:
            return "a collection with something in it is true"
        case ast.JoinedStr(values=parts) if any(isinstance(part, ast.Constant) for part in parts):
            return "a text with something in it is true"
        case ast.GeneratorExp() | ast.Lambda():
            return "a generator or a function is true, whatever it would give"
        case _:
            return ""


def _explain_call(value: ast.Call, name: str, coroutines: set[str]) -> str:
    if isinstance(value.func, ast.Name) and name in coroutines:
        return "a coroutine that nobody awaits is true"
    if name.endswith("Mock"):
        return "a mock is true"
    match value.args:
        case [ast.Tuple(elts=[]) | ast.List(elts=[])] if name == "all":
            return "all of nothing is true"
        case _:
            return ""


def _explain_comparison(value: ast.Compare) -> str:
    sides = [value.left, *value.comparators]
    for left, operator, right in zip(sides, value.ops, sides[1:], strict=False):
        if isinstance(operator, _REFLEXIVE) and any(_are_same(left, each) for each in _list_branches(right)):
            return "a thing is compared with itself"
        match left, operator, right:
            case ast.Call(func=ast.Name(id="len")), ast.GtE(), ast.Constant(value=0):
                return "a length is never less than nothing"
            case _:
                pass
    return ""


def _list_branches(value: ast.expr) -> Iterator[ast.expr]:
    """The values that an expression may have, as far as it has an ``if`` in it."""
    if isinstance(value, ast.IfExp):
        yield from _list_branches(value.body)
        yield from _list_branches(value.orelse)
    else:
        yield value


def _are_same(left: ast.expr, right: ast.expr) -> bool:
    """Whether two expressions, or two at the same place in two tuples, are one and the same variable."""
    if isinstance(left, ast.Tuple) and isinstance(right, ast.Tuple) and len(left.elts) == len(right.elts):
        return any(_are_same(*pair) for pair in zip(left.elts, right.elts, strict=True))
    return isinstance(left, ast.Name | ast.Attribute) and not _may_differ(left) and ast.dump(left) == ast.dump(right)


def _may_differ(value: ast.expr) -> bool:
    """Whether it may be another value when it is evaluated again: a call may."""
    return any(isinstance(node, ast.Call | ast.Await) for node in ast.walk(value))


def _find_unreached(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                ends = (number for number, each in enumerate(block, 1) if isinstance(each, _ENDS))
                yield from _list_assertions(block[next(ends, len(block)) :], "it comes after the end of its block")
        match node:
            case ast.With() | ast.AsyncWith() if any(_is_call(each.context_expr, "raises") for each in node.items):
                yield from _list_assertions(node.body, "it stands where an error is expected")
            case ast.For(iter=ast.Tuple(elts=[]) | ast.List(elts=[])):
                yield from _list_assertions(node.body, "it is in a loop over nothing")
            case ast.If(test=ast.Constant(value=False)) | ast.While(test=ast.Constant(value=False)):
                yield from _list_assertions(node.body, "it is under a condition that never holds")
            case _:
                pass


def _find_swallowed(tree: ast.Module) -> Iterator[tuple[int, str]]:
    reason = "its failure is caught where it stands"
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_catches(each) for each in node.handlers):
            yield from _list_assertions(node.body, reason)
        if isinstance(node, ast.With) and any(
            _is_call(each.context_expr, "suppress")
            and _CAUGHT & {name.id for name in ast.walk(each.context_expr) if isinstance(name, ast.Name)}
            for each in node.items
        ):
            yield from _list_assertions(node.body, reason)


def _catches(handler: ast.ExceptHandler) -> bool:
    """Whether it catches failed assertions and does not raise them again."""
    names = {each.id for each in ast.walk(handler.type) if isinstance(each, ast.Name)} if handler.type else _CAUGHT
    return bool(names & _CAUGHT) and not any(isinstance(each, ast.Raise) for each in ast.walk(handler))


def _is_call(value: ast.expr, name: str) -> bool:
    match value:
        case ast.Call(func=ast.Name(id=found) | ast.Attribute(attr=found)):
            return found == name
        case _:
            return False


def _list_assertions(block: Sequence[ast.stmt], reason: str) -> Iterator[tuple[int, str]]:
    for statement in block:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assert):
                yield node.lineno, reason
