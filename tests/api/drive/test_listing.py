"""A part of a list that is read in pages."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.api.drive.listing import cut_parts
from cloudsvc.core.coroutines import start


@given(st.lists(st.lists(st.integers(), max_size=3), max_size=5), st.integers(0, 20), st.none() | st.integers(0, 20))
def test_what_is_asked_for_is_given_and_no_more_is_read(parts: list[Any], begin: int, stop: int | None) -> None:
    read: list[Any] = []
    closed: list[bool] = []

    async def give() -> AsyncGenerator[Any, None]:
        try:
            for part in parts:
                yield part
                read.extend(part)
        finally:
            closed.append(True)

    async def gather() -> list[Any]:
        return [item async for part in cut_parts(give(), begin, stop) for item in part]

    everything = [item for part in parts for item in part]
    assert start(gather()) == everything[begin:stop]
    assert stop is None or len(read) <= stop
    assert closed == ([] if stop == 0 else [True])
