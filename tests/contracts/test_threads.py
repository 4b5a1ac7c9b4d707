"""Contract of thread runners, whether they have threads or not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudsvc.core.threads import PoolRunner, ThreadRunner
from tests.support.inline_threads import Inline
from tests.support.reactors import in_reactor, run_threads


@pytest.fixture(params=["own", "pool", "inline"])
def runner(request: pytest.FixtureRequest) -> Iterator[ThreadRunner]:
    if request.param == "inline":
        yield Inline()
    elif request.param == "own":
        with run_threads(2) as threads:
            yield threads
    else:
        from twisted.internet import reactor  # noqa: PLC0415 - installed by then

        yield PoolRunner(reactor, reactor.getThreadPool())  # type: ignore[arg-type, attr-defined]  # a module


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
