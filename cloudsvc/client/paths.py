"""Drive paths as a client names them: escaped for URLs, and as names in a local directory."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from cloudsvc.client.errors import LocalError, MalformedAnswerError

_LONGEST: Final = 255
"""Bytes of a name that file systems store."""


def escape_path(path: str) -> str:
    """
    ``path`` as it stands in a URL: names stay as they are spelt, and nothing in them means anything.

    :raises LocalError: it is no path.
    """
    names = path.split("/")
    if not {"", ".", ".."}.isdisjoint(names):
        raise LocalError("invalid_path", f"{path!r} is no path: write names with slashes between, such as a/b.txt.")
    return escape(path, safe="/")


def escape(text: str, *, safe: str = "") -> str:
    """
    ``text`` with everything escaped that is not a letter, a digit or ``-._~``.

    :raises LocalError: it has no encoding in UTF-8 (a name on disk that is not UTF-8).
    """
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError:
        raise LocalError("invalid_path", f"{text!r} cannot be sent: it is not UTF-8.") from None


def child_name(folder: str, path: str) -> str:
    """
    The name of ``path`` in ``folder``, which a server says that it is in.

    :raises MalformedAnswerError: it is not in there, or further down.
    """
    name = path.removeprefix(f"{folder}/") if folder else path
    if (folder and name == path) or not name or "/" in name:
        raise MalformedAnswerError("malformed_answer", f"The server lists {path!r} in {folder!r}, where it is not.")
    return name


def check_local_name(name: str) -> str:
    """
    ``name``, which a server has given, as the name of a file in a local directory.

    :raises LocalError: it is no name here, or would lead elsewhere.
    """
    faults = name in {"", ".", ".."} or "/" in name or "\0" in name
    try:
        faults = faults or len(name.encode()) > _LONGEST
    except UnicodeEncodeError:
        faults = True
    if faults:
        raise LocalError("invalid_local_name", f"{name!r} cannot be the name of a file here.")
    return name
