"""Profiles of ``cloudsvc remote``, and what it says without a server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import Result

from cloudsvc.cli.main import main
from cloudsvc.cli.remote.printing import printable
from cloudsvc.cli.remote.profiles import find_profile, remove_profile, store_profile
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from tests.support.commands import run

URL = "https://localhost:1"
KEY = Secret("a-key-that-nobody-may-see")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where profiles are kept."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("URL", "KEY", "CA_FILE"):
        monkeypatch.delenv(f"CLOUDSVC_{name}", raising=False)
    return tmp_path / "cloudsvc"


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """What a keyring keeps, in the place of the package of that name."""
    kept: dict[tuple[str, str], str] = {}
    module, errors = ModuleType("keyring"), ModuleType("keyring.errors")

    class KeyringError(Exception):
        """As the package has it."""

    def set_password(service: str, name: str, password: str) -> None:
        if name == "locked":
            raise KeyringError("nobody unlocks it")
        kept[service, name] = password

    errors.__dict__["KeyringError"] = KeyringError
    module.__dict__.update(
        get_password=lambda service, name: kept.get((service, name)),
        set_password=set_password,
        delete_password=lambda service, name: kept.pop((service, name)),
    )
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return kept


def remote(*arguments: str | Path, **environ: str) -> Result:
    return run("remote", *arguments, command=main, **environ)


def test_a_profile_is_for_its_owner_alone(folder: Path, tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_text("PEM")
    store_profile("home", URL, authorities, KEY, keyring=False)
    assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    profile = find_profile("home")
    assert (profile.url, profile.key) == (URL, KEY)
    assert profile.ca_file is not None
    assert profile.ca_file.read_text() == "PEM"
    assert KEY.reveal() not in repr(profile)
    remove_profile("home")
    assert [each.name for each in folder.iterdir()] == ["profiles.json"]
    with pytest.raises(OperatorError, match="login"):
        find_profile("home")


def test_profiles_do_not_disturb_each_other() -> None:
    store_profile("a", URL, None, KEY, keyring=False)
    store_profile("b", "https://b", None, Secret("other"), keyring=False)
    assert find_profile("a").url == URL
    assert find_profile("b").key == Secret("other")
    assert find_profile("b").ca_file is None


def test_a_file_that_others_can_read_is_refused(folder: Path) -> None:
    store_profile("default", URL, None, KEY, keyring=False)
    (folder / "profiles.json").chmod(0o640)
    done = remote("ls")
    assert done.exit_code == 1
    assert "can be read by others" in done.stderr
    assert KEY.reveal() not in done.output


@pytest.mark.parametrize("content", ["", "[]", '{"default": 1}', '{"default": {}}', "\udcff"])
def test_a_damaged_file_is_told(folder: Path, content: str) -> None:
    store_profile("default", URL, None, KEY, keyring=False)
    (folder / "profiles.json").write_text(content, errors="surrogateescape")
    assert "damaged" in remote("ls").stderr


def test_the_keyring_keeps_the_key(folder: Path, keyring: dict[tuple[str, str], str]) -> None:
    store_profile("default", URL, None, KEY, keyring=True)
    assert KEY.reveal() not in (folder / "profiles.json").read_text()
    assert find_profile("default").key == KEY
    store_profile("default", URL, None, KEY, keyring=False)
    assert keyring == {}
    store_profile("default", URL, None, KEY, keyring=True)
    remove_profile("default")
    assert keyring == {}
    with pytest.raises(OperatorError, match="nobody unlocks it"):
        store_profile("locked", URL, None, KEY, keyring=True)


def test_without_a_keyring_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(OperatorError, match=r"install cloudsvc\[keyring\]"):
        store_profile("default", URL, None, KEY, keyring=True)


def test_the_environment_does_without_a_profile() -> None:
    done = remote("ls", CLOUDSVC_URL=URL)
    assert "CLOUDSVC_KEY" in done.stderr
    assert remote("ls", CLOUDSVC_URL="http://localhost", CLOUDSVC_KEY="x").exit_code == 9


def test_without_a_profile_it_says_what_to_do() -> None:
    done = remote("ls")
    assert (done.exit_code, done.stderr) == (
        1,
        "cloudsvc: there is no profile 'default': run `cloudsvc remote login` first\n",
    )


@pytest.mark.parametrize("arguments", [("--profile", "../x", "ls"), ("get",), ("ls", "--nothing"), ("put", "a")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert remote(*arguments).exit_code == 2


def test_nobody_there() -> None:
    done = remote("--json", "ls", CLOUDSVC_URL=URL, CLOUDSVC_KEY=KEY.reveal())
    assert done.exit_code == 5
    assert json.loads(done.stderr)["error"] == "unreachable"
    assert KEY.reveal() not in done.output


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudsvc.client", None)
    assert "install cloudsvc[client]" in remote("ls").stderr


def test_help_loads_nothing_of_a_server() -> None:
    script = (
        "import sys\nfrom cloudsvc.cli.main import main\n"
        "main(['remote', '--help'], standalone_mode=False)\n"
        "heavy = {'twisted', 'sqlalchemy', 'httpx2', 'cryptography', 'msgspec'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "shown"), [("a b", "a b"), ("\x1b[31m", "\\x1b[31m"), ("a\nb", "a\\nb"), ("é😀", "é😀")]
)
def test_a_terminal_obeys_no_name(name: str, shown: str) -> None:
    assert printable(name) == shown
