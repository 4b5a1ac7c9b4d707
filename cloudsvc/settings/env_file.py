"""The ``.env`` file: what belongs to one host. It is read without touching the process's environment."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

from cloudsvc.core.durable_files import replace_file
from cloudsvc.core.errors import OperatorError

_OWNER_ONLY: Final = 0o600


def read_env_file(path: Path) -> dict[str, str]:
    """
    The variables in ``path``; none where there is no such file.

    :raises OperatorError: when it cannot be read, with each line that is none.
    """
    bindings = list(_parse(_read(path).removeprefix("\ufeff")))
    faults = [f"{path}, line {each.original.line}: write NAME=value" for each in bindings if each.error]
    if faults:
        raise OperatorError(faults)
    return {each.key: each.value for each in bindings if each.key is not None and each.value is not None}


def write_variable(path: Path, name: str, value: str) -> None:
    """
    Set ``name`` in ``path``, which nobody but its owner may read from then on; all other lines stay as they are.

    :raises OperatorError: when the file cannot be read or replaced. It is then as before.
    """
    replace_file(path, set_variable(_read(path), name, value).encode(), mode=_OWNER_ONLY)


def set_variable(text: str, name: str, value: str) -> str:
    """``text`` with ``name=value`` in place of what set ``name`` in it, or at its end."""
    kept: list[str] = []
    place: int | None = None
    for binding in _parse(text):
        lines = binding.original.string
        if binding.key != name:
            kept.append(lines)
            continue
        # The parser counts the blank lines before a variable as part of it.
        blank = lines[: len(lines) - len(lines.lstrip())]
        kept.append(blank[: blank.rfind("\n") + 1])
        if place is None:
            place = len(kept)
    if place is None:
        place = len(kept)
    before, after = "".join(kept[:place]), "".join(kept[place:])
    gap = "" if not before or before.endswith("\n") else "\n"
    return f"{before}{gap}{name}={value}\n{after}"


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except OSError as problem:
        raise OperatorError([f"{path} cannot be read: {problem.strerror}"]) from None
    except UnicodeDecodeError as problem:
        raise OperatorError([f"{path}: byte {problem.start} is not UTF-8; save the file as UTF-8"]) from None


def _parse(text: str) -> Iterator[Binding]:
    return parse_stream(StringIO(text, newline=""))
