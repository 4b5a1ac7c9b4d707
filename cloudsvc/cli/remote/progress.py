"""Progress bars of transfers, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cloudsvc.cli.remote.printing import printable


@contextmanager
def show_transfer(label: str, size: int | None) -> Iterator[Callable[[int], None] | None]:
    """
    What is told how many bytes there are so far, and shows it on standard error; nothing where that is no terminal.

    :param size: bytes in all; ``None`` where that is not known.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm  # noqa: PLC0415  # only a terminal needs it

    with tqdm(desc=printable(label), total=size, unit="B", unit_scale=True, unit_divisor=1024, leave=False) as bar:

        def advance(so_far: int) -> None:
            bar.update(so_far - bar.n)

        yield advance
