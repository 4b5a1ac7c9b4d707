"""Homes to load in tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cloudsvc.core.errors import OperatorError
from cloudsvc.settings.home import Home
from cloudsvc.settings.loading import Loaded, load


def write_home(root: Path, config: object = None, env: str | None = None) -> Home:
    """A home in ``root``; text and bytes as they are, anything else as JSON."""
    home = Home(root=root)
    home.config_file.parent.mkdir(parents=True, exist_ok=True)
    match config:
        case bytes():
            home.config_file.write_bytes(config)
        case str():
            home.config_file.write_text(config, "utf-8")
        case _:
            home.config_file.write_text(json.dumps({} if config is None else config), "utf-8")
    if env is not None:
        home.env_file.write_text(env, "utf-8", newline="")
    return home


def no_applications(names: tuple[str, ...]) -> Mapping[str, Any]:
    """The finder of a server without applications."""
    return {}


def load_config(root: Path, config: object = None, env: str | None = None, **environ: str) -> Loaded:
    """What is loaded from such a home."""
    return load(write_home(root, config, env), environ, no_applications)


def faults_of(root: Path, config: object = None, env: str | None = None, **environ: str) -> tuple[str, ...]:
    """The faults for which such a home is refused."""
    with pytest.raises(OperatorError) as caught:
        load_config(root, config, env, **environ)
    return caught.value.lines
