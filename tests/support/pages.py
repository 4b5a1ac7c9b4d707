"""A directory of pages on a site in memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from cloudsvc.web.static_files import Pages, StaticFiles
from tests.support.inline_threads import Inline
from tests.support.site import TestSite


def make_pages(site: TestSite, root: Path, **options: Any) -> StaticFiles:
    """What serves the files below ``root``, which count as a minute old: the site's clock would never wait for one."""
    options = {
        "kept": ((b"Cache-Control", b"no-cache"),),
        "threads": Inline(),
        "clock": site.clock,
        "now": lambda: time.time() + 60,
        **options,
    }
    return StaticFiles(Pages(root=root, **options))
