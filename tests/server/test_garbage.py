"""Garbage collection while a server runs."""

from __future__ import annotations

import gc

from cloudsvc.server.garbage import GarbageCollection


def test_only_a_server_that_runs_collects_less_often() -> None:
    before = gc.get_threshold()
    collection = GarbageCollection()
    collection.startService()
    try:
        assert gc.get_threshold() > before
        assert gc.isenabled()
    finally:
        collection.stopService()
    assert gc.get_threshold() == before
