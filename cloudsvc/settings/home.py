"""Home: the one directory in which a server keeps everything that is its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

HOME_VARIABLE: Final = "CLOUDSVC_HOME"


@frozen(kw_only=True)
class Home:
    """
    A server's directory. Relative paths of the configuration are relative to it.

    :ivar root: absolute, since daemons change their directory.
    """

    root: Path = field()

    @root.validator
    def _is_absolute(self, _: object, root: Path) -> None:
        if not root.is_absolute():
            raise ValueError(f"a home is an absolute path, not {root}")

    @property
    def config_file(self) -> Path:
        """The configuration."""
        return self.root / "config" / "config.json"

    @property
    def schema_file(self) -> Path:
        """The JSON Schema beside the configuration, for editors."""
        return self.root / "config" / "schema.json"

    @property
    def env_file(self) -> Path:
        """What belongs to this host and is secret: the hash of the token."""
        return self.root / ".env"

    @property
    def data(self) -> Path:
        """What applications store."""
        return self.root / "data"

    def resolve(self, *parts: str) -> Path:
        """The absolute path of a configured one; the last absolute part wins."""
        return self.root.joinpath(*parts)


def find_home(option: str | None, environ: Mapping[str, str], directory: Path) -> Home:
    """The home: ``option`` (of ``--home``), else ``CLOUDSVC_HOME``, else ``directory`` (the current one, absolute)."""
    return Home(root=directory / (option or environ.get(HOME_VARIABLE) or "."))
