"""``cloudsvc user``, ``group``, ``key``, ``session``, ``link``, ``token`` and ``identity``, as one types them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloudsvc.storage.database.sqlite.connections import connect
from cloudsvc.storage.local import CATALOGUE_NAME
from tests.support.command_processes import Shell, run_shell
from tests.support.server import make_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with run_shell(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, shell: Shell) -> Path:
    """One whose drive has a folder ``photos``."""
    directory = tmp_path_factory.mktemp("accounts")
    home, _ = make_home(directory / "home", applications=["drive", "identity"])
    (directory / "tree" / "photos").mkdir(parents=True)
    (directory / "tree" / "photos" / "sea").write_bytes(b"sea")
    shell.run(home, "import", directory / "tree")
    return home


def test_users_and_groups(shell: Shell, home: Path) -> None:
    shell.run(home, "group", "add", "family")
    shell.run(home, "group", "grant", "family", "viewer", "photos")
    shell.run(home, "user", "add", "Anna", "--display-name", "Anna A.", "--group", "family")
    shell.run(home, "user", "grant", "anna", "manager", "")
    assert shell.run(home, "user", "list") == "anna\n    manager of ''\n"
    assert shell.run(home, "group", "list") == "family\n    viewer of 'photos'\n"
    shell.run(home, "user", "withdraw", "anna", "")
    shell.run(home, "user", "disable", "anna")
    assert shell.run(home, "user", "list") == "anna (disabled)\n"
    shell.run(home, "user", "enable", "anna")
    shell.run(home, "group", "withdraw", "family", "photos")
    shell.run(home, "group", "remove", "family")
    assert shell.run(home, "group", "list") == ""
    assert "cloudsvc: 'anna' is taken" in shell.run(home, "user", "add", "anna", status=1)
    assert "There is no such user." in shell.run(home, "user", "remove", "nobody-at-all", status=1)


def test_quotas(shell: Shell, home: Path) -> None:
    shell.run(home, "user", "add", "dora")
    assert shell.run(home, "user", "quota", "dora") == "dora\n"
    assert shell.run(home, "user", "quota", "dora", "1.5KiB") == "dora: 0 B of 1.5 KiB stored\n"
    with closing(connect(home / "data" / "drive" / CATALOGUE_NAME)) as connection:
        connection.execute("INSERT INTO payer VALUES (1, 'dora', 2048)")
    assert "dora: 2.0 KiB of 1.5 KiB stored\n" in shell.run(home, "user", "list")
    told = shell.run(home, "verify", status=1)
    assert "2,048 bytes count to the user 'dora', and 0 are stored" in told
    assert "cloudsvc quota --recount" in told
    shell.run(home, "quota", "--recount")
    assert shell.run(home, "user", "quota", "dora") == "dora: 0 B of 1.5 KiB stored\n"
    assert shell.run(home, "user", "quota", "dora", "none") == "dora\n"
    assert "is no size" in shell.run(home, "user", "quota", "dora", "much", status=2)
    assert "There is no such user." in shell.run(home, "user", "quota", "nobody-at-all", "1GiB", status=1)
    shell.run(home, "user", "remove", "dora")


def test_links_to_accounts_at_providers(shell: Shell, home: Path) -> None:
    issuer = "https://login.example"
    shell.run(home, "user", "add", "elsa")
    shell.run(home, "user", "link", "elsa", issuer, "1001")
    [link, *told] = shell.run(home, "user", "links", "elsa").split()
    assert told == [issuer, "1001"]
    assert "is linked to a user already" in shell.run(home, "user", "link", "elsa", issuer, "1001", status=1)
    shell.run(home, "user", "unlink", "elsa", link)
    assert shell.run(home, "user", "links", "elsa") == ""
    assert "There is no such account" in shell.run(home, "user", "unlink", "elsa", link, status=1)


def test_keys(shell: Shell, home: Path) -> None:
    made = shell.run(
        home, "key", "create", "--program", "camera", "--role", "uploader", "photos", "--days", "9", "--label", "shed"
    )
    [key] = re.findall(r"csk_[0-9A-Za-z]{65}", made)
    listed = shell.run(home, "key", "list")
    assert listed == f"{key[4:20]} program camera shed\n    uploader of 'photos'\n"
    rotated = shell.run(home, "key", "rotate", key[4:20], "--overlap", "0")
    [later] = re.findall(r"csk_[0-9A-Za-z]{65}", rotated)
    assert later != key
    shell.run(home, "key", "revoke", later)
    assert "(revoked)" in shell.run(home, "key", "list")
    assert "no role" in shell.run(home, "key", "create", "--program", "x", "--role", "king", "photos", status=2)
    assert "A key is for one user" in shell.run(home, "key", "create", status=1)


def test_links(shell: Shell, home: Path) -> None:
    made = shell.run(home, "link", "create", "photos/sea", "--label", "for you", "--days", "9", "--limit", "3")
    [secret] = re.findall(r"^/s/(csl_[0-9A-Za-z]{65})$", made, re.MULTILINE)
    told = f"{secret[4:20]} viewer of 'photos/sea', made by owner, used 0 of 3 times"
    assert shell.run(home, "link", "list") == f"{told} for you\n"
    assert shell.run(home, "link", "list", "--path", "photos") == f"{told} for you\n"
    shell.run(home, "link", "revoke", f"https://localhost/s/{secret}")
    assert shell.run(home, "link", "list") == f"{told} (revoked) for you\n"
    assert "There is no such link" in shell.run(home, "link", "revoke", "0" * 16, status=1)
    assert "There is nothing" in shell.run(home, "link", "create", "none", status=1)
    assert "into a folder only" in shell.run(home, "link", "create", "photos/sea", "--role", "uploader", status=1)


def test_sessions(shell: Shell, home: Path) -> None:
    shell.run(home, "user", "add", "cleo")
    assert shell.run(home, "session", "list", "cleo") == ""
    shell.run(home, "session", "end", "cleo")
    assert "There is no such session." in shell.run(home, "session", "end", "cleo", "0" * 24, status=1)
    assert "There is no such user." in shell.run(home, "session", "list", "nobody-at-all", status=1)


def test_the_owner_s_token_is_switched_off_and_on(shell: Shell, home: Path) -> None:
    assert shell.run(home, "token", "status") == "on\n"
    assert "Nobody else could manage the accounts" in shell.run(home, "token", "disable", status=1)
    shell.run(home, "user", "add", "boss")
    shell.run(home, "user", "grant", "boss", "manager", "")
    shell.run(home, "key", "create", "--user", "boss", "--scope", "accounts:write")
    shell.run(home, "token", "disable")
    assert shell.run(home, "token", "status") == "off\n"
    assert "cloudsvc token enable" in shell.run(home, "user", "disable", "boss", status=1)
    shell.run(home, "token", "enable")
    assert shell.run(home, "token", "status") == "on\n"
    shell.run(home, "user", "disable", "boss")


def test_the_owner_s_token_stays_off_over_older_accounts(shell: Shell, tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home", applications=["drive", "identity"])
    (tmp_path / "tree").mkdir()
    shell.run(home, "import", tmp_path / "tree")
    shell.run(home, "user", "add", "boss")
    shell.run(home, "user", "grant", "boss", "manager", "")
    shell.run(home, "key", "create", "--user", "boss", "--scope", "accounts:write")
    accounts, older = home / "data" / "accounts.sqlite3", tmp_path / "older"
    with closing(sqlite3.connect(accounts)) as database, closing(sqlite3.connect(older)) as copy:
        database.backup(copy)
    shell.run(home, "token", "disable")
    for each in home.glob("data/accounts.sqlite3*"):
        each.unlink()
    accounts.write_bytes(older.read_bytes())
    accounts.chmod(0o600)
    assert shell.run(home, "token", "status") == "off\n"
    assert "cloudsvc identity accept" in shell.run(home, "token", "enable", status=1)
    assert shell.run(home, "token", "status") == "off\n"
    shell.run(home, "identity", "accept", "--keep-keys")
    assert shell.run(home, "token", "status") == "on\n"


def test_whose_second_factor_is_lost_does_without(shell: Shell, home: Path) -> None:
    shell.run(home, "user", "add", "gina")
    with closing(sqlite3.connect(home / "data" / "accounts.sqlite3")) as database, database:
        database.execute(
            "INSERT INTO identity_totp SELECT id, 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', 1, 0, 0"
            " FROM identity_user WHERE name = 'gina'"
        )
        database.execute("UPDATE identity_user SET factors_set = revision WHERE name = 'gina'")
    assert "gina (second factor)" in shell.run(home, "user", "list").splitlines()
    assert "There is no such user." in shell.run(home, "user", "reset-factors", "nobody-at-all", status=1)
    shell.run(home, "user", "reset-factors", "gina")
    assert "gina" in shell.run(home, "user", "list").splitlines()
    shell.run(home, "user", "reset-factors", "gina")


def test_accounts_that_were_put_back_are_accepted(shell: Shell, home: Path) -> None:
    before = (home / "data" / "accounts.witness").read_text()
    shell.run(home, "identity", "accept")
    assert (home / "data" / "accounts.witness").read_text() != before
