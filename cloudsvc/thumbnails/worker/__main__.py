"""``python -m cloudsvc.thumbnails.worker SIZE``: reads a file from standard input, writes a JPEG to standard output."""

from __future__ import annotations

import os
import sys

from cloudsvc.thumbnails.worker.limits import is_root, leave_root, limit_this_process
from cloudsvc.thumbnails.worker.verdicts import Verdict


def main() -> None:
    """Make one thumbnail. The exit status is a :class:`Verdict`."""
    limit_this_process()
    # Imported within the limits: what decodes untrusted bytes never runs without them.
    from cloudsvc.thumbnails.worker.decoding import Refused, load_decoders, make_thumbnail  # noqa: PLC0415

    if is_root():
        # Nobody may not be allowed to read the libraries.
        load_decoders()
        leave_root()
    try:
        with open(sys.stdin.fileno(), "rb", closefd=False) as source:
            content = make_thumbnail(source, int(sys.argv[1]))
    except Refused as refusal:
        sys.exit(refusal.verdict.value)
    except MemoryError:
        sys.exit(Verdict.TOO_LARGE.value)
    except Exception:  # noqa: BLE001  # decoders raise whatever they like
        sys.exit(Verdict.DAMAGED.value)
    view = memoryview(content)
    while view:
        view = view[os.write(sys.stdout.fileno(), view) :]


if __name__ == "__main__":
    main()
