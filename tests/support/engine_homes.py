"""Homes of servers whose drive is kept by other engines, and these engines."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attrs import define, field

from cloudsvc.core.secrets import Secret
from cloudsvc.storage.blobs.objects import ObjectStoreSettings
from tests.support.hostile_clients import ROOT
from tests.support.object_stores import ObjectServer
from tests.support.postgresql import GUARDED, PASSWORD, find_cluster
from tests.support.server import PATIENCE, Server, environment, program, running


@define
class Home:
    """A home whose drive is kept by other engines; its secrets stand in files."""

    directory: Path
    token: str
    environ: Mapping[str, str]

    @contextmanager
    def serve(self) -> Iterator[Server]:
        with running(self.directory, self.token, environ={"PYTHONPATH": str(ROOT), **self.environ}) as server:
            yield server

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """``cloudsvc ARGUMENTS`` in a process of its own."""
        command = [program("cloudsvc"), "--home", str(self.directory), *map(str, arguments)]
        return subprocess.run(
            command, env=environment(self.environ), capture_output=True, text=True, timeout=5 * PATIENCE, check=False
        )

    def refuse(self, **environ: str) -> str:
        """The one line with which the server does not start."""
        done = subprocess.run(
            [program("twistd"), "-n", "--pidfile=", "cloudsvc", "--home", str(self.directory)],
            env=environment({"PYTHONPATH": str(ROOT), **self.environ, **environ}),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 1, done
        [line] = done.stderr.splitlines()
        return line


@define
class Engines:
    """The engines of the tests, each started when first asked for."""

    directory: Path
    store: ObjectServer
    secrets: dict[str, str] = field(factory=dict)

    def keep(self, name: str, secret: Secret) -> dict[str, str]:
        """The variable that names a file with ``secret``."""
        file = self.directory / f"{name}-{os.urandom(4).hex()}"
        file.write_text(f"{secret.reveal()}\n")
        file.chmod(0o600)
        return {f"CLOUDSVC__{name}_FILE": str(file)}

    def configure_database(self) -> dict[str, str]:
        """The variable for a database in which there is nothing, of somebody who needs a password."""
        cluster = find_cluster()
        name = cluster.make_database()
        cluster.ask(f"ALTER DATABASE {name} OWNER TO {GUARDED}")
        return self.keep("DATABASE__URL", cluster.make_url(name, GUARDED, quote(PASSWORD, safe="")))

    def configure_bucket(self) -> tuple[dict[str, Any], dict[str, str]]:
        """The section and the variables for a prefix below which there is nothing."""
        chosen: ObjectStoreSettings = self.store.choose_prefix()
        assert chosen.access_key is not None
        assert chosen.secret_key is not None
        section = {"url": chosen.url, "endpoint": chosen.endpoint, "path_style": True}
        return section, {
            **self.keep("BLOBS__ACCESS_KEY", chosen.access_key),
            **self.keep("BLOBS__SECRET_KEY", chosen.secret_key),
        }
