"""Profiles: which server, whom to trust, and which key; in a file that only its owner can read, or in the keyring."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from cloudsvc.core.durable_files import replace_file
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret

_OWNER_ALONE: Final = 0o600
_FOLDER: Final = 0o700
_OTHERS: Final = 0o077
_SERVICE: Final = "cloudsvc"
"""What the keyring calls us."""


@frozen(kw_only=True)
class Profile:
    """
    How to reach a server.

    :ivar ca_file: PEM of the authorities that are trusted; ``None`` for those of the system.
    """

    url: str
    ca_file: Path | None
    key: Secret


def find_profile(name: str) -> Profile:
    """
    The profile called ``name``, or what the environment says: ``CLOUDSVC_URL``, ``CLOUDSVC_KEY`` and
    ``CLOUDSVC_CA_FILE``, all of them in place of the profile.

    :raises OperatorError: there is none, or others could read it.
    """
    url, key, ca_file = (os.environ.get(f"CLOUDSVC_{each}") for each in ("URL", "KEY", "CA_FILE"))
    if url:
        if not key:
            raise OperatorError(["CLOUDSVC_URL is set and CLOUDSVC_KEY is not: set both, or neither"])
        return Profile(url=url, key=Secret(key), ca_file=Path(ca_file) if ca_file else None)
    stored = _read().get(name)
    if stored is None:
        raise OperatorError([f"there is no profile {name!r}: run `cloudsvc remote login` first"])
    text = stored.get("key")
    if text is None:
        with _opened_keyring() as opened:
            text = opened.get_password(_SERVICE, name)
    if text is None:
        raise OperatorError([f"the keyring has no key for the profile {name!r}: run `cloudsvc remote login` again"])
    trusted = _locate_authorities(name) if stored.get("own_authorities") else None
    return Profile(url=stored["url"], ca_file=trusted, key=Secret(text))


def store_profile(name: str, url: str, ca_file: Path | None, key: Secret, *, keyring: bool) -> None:
    """
    Keep a profile, in place of the one of that name. ``ca_file`` is copied.

    :raises OperatorError: it cannot be written, or there is no keyring.
    """
    _make_folder()
    profiles = _read()
    stored: dict[str, Any] = {"url": url, "own_authorities": ca_file is not None}
    if keyring:
        with _opened_keyring() as opened:
            opened.set_password(_SERVICE, name, key.reveal())
    else:
        stored["key"] = key.reveal()
        if "key" not in profiles.get(name, stored):
            _forget_key(name)
    if ca_file is not None:
        replace_file(_locate_authorities(name), ca_file.read_bytes(), mode=_OWNER_ALONE)
    _write(profiles | {name: stored})


def remove_profile(name: str) -> None:
    """
    Forget a profile.

    :raises OperatorError: there is none, or the file cannot be written.
    """
    profiles = _read()
    stored = profiles.pop(name, None)
    if stored is None:
        raise OperatorError([f"there is no profile {name!r}"])
    if "key" not in stored:
        _forget_key(name)
    _locate_authorities(name).unlink(missing_ok=True)
    _write(profiles)


def _locate() -> Path:
    return Path(click.get_app_dir(_SERVICE)) / "profiles.json"


def _locate_authorities(name: str) -> Path:
    return _locate().with_name(f"authorities-{name}.pem")


def _make_folder() -> None:
    folder = _locate().parent
    try:
        folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    except OSError as problem:
        raise OperatorError([f"{folder} cannot be made: {problem.strerror}"]) from None


def _read() -> dict[str, Any]:
    file = _locate()
    try:
        with file.open("rb") as stream:
            if os.fstat(stream.fileno()).st_mode & _OTHERS:
                raise OperatorError([f"{file} can be read by others: chmod 600 it, and have its keys revoked"])
            profiles = json.load(stream)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise OperatorError([f"{file} cannot be read, or is damaged: repair or remove it"]) from None
    if not isinstance(profiles, dict) or not all(
        isinstance(each, dict) and isinstance(each.get("url"), str) for each in profiles.values()
    ):
        raise OperatorError([f"{file} is damaged: repair or remove it"])
    return profiles


def _write(profiles: dict[str, Any]) -> None:
    replace_file(_locate(), json.dumps(profiles, indent=2).encode() + b"\n", mode=_OWNER_ALONE)


def _forget_key(name: str) -> None:
    with _opened_keyring() as opened:
        if opened.get_password(_SERVICE, name) is not None:
            opened.delete_password(_SERVICE, name)


@contextmanager
def _opened_keyring() -> Iterator[Any]:
    """
    The keyring, while it is asked.

    :raises OperatorError: there is none, or it fails.
    """
    try:
        keyring = importlib.import_module("keyring")
        errors = importlib.import_module("keyring.errors")
    except ModuleNotFoundError:
        raise OperatorError(["keyring is not installed: install cloudsvc[keyring], or leave out --keyring"]) from None
    try:
        yield keyring
    except errors.KeyringError as problem:
        raise OperatorError([f"the keyring fails: {problem}; unlock or set it up, or leave out --keyring"]) from None
