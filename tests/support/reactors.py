"""Asynchronous tests in the running reactor, typed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

import pytest_twisted  # type: ignore[import-untyped]  # has no types

P = ParamSpec("P")


def in_reactor(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test in the reactor."""
    decorated: Callable[P, None] = pytest_twisted.ensureDeferred(test)
    return decorated
