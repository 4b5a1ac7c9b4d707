"""What every ThreadRunner does, whether it has threads or not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudsvc.core.threads import ThreadRunner
from tests.support.reactors import in_reactor, run_threads
from tests.support.threads import Inline


@pytest.fixture(params=["pool", "inline"])
def runner(request: pytest.FixtureRequest) -> Iterator[ThreadRunner]:
    if request.param == "inline":
        yield Inline()
    else:
        with run_threads(2) as pool:
            yield pool


def _fail() -> int:
    raise ValueError("no number")


@in_reactor
async def test_a_function_gets_its_arguments_and_its_value_comes_back(runner: ThreadRunner) -> None:
    def describe(*args: int, **kwargs: str) -> tuple[tuple[int, ...], dict[str, str]]:
        return args, kwargs

    assert await runner.run(describe, 1, 2, key="x") == ((1, 2), {"key": "x"})


@in_reactor
async def test_an_exception_reaches_the_caller(runner: ThreadRunner) -> None:
    with pytest.raises(ValueError, match="no number"):
        await runner.run(_fail)
