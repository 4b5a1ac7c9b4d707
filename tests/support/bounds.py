"""Bounds of requests and connections as a server has them that nobody configured, and others beside them."""

from __future__ import annotations

from typing import Any

import attrs

from cloudsvc.settings.model import ConnectionSettings, HTTPSettings
from cloudsvc.web.http1.bounds import ConnectionBounds, HeadBounds


def make_bounds(**changes: Any) -> ConnectionBounds:
    """Bounds of connections, all but ``changes`` as the settings have them by default."""
    return ConnectionBounds(**{**attrs.asdict(ConnectionSettings()), "of_process": 1_000_000, **changes})


def make_head_bounds(**changes: int) -> HeadBounds:
    """Bounds of request heads, all but ``changes`` as the settings have them by default."""
    http = HTTPSettings()
    bounds = HeadBounds(
        line_bytes=http.line_bytes,
        total_bytes=http.header_bytes,
        fields=http.header_count,
        query_bytes=http.query_bytes,
    )
    return attrs.evolve(bounds, **changes)
