"""Home directory that a command works on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, TypeVar

import click

from cloudsvc.cli.options import home_option
from cloudsvc.settings.home import Home, find_home
from cloudsvc.settings.loading import Loaded, load
from cloudsvc.settings.model import Settings

R = TypeVar("R")


def pass_home(function: Callable[Concatenate[Home, ...], R]) -> Callable[..., R]:
    """Give a command the option ``--home``, and as its first argument the home that it or the group's option names."""

    @home_option
    @wraps(function)
    def run(*arguments: Any, home: str | None, **options: Any) -> R:
        chosen = home or click.get_current_context().obj
        return function(find_home(chosen, os.environ, Path.cwd()), *arguments, **options)

    return run


def load_home(home: Home, environ: Mapping[str, str] = os.environ) -> Loaded:
    """
    The configuration of ``home``, with the sections of its applications.

    :param environ: variables that win over those in its ``.env``: by default those of this process.
    :raises OperatorError: with one line for each fault.
    """
    return load(home, environ, _find_applications, _find_providers)


def find_default_sections() -> Mapping[str, type]:
    """The config sections of the applications that a new home has."""
    found = _find_applications(Settings().applications).values()
    return {each.section: each.settings_type for each in (*found, *_find_providers(found))}


def _find_applications(names: tuple[str, ...]) -> Mapping[str, Any]:
    from cloudsvc.server.extensions import find_applications  # noqa: PLC0415 - only who reads a configuration needs it

    return find_applications(names)


def _find_providers(applications: Iterable[Any]) -> Sequence[Any]:
    from cloudsvc.server.extensions import find_providers  # noqa: PLC0415 - as above

    return find_providers(applications)
