"""Measurement of the drive: uploads, downloads, lists and memory."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from bench.attacks import ATTACKED, measure_attack
from bench.attacks import TITLES as ATTACKS
from bench.blob_stores import TITLES as BLOBS
from bench.blob_stores import measure_blobs
from bench.buckets import PROGRAM
from bench.catalogue import ASGI, Peer
from bench.catalogues import PROGRAM as INITDB
from bench.catalogues import TITLES as CATALOGUES
from bench.catalogues import measure_catalogues
from bench.commits import WRITERS, measure_commits
from bench.followers import FOLLOWED, measure_followers
from bench.followers import TITLES as FOLLOWERS
from bench.load import measure_throughput
from bench.memory import measure_growth
from bench.refusals import measure_refusal
from bench.requests import DRIVE, measure_requests
from bench.requests import TITLES as REQUESTS
from bench.stages import Ground, Samples, Stage
from bench.stores import FEW, MANY, PAGE
from bench.transfers import Content, download, upload, verify_download
from bench.workers import TITLES as WORKER_TITLES
from bench.workers import WORKERS, measure_workers

NGINX: Final = Peer(name="nginx-files", title="nginx with files", module="nginx_files", programs=("nginx",))
UVICORN: Final = Peer(
    name="uvicorn-upload", title="uvicorn, uploads", module="uvicorn_upload", modules=ASGI, borrowed=True
)
SEAWEEDFS: Final = Peer(name="seaweedfs", title="SeaweedFS", module="", programs=(PROGRAM,))

POSTGRESQL: Final = Peer(name="postgresql", title="PostgreSQL", module="", programs=(INITDB,))

_FILE: Final = "/api/files/large"
_WARM_UP_MIB: Final = 32


def _measure_downloads(ground: Ground) -> Samples:
    mib = ground.scale.download_mib
    content = Content.make(mib)
    digest = content.compute_digest()
    with ground.run(NGINX) as server:
        file = server.setup.directory / "files" / _FILE.lstrip("/")
        file.parent.mkdir(parents=True)
        with file.open("wb") as stream:
            stream.writelines(content)
        verify_download(server, _FILE, digest)
        theirs = download(server, _FILE, mib)
    with ground.run(DRIVE) as server:
        upload(server, _FILE, content)
        verify_download(server, _FILE, digest)
        return {"download-nginx": theirs, "download": download(server, _FILE, mib)}


def _measure_uploads(ground: Ground) -> Samples:
    samples: dict[str, Any] = {}
    for peer, suffix in ((UVICORN, "-uvicorn"), (DRIVE, "")):
        with ground.run(peer) as server:
            upload(server, f"{_FILE}-first", Content.make(ground.scale.upload_mib))
            samples[f"upload{suffix}"] = upload(server, _FILE, Content.make(ground.scale.upload_mib))
            samples[f"small{suffix}"] = measure_throughput(server, ground.scale.seconds, "/api/files/new/", "puts.lua")
    return samples


def _measure_memory(ground: Ground) -> Samples:
    mib = ground.scale.memory_mib
    with ground.run(DRIVE) as server:
        upload(server, f"{_FILE}-first", Content.make(_WARM_UP_MIB))
        download(server, f"{_FILE}-first", _WARM_UP_MIB)
        content = Content.make(mib)
        return {
            "memory-upload": measure_growth(server, lambda: upload(server, _FILE, content)),
            "memory-download": measure_growth(server, lambda: download(server, _FILE, mib)),
        }


def _measure_refusals(ground: Ground) -> Samples:
    with ground.run(DRIVE) as server:
        return {
            "refusal": measure_refusal(server, _FILE, expect=False),
            "refusal-expect": measure_refusal(server, _FILE, expect=True),
        }


def _measure_listings(ground: Ground) -> Samples:
    with ground.run(DRIVE, ground.store) as server:
        samples = {}
        for name in (MANY, FEW):
            measure_throughput(server, 1, f"/api/folders/{name}?limit={PAGE}")
            samples[f"listing-{name}"] = measure_throughput(
                server, ground.scale.seconds, f"/api/folders/{name}?limit={PAGE}"
            )
        return samples


def _measure_additions(ground: Ground) -> Samples:
    samples = {}
    for name, arguments in ((MANY, [ground.store]), (FEW, [])):
        with ground.run(DRIVE, *arguments) as server:
            measure_throughput(server, 1, "/api/files/warm-up/", "puts.lua")
            samples[f"addition-{name}"] = measure_throughput(
                server, ground.scale.seconds, "/api/files/new/", "puts.lua"
            )
    return samples


def _measure_commits(ground: Ground) -> Samples:
    return {"commits": measure_commits(ground.core, ground.scale.seconds)}


STAGES: Final[tuple[Stage, ...]] = (
    Stage(
        name="download",
        peers=(NGINX, DRIVE),
        titles={"download-nginx": "download of a large file, nginx with sendfile", "download": "the same, cloudsvc"},
        measure=_measure_downloads,
    ),
    Stage(
        name="upload",
        peers=(UVICORN, DRIVE),
        titles={
            "upload-uvicorn": "upload of a large file, uvicorn",
            "upload": "the same, cloudsvc: and durable",
            "small-uvicorn": "uploads of 4 KiB, uvicorn",
            "small": "the same, cloudsvc: and durable",
        },
        measure=_measure_uploads,
    ),
    Stage(name="requests", peers=(DRIVE,), titles=REQUESTS, measure=measure_requests),
    *(
        Stage(
            name=f"attack-{name}",
            peers=(ATTACKED,),
            titles={f"attack-{name}": title},
            measure=partial(measure_attack, name=name),
        )
        for name, title in ATTACKS.items()
    ),
    Stage(
        name="memory",
        peers=(DRIVE,),
        titles={"memory-upload": "memory for one large upload", "memory-download": "memory for one large download"},
        measure=_measure_memory,
        once=True,
    ),
    Stage(
        name="refusal",
        peers=(DRIVE,),
        titles={"refusal": "read of a refused upload", "refusal-expect": "the same, with Expect: 100-continue"},
        measure=_measure_refusals,
        once=True,
    ),
    Stage(
        name="listing",
        peers=(DRIVE,),
        titles={f"listing-{FEW}": f"first page of a folder of {PAGE} files", f"listing-{MANY}": "of the large folder"},
        measure=_measure_listings,
    ),
    Stage(
        name="addition",
        peers=(DRIVE,),
        titles={f"addition-{FEW}": "one more file in an empty store", f"addition-{MANY}": "in the large store"},
        measure=_measure_additions,
    ),
    Stage(name="workers", peers=(WORKERS,), titles=WORKER_TITLES, measure=measure_workers),
    Stage(
        name="commits",
        peers=(),
        titles={"commits": f"lateness of the reactor beside {WRITERS} writers"},
        measure=_measure_commits,
    ),
    Stage(name="followers", peers=(FOLLOWED,), titles=FOLLOWERS, measure=measure_followers, once=True),
    Stage(name="blobs", peers=(SEAWEEDFS,), titles=BLOBS, measure=measure_blobs),
    Stage(name="catalogues", peers=(POSTGRESQL,), titles=CATALOGUES, measure=measure_catalogues),
)
