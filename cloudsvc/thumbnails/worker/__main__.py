"""Entry point of ``python -m cloudsvc.thumbnails.worker SIZE``: a file on standard input, a JPEG on standard output."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from cloudsvc.thumbnails.worker.kinds import FileKind, find_kind
from cloudsvc.thumbnails.worker.limits import forbid_threads, is_root, leave_root, limit_this_process
from cloudsvc.thumbnails.worker.verdicts import Verdict


def main() -> None:
    """Make one thumbnail. The exit status is a :class:`Verdict`."""
    is_confined = limit_this_process()
    with open(sys.stdin.fileno(), "rb", closefd=False) as source:
        kind = find_kind(source)
        if kind is None or (kind.needs_threads and not is_confined):
            sys.exit(Verdict.UNSUPPORTED.value)
        if not kind.needs_threads:
            forbid_threads()
        content = _decode(source, kind, int(sys.argv[1]))
    view = memoryview(content)
    while view:
        view = view[os.write(sys.stdout.fileno(), view) :]


def _decode(source: BinaryIO, kind: FileKind, size: int) -> bytes:
    # Imported within the limits: what decodes untrusted bytes never runs without them.
    from cloudsvc.thumbnails.worker.decoded import Refused  # noqa: PLC0415  # as above
    from cloudsvc.thumbnails.worker.decoding import load_decoders, make_thumbnail  # noqa: PLC0415  # as above

    if is_root():
        # Nobody may not be allowed to read the libraries.
        load_decoders(kind)
        leave_root()
    try:
        return make_thumbnail(source, kind, size)
    except Refused as refusal:
        sys.exit(refusal.verdict.value)
    except MemoryError:
        sys.exit(Verdict.TOO_LARGE.value)
    except Exception:  # noqa: BLE001  # decoders raise whatever they like
        sys.exit(Verdict.DAMAGED.value)


if __name__ == "__main__":
    main()
