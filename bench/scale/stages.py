"""The stages of a run, and what is to be reached in them."""

from __future__ import annotations

from typing import Final

import attrs

from bench import drive
from bench.buckets import PROGRAM as WEED
from bench.catalogue import Peer
from bench.catalogues import PROGRAM as INITDB
from bench.goals import GOALS as DRIVE_GOALS
from bench.goals import Goal, Kind
from bench.redis import PROGRAM as REDIS
from bench.scale import demands, engines, large, transfers
from bench.scale.nodes import NODE
from bench.stages import QUICK as QUICK_DRIVE
from bench.stages import Scale, Stage

_WRK: Final = Peer(name="wrk", title="wrk", module="", programs=("wrk",))
_POSTGRESQL: Final = Peer(name="postgresql", title="PostgreSQL", module="", programs=(INITDB,))
_SEAWEEDFS: Final = Peer(name="seaweedfs", title="SeaweedFS", module="", programs=(WEED,))
_REDIS: Final = Peer(name="redis", title="Redis", module="", programs=(REDIS,))

_OF_THE_DRIVE: Final = {stage.name: stage for stage in drive.STAGES}

STAGES: Final = (
    _OF_THE_DRIVE["workers"],
    _OF_THE_DRIVE["catalogues"],
    Stage(
        name="engines",
        peers=(NODE, _WRK, _POSTGRESQL),
        titles=engines.TITLES,
        measure=engines.measure_engines,
    ),
    _OF_THE_DRIVE["blobs"],
    Stage(name="transfers", peers=(NODE, _SEAWEEDFS), titles=transfers.TITLES, measure=transfers.measure_transfers),
    Stage(name="large", peers=(NODE, _WRK, _POSTGRESQL), titles=large.TITLES, measure=large.measure_large),
    Stage(
        name="demands",
        peers=(NODE, _WRK, _POSTGRESQL, _SEAWEEDFS, _REDIS),
        titles=demands.TITLES,
        measure=demands.measure_demands,
    ),
)
"""Those at the port, which the benchmark of the drive has as well, stand before those of the whole server."""

THOROUGH: Final = Scale(rounds=3, seconds=4, download_mib=64, upload_mib=64, memory_mib=1024, files=10_000_000)
QUICK: Final = attrs.evolve(QUICK_DRIVE, download_mib=9, upload_mib=9, memory_mib=32)
"""With bytes enough that a bucket takes them in parts."""

_MEASURED: Final = {name for stage in STAGES for name in stage.titles}

GOALS: Final = (
    *(goal for goal in DRIVE_GOALS if goal.subject in _MEASURED),
    *(
        Goal(
            title=f"two workers ÷ one, {title}, by rate",
            kind=Kind.RATE,
            subject=f"workers-{name}-2",
            yardstick=f"workers-{name}-1",
            at_least=1.7,
            aim=1.9,
        )
        for name, title in (("login", "login"), ("download", "download of 4 KiB"))
    ),
    *(
        Goal(
            title=f"{title}, PostgreSQL ÷ SQLite",
            kind=Kind.COST,
            subject=f"whole-postgresql-{name}",
            yardstick=f"whole-sqlite-{name}",
            at_least=4,
            aim=2,
        )
        for name, title in engines.WORKS.items()
    ),
    *(
        Goal(
            title=f"{title} of a large file, bucket ÷ directory",
            kind=Kind.COST,
            subject=f"whole-bucket-{name}",
            yardstick=f"whole-files-{name}",
            at_least=4,
            aim=2.5,
        )
        for name, title in (("up", "upload"), ("down", "download"))
    ),
    *(
        Goal(
            title=f"memory for a larger {title} a bucket, MiB",
            kind=Kind.AMOUNT,
            subject=f"whole-bucket-memory-{name}",
            at_least=64,
            aim=32,
        )
        for name, title in (("up", "upload into"), ("down", "download from"))
    ),
    *(
        Goal(
            title=f"{title}, among all ÷ few",
            kind=Kind.COST,
            subject=f"large-{name}",
            yardstick=f"small-{name}",
            at_least=1.3,
            aim=1.1,
        )
        for name, title in large.WORKS.items()
        # Of digits there are too few for any index of trigrams: told, and no goal.
        if name != "search-digits"
    ),
)
