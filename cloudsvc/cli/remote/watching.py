"""Changes as ``cloudsvc remote watch`` tells them."""

from __future__ import annotations

from typing import Final

from cloudsvc.cli.remote.printing import printable
from cloudsvc.client import Change, RetryPolicy

PATIENT: Final = RetryPolicy(attempts=60, longest_wait=300.0)
"""A server that is restarted, or moved to another machine, is waited for."""


def is_below(folder: str, change: Change) -> bool:
    """Whether ``change`` is of something in ``folder``, now or before it was moved, or of the folder itself."""
    places = (change.path, change.source)
    return not folder or any(place is not None and f"{place}/".startswith(f"{folder}/") for place in places)


def format_change(change: Change) -> str:
    """A line for people."""
    place = f"{change.path}/" if change.is_folder else change.path
    came = "" if change.source is None else f"{printable(change.source)} -> "
    return f"{change.kind:9} {came}{printable(place)}"
