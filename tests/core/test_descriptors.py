"""Limits of file descriptors, and how many of them are for connections."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.core.descriptors import DescriptorLimit, can_open_files, raise_limit

SHOW = (
    "from cloudsvc.core.descriptors import *; limit = raise_limit(); print(limit.before, limit.now, can_open_files())"
)


@pytest.mark.parametrize(("soft", "hard"), [(100, 200), (200, 200)])
def test_the_soft_limit_is_raised_to_the_hard_one(soft: int, hard: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),  # no threads here
    )
    assert done.stdout.split() == [str(soft), str(hard), "True"]


def test_what_is_raised_stays() -> None:
    first = raise_limit()
    assert raise_limit() == DescriptorLimit(before=first.now, now=first.now)


@given(st.integers(16, 1 << 20))
def test_connections_and_their_files_leave_something(now: int) -> None:
    connections = DescriptorLimit(before=now, now=now).connections
    assert connections >= 1
    assert now - 2 * connections >= min(128, now // 2)


def test_without_any_nothing_can_be_opened() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert can_open_files()
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        assert not can_open_files()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
