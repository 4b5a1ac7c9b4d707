"""
Reference of :mod:`cloudsvc.extend`, made of its docstrings: ``python -m scripts.reference [--check]``.

It writes ``docs/reference.md``, or with ``--check`` says whether that is current.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType, UnionType

import attrs
from msgspec import Struct

from cloudsvc import extend
from cloudsvc.extend import audit, drive, identity, webhooks

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"

_HEAD = """\
# Reference of cloudsvc.extend

Everything that an extension imports, in the order of the alphabet: first what each may want, then
what a front end of the drive, of the accounts, of the audit, and of webhooks says to them and is
answered. [extending.md](extending.md) shows how the pieces fit together. This page is made of the
docstrings (`make reference`); a test sees that it is current.
"""

_MODULES = {
    "cloudsvc.extend": extend,
    "cloudsvc.extend.drive": drive,
    "cloudsvc.extend.identity": identity,
    "cloudsvc.extend.audit": audit,
    "cloudsvc.extend.webhooks": webhooks,
}

_ROLE = re.compile(r":(?:class|meth|func|exc|mod|data|attr):`~?([^`]+)`")
_FIELD = re.compile(r"^:(cvar|ivar|param|raises|returns?) ?([\w*. ]*):", re.MULTILINE)
_KINDS = {"cvar": "", "ivar": "", "param": "", "raises": "raises ", "return": "returns", "returns": "returns"}
_FOREIGN = "klein"
_MADE_HERE = frozenset({"Body", "Request"})
"""Classes whose objects come from the server: how they are made is nobody else's matter."""

_WIDTH = 100
"""Columns of a line."""


def render() -> str:
    """The page."""
    return "\n".join([_HEAD, *(part for name, module in _MODULES.items() for part in _render_module(name, module))])


def _render_module(title: str, module: ModuleType) -> Iterator[str]:
    offered = {name: getattr(module, name) for name in sorted(module.__all__)}
    for heading, render_one in {
        "Classes": _render_class,
        "Decorators and functions": _render_function,
        "Types and constants": _render_value,
    }.items():
        yield f"## {heading} of {title}\n"
        for name, value in offered.items():
            if _find_renderer(value) is render_one:
                yield render_one(name, value) + _find_remark(module, name)


def _find_renderer(value: typing.Any) -> Callable[[str, typing.Any], str]:
    if isinstance(value, type):
        return _render_value if value.__module__ == "builtins" else _render_class
    return _render_function if inspect.isfunction(inspect.unwrap(value)) else _render_value


def _render_class(name: str, kind: type) -> str:
    if kind.__module__.partition(".")[0] == _FOREIGN:
        return f"### `{name}`\n\nKlein's own, of the same name: an application's routes are registered with one.\n"
    signature = "" if name in _MADE_HERE else _signature(name, kind)
    lines = [f"### `{name}`\n", signature, _text(kind), _list_settings(kind), _render_members(kind)]
    return "\n".join(filter(None, lines))


def _signature(name: str, value: typing.Any) -> str:
    if isinstance(value, type) and (issubclass(value, Enum) or getattr(value, "_is_protocol", False)):
        return ""
    try:
        signature = inspect.signature(value)
    except ValueError:
        return ""
    parameters = [each for each in signature.parameters.values() if not each.name.startswith("_")]
    if isinstance(value, type) and issubclass(value, Struct):
        # It gives the types themselves, and not the names that they have where it stands.
        parameters = [each.replace(annotation=value.__annotations__[each.name]) for each in parameters]
    shown = [_show(each) for each in parameters]
    answer = _Text(signature.return_annotation) if isinstance(signature.return_annotation, str) else None
    result = inspect.Signature.empty if answer is None or repr(answer) == "None" else answer
    text = name + str(signature.replace(parameters=shown, return_annotation=result))
    if len(text) > _WIDTH:
        listed = (_lay_out(f"    {each},", " " * 8) for each in _list_parameters(shown))
        text = "\n".join([f"{name}(", *listed, text[text.rindex(")") :]])
    return f"```python\n{text}\n```\n"


def _show(parameter: inspect.Parameter) -> inspect.Parameter:
    """The same with annotation and default as they are written."""
    annotation, default = parameter.annotation, parameter.default
    if isinstance(annotation, str):
        annotation = _Text(_part(annotation)[0])
    if default is not inspect.Parameter.empty:
        default = _Text(_describe(default))
    return parameter.replace(annotation=annotation, default=default)


def _part(annotation: str) -> tuple[str, str, str]:
    """The type that an annotation names; and of a setting, what it is, and the bounds of its values."""
    parsed = ast.parse(annotation, mode="eval").body
    if not (isinstance(parsed, ast.Subscript) and ast.unparse(parsed.value) == "Annotated"):
        return annotation, "", ""
    kind, meta = typing.cast("ast.Tuple", parsed.slice).elts
    said = {each.arg: each.value for each in typing.cast("ast.Call", meta).keywords}
    described = said.pop("description", ast.Constant(""))
    bounds = ", ".join(f"{name}={ast.unparse(value)}" for name, value in said.items())
    return ast.unparse(kind), ast.literal_eval(described), bounds


def _list_settings(kind: type) -> str:
    """What the fields of a section of the configuration mean."""
    parted = {
        name: _part(text) for name, text in vars(kind).get("__annotations__", {}).items() if isinstance(text, str)
    }
    return "".join(
        _lay_out(f"- `{name}`{f' ({bounds})' if bounds else ''}: {said}", "  ") + "\n"
        for name, (_, said, bounds) in parted.items()
        if said
    )


def _describe(default: object) -> str:
    if default is attrs.NOTHING or callable(default):
        return "..."
    made = type(default)
    if attrs.has(made) and all(each.default is not attrs.NOTHING for each in attrs.fields(made)):
        # What it is made of without being told anything, nobody has to read each time.
        return f"{made.__name__}()" if default == made() else repr(default)
    return repr(dict(default) if isinstance(default, Mapping) else default)


class _Text:
    """A text that is shown without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _list_parameters(parameters: Sequence[inspect.Parameter]) -> Iterator[str]:
    """Each as it is written, with the mark before those that are given by name only."""
    marked = False
    for each in parameters:
        marked = marked or each.kind is inspect.Parameter.VAR_POSITIONAL
        if each.kind is inspect.Parameter.KEYWORD_ONLY and not marked:
            marked = True
            yield "*"
        yield str(each)


def _text(value: typing.Any) -> str:
    return _to_markdown(inspect.getdoc(value) or "")


def _to_markdown(text: str) -> str:
    """A docstring in Markdown: roles become code, and fields a list."""
    text = _ROLE.sub(lambda found: f"`{found[1].rpartition('.')[2]}`", text).replace("``", "`")
    head, *fields = re.split(r"^(?=:(?:cvar|ivar|param|raises|returns?)\b)", text, flags=re.MULTILINE)
    lines = [_fill(head), ""] if head.strip() else []
    for field in fields:
        found = _FIELD.match(field)
        if found is None:
            continue
        kind, name = _KINDS[found[1]], found[2].strip()
        said = " ".join(field[found.end() :].split())
        label = f"{kind}`{name}`" if name else kind
        lines.append(_fill(f"- {label}: {said}", indent="  "))
    return "\n".join(lines).rstrip() + "\n"


def _fill(text: str, indent: str = "") -> str:
    """
    Paragraphs in lines of the width. Those that are laid out, such as code and lists, stay as they are.

    :param indent: what lines after the first begin with.
    """
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(
        each if re.search(r"^(?:    |- )", each, re.MULTILINE) and not indent else _lay_out(each, indent)
        for each in paragraphs
    )


def _lay_out(text: str, indent: str) -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _render_members(kind: type) -> str:
    if issubclass(kind, Enum):
        return "".join(f"- `{each.name}`\n" for each in kind)
    return "\n".join(_list_members(kind))


def _list_members(kind: type) -> Iterator[str]:
    for name, value in vars(kind).items():
        if name.startswith("_"):
            continue
        plain = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if isinstance(plain, property):
            if plain.__doc__:
                yield f"#### `{kind.__name__}.{name}`\n\n{_text(plain)}"
        elif inspect.isfunction(plain) and plain.__doc__:
            word = "async " if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain) else ""
            yield f"#### `{word}{kind.__name__}.{name}`\n\n{_member_signature(name, plain)}{_text(plain)}"


def _member_signature(name: str, function: typing.Any) -> str:
    return _signature(name, function).replace("(self, ", "(").replace("(self)", "()").replace("(cls, ", "(") + "\n"


def _render_function(name: str, function: typing.Any) -> str:
    return f"### `{name}`\n\n{_signature(name, function)}\n{_text(function)}"


def _find_remark(module: ModuleType, name: str) -> str:
    """The string below the assignment of ``name``, wherever ``module`` has it from; empty where there is none."""
    statements = ast.parse(inspect.getsource(module)).body
    for statement, following in zip(statements, [*statements[1:], None], strict=True):
        if isinstance(statement, ast.ImportFrom):
            for imported in statement.names:
                if (imported.asname or imported.name) == name:
                    source = "." * statement.level + (statement.module or "")
                    return _find_remark(import_module(source, module.__package__), imported.name)
        elif name in _list_targets(statement) and isinstance(following, ast.Expr):
            return "\n" + _to_markdown(inspect.cleandoc(ast.literal_eval(following.value)))
    return ""


def _list_targets(statement: ast.stmt) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _render_value(name: str, value: typing.Any) -> str:
    if isinstance(value, type):
        return f"### `{name}`\n\n`{value.__name__}`\n"
    if isinstance(value, UnionType):
        union = re.sub(r"[a-z_]+[.](?=[A-Za-z_.]*[A-Z])", "", str(value))
        return f"### `{name}`\n\n```python\n{_lay_out(union, '    ')}\n```\n"
    shown = dict(value) if hasattr(value, "keys") else value
    return f"### `{name}`\n\n`{shown!r}`\n"


def main() -> int:
    """Write the page, or compare it."""
    if sys.argv[1:] == ["--check"]:
        current = PAGE.read_text() == render()
        print("it is current" if current else "it is out of date: make reference")
        return not current
    PAGE.write_text(render())
    return 0


if __name__ == "__main__":
    sys.exit(main())
