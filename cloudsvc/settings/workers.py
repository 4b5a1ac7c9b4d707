"""Rules for what several workers have to do together."""

from __future__ import annotations

from collections.abc import Iterator

from cloudsvc.settings.checks import storage_scheme
from cloudsvc.settings.model import Settings


def check_workers(settings: Settings) -> Iterator[str]:
    """A line for each setting that several workers cannot keep together."""
    limits = settings.rate_limit
    in_memory = storage_scheme(limits.storage_uri) == "memory"
    if settings.server.workers > 1 and limits.enabled and in_memory and limits.strategy == "moving-window":
        yield (
            "config.rate_limit.strategy: several workers cannot count a moving window in memory; set it to "
            "'fixed-window', or storage_uri to redis://, or server.workers to 1"
        )
