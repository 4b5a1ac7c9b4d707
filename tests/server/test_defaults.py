"""A default stands in one place: what the configuration sets, no component has a default of its own for."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import attrs
import pytest

from cloudsvc.drive.settings import StorageSettings
from cloudsvc.server import assembly, drive, site
from cloudsvc.settings.leaves import find_leaves
from cloudsvc.settings.model import Settings

SETTINGS = {leaf.path[-1] for kind in (Settings, StorageSettings) for leaf in find_leaves(kind)} - {"name"}
"""The last part of each; but a name many things have, and that of a node is a setting."""

WHERE_PARTS_MEET = (assembly, site, drive)


def find_configured(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any], str | int]]:
    """What ``module`` calls with a value of the settings: where, what, and the name or place of the argument."""
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(call, ast.Call):
            continue
        called = resolve(module, call.func)
        if called is None or not getattr(called, "__module__", "").startswith("cloudsvc."):
            continue
        where = f"{module.__name__}, line {call.lineno}: {ast.unparse(call.func)}"
        for place, value in enumerate(call.args):
            if is_setting(value):
                yield where, called, place
        for keyword in call.keywords:
            if keyword.arg is not None and is_setting(keyword.value):
                yield where, called, keyword.arg


def resolve(module: ModuleType, function: ast.expr) -> Any:
    """What a name in ``module`` stands for; ``None`` for what is none of its own, such as a method of ``self``."""
    match function:
        case ast.Name(id=name):
            return getattr(module, name, None)
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            return getattr(getattr(module, name, None), attribute, None)
    return None


def is_setting(value: ast.expr) -> bool:
    """Whether a setting is in it, such as ``logging.max_bytes``."""
    return any(
        isinstance(part, ast.Attribute) and (part.attr in SETTINGS or ast.unparse(part).endswith(".node.name"))
        for part in ast.walk(value)
    )


def defaults_of(called: Callable[..., Any], argument: str | int) -> Any:
    parameters = inspect.signature(called).parameters
    parameter = parameters[argument] if isinstance(argument, str) else [*parameters.values()][argument]
    return parameter.default


@pytest.mark.parametrize("module", WHERE_PARTS_MEET, ids=lambda module: module.__name__)
def test_what_is_configured_has_no_second_default(module: ModuleType) -> None:
    found = [*find_configured(module)]
    assert found
    second = [
        f"{where}: {argument} has the default {defaults_of(called, argument)!r}"
        for where, called, argument in found
        if defaults_of(called, argument) is not inspect.Parameter.empty
    ]
    assert second == []


def test_a_second_default_would_be_found() -> None:
    @attrs.frozen(kw_only=True)
    class Component:
        per_client: int = 256

    assert defaults_of(Component, "per_client") == 256
    assert {"per_client", "capacity_gb", "timeout_seconds"} <= SETTINGS
