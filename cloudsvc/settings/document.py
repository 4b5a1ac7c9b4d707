"""The configuration file as plain data. It is read, never written."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from cloudsvc.core.errors import OperatorError
from cloudsvc.settings.home import Home


def read_document(home: Home) -> dict[str, Any]:
    """
    The JSON object in the configuration file.

    :raises OperatorError: when it is missing, cannot be read, or is something else.
    """
    path = home.config_file
    try:
        document = parse_json(path.read_bytes().decode("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        raise OperatorError([f"{path} is missing; write one with `cloudsvc init {home.root}`"]) from None
    except OSError as problem:
        raise OperatorError([f"{path} cannot be read: {problem.strerror}"]) from None
    except UnicodeDecodeError as problem:
        raise OperatorError([f"{path}: byte {problem.start} is not UTF-8; save the file as UTF-8"]) from None
    except ValueError as problem:
        raise OperatorError([f"{path}: {problem}"]) from None
    if not isinstance(document, dict):
        raise OperatorError([f"{path}: it must hold one JSON object, {{…}}"])
    return document


def parse_json(text: str) -> object:
    """
    The value that ``text`` stands for (RFC 8259), where no object has two equal keys.

    :raises ValueError: says what is wrong, and where.
    """
    try:
        return json.loads(text, object_pairs_hook=_refuse_duplicate_keys, parse_constant=_refuse_constant)
    except json.JSONDecodeError as problem:
        raise ValueError(f"line {problem.lineno}, column {problem.colno}: {problem.msg}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise ValueError(f"the key {key!r} stands twice in one object; remove one")
        document[key] = value
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; write a number")
