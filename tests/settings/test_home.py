"""One home, found once, absolute from then on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudsvc.settings.home import Home, find_home

HERE = Path("/srv/here")


@pytest.mark.parametrize(
    ("option", "environ", "root"),
    [
        ("/a", {"CLOUDSVC_HOME": "/b"}, "/a"),
        ("a", {}, "/srv/here/a"),
        (None, {"CLOUDSVC_HOME": "/b"}, "/b"),
        (None, {"CLOUDSVC_HOME": "b"}, "/srv/here/b"),
        (None, {"CLOUDSVC_HOME": ""}, "/srv/here"),
        (None, {}, "/srv/here"),
        (".", {}, "/srv/here"),
    ],
)
def test_the_option_wins_over_the_variable_and_both_over_the_current_directory(
    option: str | None, environ: dict[str, str], root: str
) -> None:
    assert find_home(option, environ, HERE) == Home(root=Path(root))


def test_a_home_is_absolute() -> None:
    with pytest.raises(ValueError, match="absolute"):
        Home(root=Path("here"))


def test_what_is_in_a_home() -> None:
    home = Home(root=HERE)
    assert home.config_file == HERE / "config/config.json"
    assert home.schema_file == HERE / "config/schema.json"
    assert home.env_file == HERE / ".env"
    assert home.data == HERE / "data"


def test_configured_paths_are_relative_to_the_home() -> None:
    home = Home(root=HERE)
    assert home.resolve("certs", "key.pem") == HERE / "certs/key.pem"
    assert home.resolve("certs", "/etc/key.pem") == Path("/etc/key.pem")
